"""Environment variables as one validated value."""
