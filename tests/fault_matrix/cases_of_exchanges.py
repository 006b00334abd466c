"""Faults between the first byte of the request and the last of the answer: never sent again."""

from tests.fake_dms import (
    BrokenChunks,
    Close,
    Drip,
    Hold,
    Raw,
    Reply,
    Reset,
    WrongLength,
    gzip_bomb,
    html,
)

from .case import (
    ACCEPTED,
    BY_ID,
    SEEN,
    SOON,
    UNKNOWN,
    Case,
    PlannedFault,
    done_without_response,
    posting,
)

RAN_OUT = "Time ran out before the answer came."
LONG = b'{"results": []}'.ljust(1024 * 1024 + 1)


def _status(line: bytes) -> Raw:
    return Raw(line + b"\r\nContent-Length: 2\r\n\r\n{}")


CASES = (
    posting("closed after the head", Close("head"), UNKNOWN),
    posting("reset after the head", Reset("head"), UNKNOWN),
    posting("closed after the request", Close("request"), UNKNOWN),
    posting("reset after the request", Reset("request"), UNKNOWN),
    done_without_response("closed after it was done", Close("done")),
    done_without_response("reset after it was done", Reset("done")),
    done_without_response("closed in the middle of the answer", Close("answer"), purge=ACCEPTED),
    done_without_response("reset in the middle of the answer", Reset("answer")),
    posting("held before the body is read", Hold("head"), UNKNOWN, hurry=SOON, says=RAN_OUT),
    posting("held and not done in time", Hold("request"), UNKNOWN, hurry=SOON, says=RAN_OUT),
    done_without_response("done, but the answer is held", Hold("done"), hurry=SOON),
    done_without_response("done, but half of the answer is held", Hold("answer"), hurry=SOON),
    done_without_response("headers drip", Drip("head"), hurry=SOON),
    done_without_response("the body drips", Drip("body"), hurry=SOON, purge=ACCEPTED),
    done_without_response("body shorter than its Content-Length", WrongLength(10), purge=ACCEPTED),
    done_without_response("body longer than its Content-Length", WrongLength(-5), purge=ACCEPTED),
    done_without_response("broken chunks", BrokenChunks()),
    done_without_response("more than 1 MiB", Reply(200, LONG, acts=True)),
    done_without_response("gzip bomb", gzip_bomb(20, acts=True)),
    done_without_response("200 with HTML", html(200, acts=True)),
    posting("200 with HTML, and not done", html(200), UNKNOWN),
    done_without_response("200 with nothing", Reply(200, acts=True), purge=ACCEPTED),
    done_without_response(
        "200 with a key twice", Reply(200, '{"results":1,"results":2}', acts=True)
    ),
    done_without_response(
        "200 with JSON in UTF-16", Reply(200, '{"a":1}'.encode("utf-16"), acts=True)
    ),
    done_without_response(
        "200 with other JSON", Reply(200, '{"jobs":[]}', acts=True), purge=ACCEPTED
    ),
    done_without_response("200 with a list", Reply(200, "[]", acts=True), purge=ACCEPTED),
    done_without_response("204", Reply(204, acts=True), purge=ACCEPTED),
    posting("204, and not done", Reply(204), UNKNOWN, actions=BY_ID),
    done_without_response(
        "204 with a body", Reply(204, '{"results":[]}', acts=True), purge=ACCEPTED
    ),
    *(
        done_without_response(f"{status}", Reply(status, "{}", acts=True))
        for status in (201, 202, 203, 205, 206, 299)
    ),
    *(posting(f"{status}, and not done", Reply(status, "{}"), UNKNOWN) for status in (202, 206)),
    *(
        Case(f"{status} to another host", UNKNOWN, elsewhere=status)
        for status in (300, 301, 302, 303, 307, 308)
    ),
    posting("304", Reply(304), UNKNOWN),
    posting("101 Switching Protocols", _status(b"HTTP/1.1 101 Switching"), UNKNOWN),
    posting("103 Early Hints alone", Raw(b"HTTP/1.1 103 Hints\r\n\r\n"), UNKNOWN),
    posting("100 Continue alone", Raw(b"HTTP/1.1 100 Continue\r\n\r\n"), UNKNOWN),
    posting("a status of two digits", _status(b"HTTP/1.1 20 OK"), UNKNOWN),
    posting("status 999", _status(b"HTTP/1.1 999 Odd"), UNKNOWN),
    posting("a status line without a status", _status(b"HTTP/1.1 OK"), UNKNOWN),
    posting("something that is not HTTP", Raw(b"220 mail.example ESMTP\r\n"), UNKNOWN),
    posting("a header line of 70 kB", Raw(b"HTTP/1.1 200 OK\r\nA: " + b"a" * 70000), UNKNOWN),
    posting("200 headers", Raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"), UNKNOWN),
    posting(
        "a chunk of a negative size",
        Raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n{}"),
        UNKNOWN,
    ),
    Case(
        "the answer is lost, and so is every read after it",
        UNKNOWN,
        (PlannedFault(Close("done")), PlannedFault(Reset("request"), "show", times=None, skip=1)),
        seconds=2.5,
    ),
    Case(
        "the answer is lost, and the status lags behind the background task",
        SEEN,
        (PlannedFault(Close("done")),),
        actions=("restart",),
        looks=2,
        arrange=lambda cloud: setattr(cloud.behaviour, "status_lag", 3600.0),
    ),
)
