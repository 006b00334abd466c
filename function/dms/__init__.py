"""The DMS API: reads, request signing, diagnostics; action.py alone changes anything."""
