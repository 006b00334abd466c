"""Prometheus metrics of one process: the outcomes of events, and how long events took.

No label holds an instance id: there are too many of them, and the page needs no authentication.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

from ..model.result import EventContext, Receiver, ResultEvent

# Most events take two or three calls; SMN gives up after 5 s, asynchronous events end after 25 s.
DURATION_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 4.5, 10.0, 25.0)
LEDGER_REASON = "ledger_unreadable"


class _DroppedLines:
    """Reports the log's count of dropped lines at each scrape."""

    def __init__(self, count: Callable[[], int], family: Callable[..., Any]) -> None:
        self._count = count
        self._family = family

    def collect(self) -> Iterator[Any]:
        """Yield the count as a counter."""
        yield self._family(
            "kafka_remediator_dropped_log_lines",
            "Lines of the log that were not taken in time.",
            value=self._count(),
        )


class Metrics:
    """The counters of one process, in their own registry.

    prometheus_client is imported when the first one is made: it costs cold start, and only
    METRICS=true needs it.
    """

    def __init__(self, dropped_log_lines: Callable[[], int]) -> None:
        import prometheus_client as prometheus  # noqa: PLC0415 - costs cold start
        from prometheus_client.core import CounterMetricFamily  # noqa: PLC0415 - same

        # Without this, each counter has a second series with the moment of its creation.
        prometheus.disable_created_metrics()  # type: ignore[no-untyped-call] # it has no hints
        self.content_type = prometheus.CONTENT_TYPE_LATEST
        self._render = prometheus.generate_latest
        self._registry = registry = prometheus.CollectorRegistry()
        self._events = prometheus.Counter(
            "kafka_remediator_events",
            "Events by what became of them.",
            ("outcome", "action", "reason", "source"),
            registry=registry,
        )
        self._duration = prometheus.Histogram(
            "kafka_remediator_event_duration_seconds",
            "From the receipt of an event to its result.",
            buckets=DURATION_BUCKETS,
            registry=registry,
        )
        self._needs_human = prometheus.Counter(
            "kafka_remediator_needs_human", "Results that call a person.", registry=registry
        )
        self._ledger_errors = prometheus.Counter(
            "kafka_remediator_ledger_errors",
            "Events that the shared ledger kept from acting.",
            registry=registry,
        )
        self._undelivered = prometheus.Counter(
            "kafka_remediator_undelivered",
            "Results that did not arrive: at the sink, or at the topic that people read.",
            ("to",),
            registry=registry,
        )
        for receiver in get_args(Receiver):  # from zero, so that the first failure is an increase
            self._undelivered.labels(to=receiver)
        registry.register(_DroppedLines(dropped_log_lines, CounterMetricFamily))

    def count(self, context: EventContext, result: ResultEvent, seconds: float) -> None:
        """Count one result; what an unauthenticated sender says of itself is no label."""
        data = result.data
        self._events.labels(
            outcome=str(data["outcome"].value),
            action=str(getattr(data.get("action"), "value", "")),
            reason=data["reason"] or "",
            source=(context.authenticated and context.source) or context.raw_event.channel,
        ).inc()
        # Without labels: a histogram has a dozen series for each combination of them.
        self._duration.observe(seconds)
        self._needs_human.inc(bool(data.get("needs_human")))
        reasons = {data["reason"], *(row["reason"] for row in data.get("instances", ()))}
        # Once for each event, however many of its instances the ledger kept from acting.
        self._ledger_errors.inc(LEDGER_REASON in reasons)

    def count_undelivered(self, receiver: Receiver) -> None:
        """Count one result that did not arrive."""
        self._undelivered.labels(to=receiver).inc()

    def page(self) -> str:
        """Return all metrics in the text format of Prometheus."""
        return self._render(self._registry).decode()
