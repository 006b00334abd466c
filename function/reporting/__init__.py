"""What happened, as one result event: to the log, the sink and people."""
