"""Documents of sources, read as the pipeline reads them; an alarm of Cloud Eye."""

from __future__ import annotations

from typing import Any

from function import sources
from function.lib import schemas
from function.model.event import Event
from tests.factories import ORDERS

SCHEMAS = schemas.load()


SOURCES = sources.discover(SCHEMAS.names("events"))


def read(name: str, document: Any) -> Event:
    SCHEMAS.check(f"events/{name}", document)
    return SOURCES[name].parse(document)


def alarm(**changes: Any) -> dict[str, Any]:
    document = {
        "alarm_status": "alarm",
        "time": 1767578400123,
        "namespace": "SYS.DMS",
        "metric_name": "broker_alive",
        "dimension": f"kafka_instance_id:{ORDERS}",
    }
    return {key: value for key, value in {**document, **changes}.items() if value is not ...}
