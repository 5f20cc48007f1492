"""The MixtureSearch document: its fields, its errors with places, its custom resource.

Knows: every field of the resource, how YAML becomes it, which fields may change while a search
runs, what this version does not act on, and which domains its axes make of a manifest.
Never knows: corpora beyond their manifests, ledgers, clusters, files.
Used by: plan and driver (the model), ledger (the domains), cli and controller (loading),
`tools/generate.py` (the CRD).
"""
