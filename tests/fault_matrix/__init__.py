"""The fault bench: every way in which a call can go wrong, as a table of cases.

`cases` holds the table, `runner` plays one case against the fake DMS over real sockets, `page`
writes the table as README.md: `python -m tests.fault_matrix`.
"""
