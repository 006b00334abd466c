"""Faults while the live state is read: nothing is sent, unless a repeated read succeeds."""

from typing import Any

from tests.fake_dms import (
    BrokenChunks,
    Close,
    Drip,
    Fault,
    Hold,
    Raw,
    Reply,
    Reset,
    WrongLength,
    gzip_bomb,
    html,
    throttled,
    vendor_error,
)

from .case import (
    ACCEPTED,
    UNKNOWN,
    UNREADABLE,
    UNREADABLE_LASTING,
    Case,
    Expected,
    PlannedFault,
    Route,
)
from .cases_of_refusals import QUOTED

IN_TIME = "in time"  # nor did it connect in time, on a machine that is slow enough


def _reading(name: str, fault: Fault, expected: Expected = UNREADABLE, **rest: Any) -> Case:
    return Case(f"{name}, reading", expected, (PlannedFault(fault, "any", times=None),), **rest)


def _once(name: str, fault: Fault) -> Case:
    return Case(f"{name} once, reading", ACCEPTED, (PlannedFault(fault, "any"),), looks=2)


def _connecting(name: str, fault: Fault, expected: Expected, times: int | None) -> Case:
    faults = (PlannedFault(fault, "connection", times),)
    elsewhere: tuple[Route, ...] = ("elsewhere",)
    case_name = f"{name} before the request is read, reading"
    return Case(case_name, expected, faults, read_routes=elsewhere * (times or 9), looks=2)


CASES = (
    Case(
        "connection refused, reading",
        UNREADABLE,
        read_routes=("refused",) * 9,
        says="Connect to localhost:",
    ),
    Case(
        "host name unknown, reading",
        UNREADABLE,
        read_routes=("no name",) * 9,
        says="DNS knows no host localhost:",
        pages=True,
    ),
    Case(
        "host name not resolved for now, reading",
        UNREADABLE,
        read_routes=("no DNS",) * 9,
        says="DNS could not resolve localhost:",
    ),
    Case("host unreachable, reading", UNREADABLE, read_routes=("unreachable",) * 9),
    Case(
        "host name found too late, reading",
        UNREADABLE,
        read_routes=("slow name",) * 9,
        seconds=1.0,
        says="Timeout: no connect to localhost:",
    ),
    Case(
        "certificate expired, reading",
        UNREADABLE,
        read_routes=("elsewhere",) * 9,
        tls="expired",
        says="TLS: the certificate of localhost:",
        pages=True,
    ),
    _connecting("closed", Close("connect"), UNREADABLE, times=None),
    _connecting("reset", Reset("connect"), UNREADABLE, times=None),
    _reading("reset", Reset("request")),
    _reading("closed", Close("done")),
    _reading("truncated", Close("answer")),
    _reading("broken chunks", BrokenChunks()),
    _reading("body shorter than its Content-Length", WrongLength(10)),
    _reading("body longer than its Content-Length", WrongLength(-5)),
    _reading("held", Hold("request"), seconds=1.0, says=IN_TIME),
    _reading("headers drip", Drip("head"), seconds=1.0, says=IN_TIME),
    _reading("the body drips", Drip("body"), seconds=1.0, says=IN_TIME),
    _reading("200 with HTML", html(200)),
    _reading("200 with nothing", Reply(200)),
    _reading("200 with other JSON", Reply(200, '{"jobs":[]}'), UNREADABLE_LASTING),
    _reading("204", Reply(204)),
    _reading("gzip bomb", gzip_bomb(20)),
    _reading("something that is not HTTP", Raw(b"220 mail.example ESMTP\r\n")),
    _reading("429", throttled()),
    _reading("429 again and again, Retry-After: 0", throttled("0")),
    _reading("404 DMS.10240407", throttled(code="DMS.10240407", status=404)),
    _reading("500", Reply(500, "no")),
    _reading("503 APIGW.0613", vendor_error(503, "APIGW.0613")),
    _reading("504 APIGW.0201", vendor_error(504, "APIGW.0201")),
    _reading("400", Reply(400, "no"), UNREADABLE_LASTING),
    _reading("401 APIGW.0301", vendor_error(401, "APIGW.0301"), UNREADABLE_LASTING),
    _reading("403 DMS.00403003", vendor_error(403, "DMS.00403003"), UNREADABLE_LASTING),
    _reading("404 APIGW.0101", vendor_error(404, "APIGW.0101"), UNREADABLE_LASTING),
    *(
        _reading(f"400 that quotes {name}", vendor_error(400, "X.1", text), UNREADABLE_LASTING)
        for name, text in QUOTED.items()
    ),
    *(
        _reading(f"401 that quotes {name}", vendor_error(401, "X.1", text), UNREADABLE_LASTING)
        for name, text in QUOTED.items()
    ),
    _reading("401 APIGW.0303", vendor_error(401, "APIGW.0303")),
    _connecting("closed once", Close("connect"), ACCEPTED, times=1),
    _connecting("reset once", Reset("connect"), ACCEPTED, times=1),
    _once("reset", Reset("request")),
    _once("truncated", Close("answer")),
    _once("503", Reply(503, "no")),
    _once("429", throttled("1")),
    Case(
        "429 while looking for the restart that was accepted",
        ACCEPTED,
        (PlannedFault(throttled("0"), "show", times=None, skip=1),),
        actions=("restart",),
        looks=9,
    ),
    Case(
        "429 while looking for the restart whose answer was lost",
        UNKNOWN,
        (PlannedFault(Close("done")), PlannedFault(throttled("0"), "show", times=None, skip=1)),
        actions=("restart",),
        looks=9,
    ),
    _once("103 Early Hints before the answer", Raw(b"HTTP/1.1 103 Hints\r\n\r\n")),
)
