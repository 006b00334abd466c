"""What may happen, at random: bodies that are nearly events, and faults of every kind of call."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from function.lib import schemas
from tests.fake_dms import (
    Alter,
    BrokenChunks,
    Close,
    Drip,
    Fault,
    Hold,
    Raw,
    Reply,
    Reset,
    Rows,
    WrongLength,
    gzip_bomb,
    html,
    throttled,
)
from tests.fake_dms.faults import ROW_CHANGES
from tests.fault_matrix.case import ONE, TWO, PlannedFault

SCHEMAS = schemas.load()
ROUTES = ("/direct", "/alertmanager", "/grafana", "/", "/smn")
STAGES = st.sampled_from(["head", "request", "done", "answer"])
KINDS = ("any", "list", "show", "tasks", "recycle", "action", "action")
CODES = (
    *("DMS.00400026", "DMS.00400017", "DMS.00404022", "DMS.10240407", "DMS.40050010"),
    *("APIGW.0301", "APIGW.0303", "APIGW.0307", "APIGW.0308", "APIGW.0613", "APIGW.0201", "?"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=8,
)
STATUSES = st.integers(100, 999).filter(lambda status: status != 100)


@st.composite
def coded(draw: st.DrawFn) -> Fault:
    """Return an answer with a code of the vendor, under any status."""
    code = draw(st.sampled_from(CODES))
    retry = draw(st.sampled_from([None, "0", "1", "soon", "99999"]))
    headers = (("Retry-After", retry),) if retry is not None else ()
    body = {"error_code": code, "error_msg": draw(st.text(max_size=30))}
    return Reply(draw(STATUSES), body, headers)


FAULTS: st.SearchStrategy[Fault] = st.one_of(
    st.builds(Reset, STAGES),
    st.builds(Close, STAGES),
    st.builds(Raw, st.binary(max_size=60)),
    st.builds(Raw, st.binary(max_size=40).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest)),
    st.builds(Reply, STATUSES, JSON.map(json.dumps), st.just(()), st.booleans()),
    st.builds(Reply, st.sampled_from([200, 204]), JSON.map(json.dumps), st.just(()), st.booleans()),
    st.builds(WrongLength, st.integers(-20, 20)),
    st.builds(Rows, st.sampled_from(sorted(ROW_CHANGES))),
    st.builds(Alter, JSON.map(lambda document: lambda _: document)),
    st.just(BrokenChunks()),
    st.just(html(200)),
    st.just(gzip_bomb(2)),
    st.just(throttled("0")),
    st.builds(Hold, STAGES),
    st.builds(Drip, st.sampled_from(["head", "body"])),
    coded(),
)
FAULT_LISTS = st.lists(
    st.builds(
        PlannedFault,
        FAULTS,
        st.sampled_from(KINDS),
        st.sampled_from([1, 1, 1, 2, 3, None]),
        st.integers(0, 2),
    ),
    max_size=3,
)


IDS: dict[str, Any] = {"instances": [ONE, TWO]}
ASKED: tuple[dict[str, Any], ...] = (
    {"action": "restart", **IDS},
    {"action": "restart", "instances": [ONE]},
    {"action": "delete", "confirm": [TWO, ONE], **IDS},
    {"action": "purge_failed"},
)
GROUP = {
    "version": "4",
    "alerts": [
        {
            "status": "firing",
            "labels": {"remediation": "restart", "kafka_instance_id": one},
            "startsAt": "2026-01-05T02:00:00Z",
        }
        for one in (ONE, TWO)
    ],
}
CLOUDEVENT = {
    "specversion": "1.0",
    "id": "7",
    "source": "/a",
    "data": ASKED[0],
    "type": "dev.kafka-remediator.request.v1",
}


def _examples() -> list[Any]:
    names = SCHEMAS.names("events")
    found = [one for name in names for one in SCHEMAS.schema(f"events/{name}")["examples"]]
    return [*ASKED, GROUP, CLOUDEVENT, *found]


def _paths(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    members = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [path, *(deeper for key, one in members for deeper in _paths(one, (*path, key)))]


def _changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    members = dict(document) if isinstance(document, dict) else dict(enumerate(document))
    members[path[0]] = _changed(members[path[0]], path[1:], value)
    return members if isinstance(document, dict) else [*members.values()]


@st.composite
def nearly(draw: st.DrawFn) -> Any:
    """Return an example of an event, at times with one place of it changed."""
    document = draw(st.sampled_from(_examples()))
    return _changed(document, draw(st.sampled_from(_paths(document))), draw(JSON))


def _posted(path: str, *documents: Any) -> st.SearchStrategy[tuple[str, bytes]]:
    return st.tuples(
        st.just(path), st.sampled_from([json.dumps(document).encode() for document in documents])
    )


WRONG = st.one_of(
    nearly().map(lambda document: json.dumps(document).encode()),
    JSON.map(lambda document: json.dumps(document).encode()),
    st.binary(max_size=60),
)
HTTP_EVENTS = st.one_of(
    _posted("/direct", *ASKED),
    _posted("/direct", *ASKED),
    _posted("/direct", *ASKED),
    _posted("/alertmanager", GROUP),
    _posted("/", CLOUDEVENT),
    st.tuples(st.sampled_from(ROUTES), WRONG),
)
TRIGGER_EVENTS = st.one_of(
    st.sampled_from([*ASKED, CLOUDEVENT]), st.sampled_from(ASKED), nearly(), JSON
)
