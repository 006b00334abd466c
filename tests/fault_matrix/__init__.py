"""The fault bench: every way in which a call can go wrong, as a table of cases.

`cases` holds the table, `scene` plays one case against the stand-in over real sockets, `page`
writes the table as README.md: `python -m tests.fault_matrix`.
"""
