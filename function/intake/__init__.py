"""From bytes to an authenticated, schema-valid document: unwrap, authenticate, validate."""
