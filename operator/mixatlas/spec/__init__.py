"""The MixtureSearch document: its fields, its errors with places, its custom resource.

Knows: every field of the resource, how YAML becomes it, which fields may change while a search
runs, and what this version does not act on.
Never knows: corpora beyond their manifests, ledgers, clusters, files.
Used by: plan and driver (the model), cli and controller (loading), `tools/generate.py` (the CRD).
"""
