"""The values that travel from step to step, and the exceptions."""
