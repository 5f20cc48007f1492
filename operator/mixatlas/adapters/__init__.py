"""What both modes use of the world: S3, the clock, the proposer's worker process.

Knows: the libraries behind them, time-outs and retries.
Never knows: searches, plans, Kubernetes, subprocess trials. Adapters match `driver.ports` by
structure; the contract suites check it.
Used by: local, controller, corpus commands.
"""
