"""Every decision: act or skip, send again or not. Pure, no I/O; instance_rules.py has the rules."""
