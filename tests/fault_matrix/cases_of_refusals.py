"""Answers that say it was not done, in part or at all: what may be sent again, and what may not."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

from tests.fake_dms import Alter, Answer, FakeDms, Fault, Reply, Rows, throttled, vendor_error

from .case import (
    ACCEPTED,
    BUSY,
    BY_ID,
    ONE,
    REFUSED,
    SOON,
    THROTTLED,
    TWO,
    UNKNOWN,
    Case,
    Expected,
    PlannedFault,
    done_without_response,
    posting,
)
from .runner import ACCOUNT

PERMISSION = replace(REFUSED, reason="permission")
CREDENTIALS = replace(REFUSED, reason="credentials")
EXPIRED = Expected("failed", "credentials", 503, 1)
SKEWED = Expected("failed", "clock_skew", 503, 1)
UNAVAILABLE = Expected("failed", "unavailable", 503, 1)
ALREADY = Expected("skipped", "already_restarting", 200, 1)
PARTIAL = Expected("partial", None, 200, 1)
MIXED = Expected("unknown", None, 202, 1)
BOTH: dict[str, Any] = {"instances": (ONE, TWO), "actions": BY_ID}


def _date(**distance: float) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(**distance), usegmt=True)


@dataclass(frozen=True, slots=True)
class Postponing(Fault):
    """Answer 429 with a date so many seconds after the answer, or up to one second sooner."""

    seconds: float

    def instead(self) -> Answer | None:
        """Answer without acting."""
        return throttled(_date(seconds=self.seconds)).instead()


def _rows(**words: str) -> Reply:
    ids = {"one": ONE, "two": TWO}
    rows = [{"result": word, "instance": ids[name]} for name, word in words.items()]
    return Reply(200, {"results": rows})


def _answered(status: int, expected: Expected) -> Case:
    return posting(f"{status} without a code", Reply(status, "no"), expected)


def _coded(status: int, code: str, expected: Expected, **rest: Any) -> Case:
    return posting(f"{status} {code}", vendor_error(status, code), expected, **rest)


def _restarting(cloud: FakeDms) -> None:
    cloud.set_status(ONE, "RESTARTING")


ROWS = (
    *(
        done_without_response(f"200 with rows: {change}", Rows(change), **BOTH)
        for change in ("none", "null", "text", "only_unasked", "misspelt", "misspelt_key")
    ),
    done_without_response("200 with rows: misspelt_id", Rows("misspelt_id"), **BOTH),
    done_without_response("200 with rows: contradictory", Rows("contradictory"), **BOTH),
    *(
        posting(f"200 with rows: {change}", Rows(change), ACCEPTED, **BOTH)
        for change in ("doubled", "unasked", "upper_case", "reversed", "missing")
    ),
    posting("200 with a row failed", _rows(one="success", two="failed"), PARTIAL, **BOTH),
    posting("200 with every row failed", _rows(one="failed", two="failed"), REFUSED, **BOTH),
    posting(
        "200 with the row failed, and it restarts",
        _rows(one="failed"),
        ALREADY,
        actions=("restart",),
        meanwhile=_restarting,
    ),
    posting("200 with a row missing, and not done", _rows(one="failed"), MIXED, **BOTH),
    posting("200 with an odd row, and not done", _rows(one="ok", two="ok"), UNKNOWN, **BOTH),
    posting(
        "200 with an odd key, and done",
        Alter(lambda body: {"results": [row | {"job": 1} for row in body["results"]]}),
        ACCEPTED,
    ),
)

RETRY_AFTER = (
    *(
        posting(f"429, Retry-After: {name}", throttled(text), ACCEPTED.after(posts=2))
        for name, text in {"0": "0", "a date that is past": _date(days=-1)}.items()
    ),
    posting("429, Retry-After: 1, in time", throttled("1"), ACCEPTED.after(posts=2)),
    posting("429, Retry-After: a date in time", Postponing(1), ACCEPTED.after(posts=2)),
    posting("429, Retry-After: 1, out of time", throttled("1"), THROTTLED, hurry=SOON),
    posting("429, Retry-After: a date out of time", Postponing(2), THROTTLED, hurry=SOON),
    posting("429, Retry-After: longer than sending may take", throttled("9"), THROTTLED),
    Case("429 twice, Retry-After: 0", THROTTLED.after(2), (PlannedFault(throttled("0"), times=2),)),
    *(
        posting(f"429, Retry-After: {name}", throttled(text), THROTTLED)
        for name, text in {
            "absent": None,
            "empty": "",
            "too long": "3600",
            "a date too late": _date(hours=1),
            "1e3": "1e3",
            "-1": "-1",
            "soon": "soon",
            "Arabic digits": "%d9%a1",
            "20 digits": "9" * 20,
            "a date without a zone": "Tue, 24 Nov 2099 08:49:37",
            "a date that cannot be": "Wed, 31 Feb 2026 08:49:37 GMT",
        }.items()
    ),
    posting("404 DMS.10240407", throttled("0", code="DMS.10240407", status=404), ACCEPTED.after(2)),
    posting("403 APIG.0308", throttled(code="APIG.0308", status=403), THROTTLED),
)

STATUSES = (
    *(_answered(status, REFUSED) for status in (400, 402, 404, 405, 406, 407, 408, 409, 410, 411)),
    *(_answered(status, REFUSED) for status in (412, 413, 414, 415, 422, 423, 424, 425, 426, 428)),
    *(_answered(status, REFUSED) for status in (418, 431, 451, 499)),
    _answered(401, CREDENTIALS),
    _answered(403, PERMISSION),
    _answered(429, THROTTLED),
    *(_answered(status, UNKNOWN) for status in (500, 501, 502, 503, 504, 505, 507, 511, 599)),
    *(_answered(status, UNKNOWN) for status in (600, 700)),
)

CODES = (
    *(_coded(400, f"DMS.00400{number}", BUSY) for number in ("026", "017", "099", "108")),
    _coded(400, "CBC.99003651", BUSY),
    _coded(409, "CBC.99003651", BUSY),
    Case(
        "400 DMS.00400026, and it restarts",
        ALREADY,
        (PlannedFault(vendor_error(400, "DMS.00400026")),),
        actions=("restart",),
        meanwhile=_restarting,
    ),
    *(
        _coded(400, f"DMS.00400{number}", REFUSED)
        for number in ("064", "065", "082", "100", "061", "030")
    ),
    _coded(404, "DMS.00404022", REFUSED),
    _coded(403, "DMS.00403003", PERMISSION),
    _coded(403, "DMS.10240306", PERMISSION),
    _coded(401, "APIGW.0301", CREDENTIALS),
    _coded(401, "APIGW.0303", SKEWED, says="differs from the cloud's"),
    _coded(401, "APIG.0303", SKEWED),
    _coded(401, "APIGW.0307", CREDENTIALS),
    _coded(403, "DMS.10240102", CREDENTIALS),
    *(
        replace(_coded(status, code, EXPIRED, platform=True), name=f"{status} {code}, agency")
        for status, code in ((401, "APIGW.0307"), (401, "APIG.0307"), (403, "DMS.10240102"))
    ),
    posting(
        "401 with a Date 20 hours off",
        Reply(401, "{}", (("Date", _date(hours=20)),)),
        SKEWED,
    ),
    posting(
        "401 APIGW.0301 with a Date 20 hours off",
        Reply(401, '{"error_code":"APIGW.0301"}', (("Date", _date(hours=-20)),)),
        SKEWED,
        says="differs from the cloud's",
    ),
    *(_coded(403, f"APIGW.{number}", PERMISSION) for number in ("0302", "0306", "0802")),
    _coded(503, "APIGW.0613", UNAVAILABLE),
    _coded(503, "APIG.0613", UNAVAILABLE),
    _coded(500, "APIGW.0613", UNKNOWN),
    _coded(503, "APIGW.0308", UNKNOWN),
    _coded(502, "APIGW.0201", UNKNOWN),
    _coded(504, "APIGW.0201", UNKNOWN),
    done_without_response(
        "504 APIGW.0201, and done", Reply(504, '{"error_code":"APIGW.0201"}', acts=True)
    ),
    _coded(500, "DMS.00500986", UNKNOWN),
    posting("400 with an odd code", Reply(400, '{"error_code":["DMS.00400026"]}'), REFUSED),
    posting("400 with a list", Reply(400, "[]"), REFUSED),
)

TOKEN = ACCOUNT.security_token
SIGNED = f"POST\n/v2/\n\nx-sdk-date:20260105T030000Z\nx-security-token:{TOKEN}\n\nx-sdk-date"
QUOTED = {
    "the token": f"Decrypt token fail, X-Security-Token: {TOKEN}",
    "the canonical request": f"verify aksk signature fail, canonicalRequest:{SIGNED}",
}
REFUSING = ((401, "APIGW.0301", CREDENTIALS), (400, "DMS.00400061", REFUSED))

QUOTES = tuple(
    posting(f"{status} {code} that quotes {name}", vendor_error(status, code, text), expected)
    for status, code, expected in REFUSING
    for name, text in QUOTED.items()
)

CASES = ROWS + RETRY_AFTER + STATUSES + CODES + QUOTES
