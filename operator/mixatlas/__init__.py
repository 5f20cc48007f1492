"""MixAtlas: finds the training-data mixture of a multimodal model with proxy runs.

The rooms are described in `operator/README.md`; each room's docstring says what it knows.
"""

__version__ = "0.1.0"
