"""How events get in and answers get out: HTTP, platform triggers, process start."""
