"""Searches on one machine: subprocess trials and an embedded S3 server.

Knows: processes, files, locks, ports of this machine; how a search is put together here.
Never knows: Kubernetes. It decides nothing: the plan does.
Used by: cli.
"""
