"""Who did it: the events behind each deed, and the doubles that two processes can cause."""

from collections.abc import Iterator

from tests.fake_dms import Effect

from .history import Ask, Handled, History, Restart

MOST_LAG_SECONDS = 60.0

Suspect = tuple[Handled, Ask]


def admits(handled: Handled, ask: Ask, position: int, deed: Effect) -> bool:
    """Tell whether the result of an ask says that it may have sent the call behind a deed."""
    if position >= len(handled.results):
        return False
    data = handled.results[position]["data"]
    request = data.get("request") or {}
    if not ask.genuine or not data.get("api", {}).get("attempts"):
        return False
    if deed.action == "purge":
        return ask.action == "purge_failed" and "all_failure" in request
    asked = deed.instance in ask.instances and deed.instance in request.get("instances", ())
    return asked and ask.action == deed.action == request.get("action")


def suspects(history: History, deed: Effect) -> list[Suspect]:
    """Return the events, with what they ask for, that may be behind a deed."""
    return [
        (handled, ask)
        for handled in history.sent
        if handled.began <= deed.time <= handled.ended
        for position, ask in enumerate(handled.delivery.asks)
        if admits(handled, ask, position, deed)
    ]


def deed_of(restart: Restart) -> Effect:
    """Return the deed that began a restart."""
    return Effect(restart.began, "restart", restart.instance)


def raced(history: History, earlier: Restart, later: Restart) -> bool:
    """Tell whether another process began with the later one before the earlier one showed."""
    if not history.several_copies or not earlier.ours or not later.ours:
        return False
    first = {handled.copy for handled, _ in suspects(history, deed_of(earlier))}
    second = {
        handled.copy
        for handled, _ in suspects(history, deed_of(later))
        if handled.began <= earlier.began + history.lag
    }
    return bool(first and second) and len(first | second) > 1


def overdue(history: History, restart: Restart) -> bool:
    """Tell whether the event behind a restart had no time left to see it.

    Locks are held until a read shows the restart, or until the time for reading is over.
    """
    return any(
        result["data"].get("duration_ms", 0) >= history.patience * 1000
        for handled, _ in suspects(history, deed_of(restart))
        for result in handled.results
    )


def excused(history: History, earlier: Restart, later: Restart) -> bool:
    """Tell whether nothing in the cloud or in its process could tell the later of the earlier."""
    if not earlier.ours or later.began - earlier.began > MOST_LAG_SECONDS:
        return False
    return raced(history, earlier, later) or overdue(history, earlier)


def pairs(history: History) -> Iterator[tuple[Restart, Restart]]:
    """Return every restart of ours with each one before it of the same instance."""
    for later in history.restarts:
        for earlier in history.restarts:
            before = earlier.began < later.began and earlier.instance == later.instance
            if later.ours and before:
                yield earlier, later


def doubles(history: History) -> int:
    """Count the restarts that came although there was one, because nothing could tell of it."""
    found = {
        (later.instance, later.began)
        for earlier, later in pairs(history)
        if excused(history, earlier, later)
    }
    return len(found)
