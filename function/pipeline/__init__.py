"""The order of the steps that one event takes: read event_run.py first."""

from .completion import process, run
from .event_run import EventRun, Runtime

__all__ = ["EventRun", "Runtime", "process", "run"]
