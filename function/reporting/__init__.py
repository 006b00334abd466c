"""What happened, as one result event, to the log and the sink."""
