"""The DMS API: reads, the one action call, request signing, diagnostics."""
