"""What the search and any trainer agree on: files, names, seeds, exit codes, reasons.

Knows: the shapes and digests of manifests, trial files, checkpoints and results.
Never knows: searches, surrogates, object stores, torch. pydantic and the standard library only.
Used by: every room, and by `mixatlas_trainer`, which sees no other room.
"""
