"""A fuzz run, boxed in time: events and faults at random, and what must hold for all of them.

`python -m tests.fuzz --seconds 60` plays as many as fit, and shows the smallest that fails.
"""
