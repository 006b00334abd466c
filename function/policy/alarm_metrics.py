"""Which metrics of Cloud Eye ask for a restart, under whatever name a message calls them (pure)."""

from __future__ import annotations

from collections.abc import Iterable

# Cloud Eye's JSON template has the console's name only. What it is for `broker_alive` is not
# documented: the names in English that the vendor's pages use; operators add what they see.
BROKER_ALIVE_NAMES = frozenset({"broker alive", "node alive status"})


def asks_for_restart(metric: str | None, alarm_metrics: Iterable[str]) -> bool:
    """Tell whether a metric is one of ALARM_METRICS, in any case; None where labels decide instead.

    >>> [asks_for_restart(name, {"broker_alive"}) for name in ("Broker_Alive", "Broker Alive", "")]
    [True, True, False]
    >>> asks_for_restart("Node Alive Status", {"broker_disk_usage"})
    False
    """
    if metric is None:
        return True
    # The two forms of Cloud Eye write a metric's name in different cases.
    wanted = {name.casefold() for name in alarm_metrics}
    if "broker_alive" in wanted:
        wanted |= BROKER_ALIVE_NAMES
    return metric.strip().casefold() in wanted
