"""Faults before the request is sent: nothing arrives, and the result knows that."""

from tests.fake_dms import Close, Hold, Raw, Reset

from .case import ACCEPTED, NOT_SENT, PERHAPS_SENT, TOO_LATE, Case, Dial, Way


def _all(way: Way) -> tuple[Way, ...]:
    return (way,) * 4


def _certificate(problem: str, kind: str) -> Case:
    return Case(
        f"certificate {problem}",
        NOT_SENT,
        ways=_all("elsewhere"),
        tls=kind,
        says="TLS: the certificate of localhost:",
        pages=True,
    )


CASES = (
    Case("connection refused", NOT_SENT, ways=_all("refused"), says="Connect to localhost:"),
    Case("connection refused twice, then not", ACCEPTED, ways=("refused", "refused")),
    Case("host unreachable", NOT_SENT, ways=_all("unreachable")),
    Case(
        "host name unknown",
        NOT_SENT,
        ways=_all("no name"),
        says="DNS knows no host localhost:",
        pages=True,
    ),
    Case(
        "host name not resolved for now",
        NOT_SENT,
        ways=_all("no DNS"),
        says="DNS could not resolve localhost:",
    ),
    Case(
        "host name found only after the deadline",
        TOO_LATE,
        ways=_all("slow name"),
        hurry=True,
        says="time ran out before the call was sent",
    ),
    Case("connected only after the deadline", NOT_SENT, ways=_all("full"), hurry=True),
    Case(
        "TLS handshake ends only after the deadline",
        NOT_SENT,
        (Dial(Hold(at="connect"), "connection", times=None),),
        ways=_all("elsewhere"),
        tls="good",
        hurry=True,
    ),
    Case(
        "connection reset in the TLS handshake",
        NOT_SENT,
        (Dial(Reset(at="connect"), "connection", times=None),),
        ways=_all("elsewhere"),
        tls="good",
    ),
    Case(
        "something that is not TLS answers",
        NOT_SENT,
        (Dial(Raw(b"HTTP/1.1 400 no\r\n\r\n", "connect"), "connection", times=None),),
        ways=_all("elsewhere"),
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
        PERHAPS_SENT,
        (Dial(Reset(at="connect"), "connection"),),
        ways=("elsewhere",),
    ),
    Case(
        "connection closed before the request is read",
        PERHAPS_SENT,
        (Dial(Close(at="connect"), "connection", times=None),),
        ways=_all("elsewhere"),
    ),
    *(
        Case(
            f"connection {ended} before the request is read, and every one after it",
            PERHAPS_SENT,
            (Dial(fault, "connection", times=None),),
            ways=_all("elsewhere"),
            read_ways=("cloud", "cloud", *_all("elsewhere")),
            seconds=2.5,
        )
        for ended, fault in {"closed": Close("connect"), "reset": Reset("connect")}.items()
    ),
)
