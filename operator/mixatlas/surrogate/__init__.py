"""Arrays in, posterior out: what scores to expect of a mixture that nobody has trained.

Knows: feature maps on the simplex, Gaussian processes, leave-one-out checks, joint draws of the
objective. Larger is better; weights are float64 here and nowhere below.
Never knows: rounds, acquisition, files, Kubernetes, which mixture to train next.
Used by: propose and report.
"""
