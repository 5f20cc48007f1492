"""The append-only record of a search: what was intended, what came out, what it means.

Knows: the stored records, their names under the search's prefix, and `fold`, which turns
outcomes into the history that the surrogate reads.
Never knows: object stores, clocks, how trials are run, how mixtures are proposed.
Used by: objective, surrogate, propose, plan, report, export, driver and the rims.
"""
