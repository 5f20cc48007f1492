"""The proxy trainer: one mixture, one seed, one budget in; scores out.

Knows: the trial file and everything it names; shards, models, optimisers, metrics.
Never knows: searches, the operator, Kubernetes. Of `mixatlas` it sees `mixatlas.contract` only.
Used by: the trainer's image (`python -m mixatlas_trainer`) and, forked, by `mixatlas.local`.

The map of the modules, and how another trainer meets the contract: `trainer-image/README.md`.
"""
