"""The demo: real-shaped events, the function under its server, a fake cloud."""
