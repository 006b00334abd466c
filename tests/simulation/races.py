"""The events behind each effect, and the doubles that processes without a ledger can cause."""

from collections.abc import Callable, Iterator

from tests.fake_dms import Effect

from .history import Ask, Handled, History, Restart

MAX_RESTART_SECONDS = 20 * 60.0
"""How long a call that may have arrived is remembered."""

EventAndAsk = tuple[Handled, Ask]


def admits(handled: Handled, ask: Ask, position: int, effect: Effect) -> bool:
    """Tell whether the result of an ask says that it may have sent the call behind an effect."""
    if position >= len(handled.results):
        return False
    data = handled.results[position]["data"]
    request = data.get("request") or {}
    if not ask.genuine or not data.get("api", {}).get("attempts"):
        return False
    if effect.action == "purge":
        return ask.action == "purge_failed" and "all_failure" in request
    asked = effect.instance in ask.instances and effect.instance in request.get("instances", ())
    return asked and ask.action == effect.action == request.get("action")


def events_behind(history: History, effect: Effect) -> list[EventAndAsk]:
    """Return the events, with what they ask for, that may be behind an effect."""
    return [
        (handled, ask)
        for handled in history.sent
        if handled.began <= effect.time <= handled.ended
        for position, ask in enumerate(handled.delivery.asks)
        if admits(handled, ask, position, effect)
    ]


def effect_of(restart: Restart) -> Effect:
    """Return the effect that began a restart."""
    return Effect(restart.began, "restart", restart.instance)


def raced(history: History, earlier: Restart, later: Restart) -> bool:
    """Tell whether another process, without a ledger, could not see the earlier restart."""
    if history.know_of_each_other or not earlier.ours or not later.ours:
        return False
    first = {handled.copy for handled, _ in events_behind(history, effect_of(earlier))}
    second = {
        handled.copy
        for handled, _ in events_behind(history, effect_of(later))
        if earlier.hidden or handled.began <= earlier.began + history.lag
    }
    return bool(first and second) and len(first | second) > 1


def never_shown(history: History, earlier: Restart, later: Restart) -> bool:
    """Tell whether neither a response nor the cloud ever showed the earlier restart.

    A call without a clear answer is remembered for 20 minutes; then the history has to show it.
    """
    long_ago = later.began - earlier.began >= MAX_RESTART_SECONDS - 1
    return (
        earlier.hidden
        and long_ago
        and any(
            row["outcome"] == "unknown"
            for handled, _ in events_behind(history, effect_of(earlier))
            for result in handled.results
            for row in result["data"].get("instances", ())
            if row["id"] == earlier.instance
        )
    )


def excused(history: History, earlier: Restart, later: Restart) -> bool:
    """Tell whether the sender of the later restart could not know of the earlier restart."""
    return raced(history, earlier, later) or never_shown(history, earlier, later)


def pairs(history: History) -> Iterator[tuple[Restart, Restart]]:
    """Return every restart of ours with each one before it of the same instance."""
    for later in history.restarts:
        for earlier in history.restarts:
            before = earlier.began < later.began and earlier.instance == later.instance
            if later.ours and before:
                yield earlier, later


def _count(history: History, holds: Callable[[History, Restart, Restart], bool]) -> int:
    matching = {
        (later.instance, later.began)
        for earlier, later in pairs(history)
        if later.began - earlier.began < history.policy.cooldown and holds(history, earlier, later)
    }
    return len(matching)


def doubles(history: History) -> int:
    """Count the restarts within the cooldown that another process could not know of."""
    return _count(history, raced)


def repeats_of_unshown(history: History) -> int:
    """Count the restarts within the cooldown of a restart that nothing ever showed."""
    return _count(history, never_shown)
