"""The first axis: which concept an image shows.

A column of the source says so, or a CLIP or SigLIP checkpoint does: its image tower embeds every
image, and each image gets the nearest concept, the middle of a cluster or the meaning of prompts.

Knows: checkpoints, embeddings, k-means, vocabularies.
Never knows: tasks, tokens, shards.
"""
