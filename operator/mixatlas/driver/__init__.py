"""The loop: observe → plan → act → record → status → events, the same in every mode.

Knows: the ledger's objects, the plan, the proposer's questions, and the ports it is given.
Never knows: Kubernetes, processes, S3, the system's clock; those stand behind `ports.py`.
Used by: `local` and `controller`, which wire real ports to it.
"""
