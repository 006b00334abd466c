"""The values that travel along the path, and the exceptions."""
