"""The feasible mixtures: a polytope on the simplex over domains, and points in it.

Knows: bounds, groups, linear constraints and repeat caps; exact membership on the lattice of
parts per million; emptiness and why; repair, sampling and designs, all seeded.
Never knows: scores, surrogates, trials, files.
Used by: objective, surrogate, propose, plan, driver.
"""
