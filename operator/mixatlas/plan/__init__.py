"""What to do next: `plan(observed, now)` looks at everything that is known and answers actions.

Knows: the order of a search (base, rounds, confirmation, winner), failures and limits, status.
Never knows: Kubernetes, processes, object stores, clocks, fits. It is pure and total: any
observed state gives a plan, the same state the same plan, and the order of lists is no matter.
Used by: the driver, which observes, calls `plan`, and acts.
"""
