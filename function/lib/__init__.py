"""Code without domain knowledge: clock, threads, HTTP transport, strict JSON, schemas."""
