"""Everything that knows Kubernetes: watches, the queue, Jobs, status, the winner's hand-over.

`service` wires it up; `reconciler` makes one pass of one search; `world` holds what the watches
have seen. Nothing that must survive lies here: it is in the object store or in Kubernetes.
"""
