"""The demo corpus: small pictures of five concepts with five kinds of supervision.

It is drawn from packages of the Python index alone (`LICENCES.md`), the same bytes on every run:
sample i of domain d comes from `default_rng([seed, d, i])`. The product knows nothing of it; it
gets JSON lines and PNG files, as anybody's corpus would.

Reading order: `sources` (what is drawn), `canvas` (how), `questions`, then one module a concept,
`domains` (the tables of sizes), `build` (files).
"""
