"""A mixture in the forms that training loaders read; one file a form.

Knows: mixtures and the corpus's token counts.
Never knows: searches, stores, files: it returns text.
Used by: cli, controller.
"""
