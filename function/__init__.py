"""Kafka remediator: turns an event into decisions, at most one API call, and one result event."""
