"""The demo: real-shaped events, the function under its server, a stand-in of the cloud."""
