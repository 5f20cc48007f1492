"""Which mixtures to train next, and which to confirm: what a search asks of its surrogate.

Knows: spaces, histories, posteriors, acquisition, the exact lattice.
Never knows: rounds, Kubernetes, S3, files, clocks. Every answer depends on its arguments alone.
Used by: driver, through a worker process with a time limit; benchmarks.
"""
