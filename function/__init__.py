"""Kafka remediator: from an event to a verdict to one call, and one result event for each."""
