"""The demo: real-shaped events, the function under functions-framework, a stand-in of the cloud."""
