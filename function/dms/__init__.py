"""The cloud API: reads, the one action call, signing, instance locks."""
