"""Bytes to an authenticated, schema-valid document."""
