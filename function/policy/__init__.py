"""Every decision: act or skip, send again or not. Pure: no I/O."""
