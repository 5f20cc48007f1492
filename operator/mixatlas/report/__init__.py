"""What a search found, for people: tables, figures, one HTML page.

Knows: observed searches, how to draw them. It returns bytes and writes nothing.
Never knows: object stores, clocks, how trials are run.
Used by: driver, which stores the page, and cli, which prints the tables.
"""
