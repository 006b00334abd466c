"""Faults before the request is sent: nothing arrives, and the result says so."""

from tests.fake_dms import Close, Hold, Raw, Reset

from .case import ACCEPTED, NOT_SENT, POSSIBLY_SENT, SOON, TOO_LATE, Case, PlannedFault, Route


def _all(route: Route) -> tuple[Route, ...]:
    return (route,) * 4


def _certificate(problem: str, kind: str) -> Case:
    return Case(
        f"certificate {problem}",
        NOT_SENT,
        routes=_all("elsewhere"),
        tls=kind,
        says="TLS: the certificate of localhost:",
        pages=True,
    )


CASES = (
    Case("connection refused", NOT_SENT, routes=_all("refused"), says="Connect to localhost:"),
    Case("connection refused twice, then not", ACCEPTED, routes=("refused", "refused")),
    Case("host unreachable", NOT_SENT, routes=_all("unreachable")),
    Case(
        "host name unknown",
        NOT_SENT,
        routes=_all("no name"),
        says="DNS knows no host localhost:",
        pages=True,
    ),
    Case(
        "host name not resolved for now",
        NOT_SENT,
        routes=_all("no DNS"),
        says="DNS could not resolve localhost:",
    ),
    Case(
        "host name found only after the deadline",
        TOO_LATE,
        routes=_all("slow name"),
        hurry=SOON,
        says="time ran out before the call was sent",
    ),
    # A second attempt to connect gives up after a quarter of this, long before the deadline.
    Case("connected only after the deadline", NOT_SENT, routes=_all("full"), hurry=3.0),
    Case(
        "TLS handshake ends only after the deadline",
        NOT_SENT,
        (PlannedFault(Hold(at="connect"), "connection", times=None),),
        routes=_all("elsewhere"),
        tls="good",
        hurry=SOON,
    ),
    Case(
        "connection reset in the TLS handshake",
        NOT_SENT,
        (PlannedFault(Reset(at="connect"), "connection", times=None),),
        routes=_all("elsewhere"),
        tls="good",
    ),
    Case(
        "something that is not TLS answers",
        NOT_SENT,
        (PlannedFault(Raw(b"HTTP/1.1 400 no\r\n\r\n", "connect"), "connection", times=None),),
        routes=_all("elsewhere"),
        tls="good",
    ),
    _certificate("expired", "expired"),
    _certificate("not valid yet", "not yet valid"),
    _certificate("for another name", "wrong name"),
    _certificate("for this name only as its common name", "common name"),
    _certificate("of an unknown authority", "unknown"),
    _certificate("signed by itself", "self-signed"),
    Case(
        "connection reset while the request is being sent",
        POSSIBLY_SENT,
        (PlannedFault(Reset(at="connect"), "connection"),),
        routes=("elsewhere",),
    ),
    Case(
        "connection closed before the request is read",
        POSSIBLY_SENT,
        (PlannedFault(Close(at="connect"), "connection", times=None),),
        routes=_all("elsewhere"),
    ),
    *(
        Case(
            f"connection {ended} before the request is read, and every one after it",
            POSSIBLY_SENT,
            (PlannedFault(fault, "connection", times=None),),
            routes=_all("elsewhere"),
            read_routes=("cloud", "cloud", *_all("elsewhere")),
            seconds=2.5,
        )
        for ended, fault in {"closed": Close("connect"), "reset": Reset("connect")}.items()
    ),
)
