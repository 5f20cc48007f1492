"""What a search found and what a corpus holds, for people: tables, figures, HTML pages.

Knows: observed searches, how to draw them; a corpus's page. It returns bytes and writes nothing.
Never knows: object stores, clocks, how trials are run, how a corpus is stored.
Used by: driver, which stores a search's page; corpus, which says what its page shows; and cli.
"""
