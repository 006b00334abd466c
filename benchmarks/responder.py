"""A process that answers for the cloud in fixed words, so that it costs next to nothing.

The fake cloud writes the answers once; what moves is only whether an instance restarts (from
the call that asks for it to the first look at it), and the time of its newest restart: a restart
that the history does not show would not be repeated.
Started alone: `python -m benchmarks.responder INSTANCES`.
"""

import asyncio
import json
import re
import ssl
import sys
import time
from pathlib import Path

from tests.fake_dms import Account, Behaviour, Instance, Task, reading
from tests.fake_dms.answer import document
from tests.fake_dms.cloud import Cloud

ACCOUNT = Account()
DAY = 86_400
LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
NEWEST = "0000-00-00T00:00:00.000Z"
"""Stands for the time of the newest restart until it is known; as long as a time is."""
PROJECT = f"/v2/{ACCOUNT.project_id}/instances"


def instance_id(number: int) -> str:
    """Return the id of one of the instances; up to 64 of them share no lock of the function."""
    return f"{number:08x}-5e22-4239-9123-77e350df4a34"


def _cloud(instances: int) -> Cloud:
    cloud = Cloud(Behaviour(restart_seconds=3600), time.time)
    for number in range(instances):
        id_ = instance_id(number)
        cloud.put(Instance(id_, name=f"kafka-{number}", status="ERROR", tags={"team": "orders"}))
        for days, name in ((3, "kafkaInstanceRestart"), (5, "kafkaModifyTopic"), (9, "extend")):
            created = time.time() - days * DAY
            cloud.put_task(id_, Task(name=name, created_at=created, updated_at=created + 300))
    return cloud


class Answers:
    """The bytes of every answer that will be needed, and which instances restart now."""

    def __init__(self, instances: int) -> None:
        """Have the fake cloud write the answers."""
        ids = [instance_id(number) for number in range(instances)]
        cloud = _cloud(instances)
        asked = {"engine": "kafka", "limit": "50", "offset": "0"}
        self._listed = reading.instances(cloud, asked).encode()
        self._tasks = {id_: reading.tasks(cloud, id_, {"limit": "50"}).encode() for id_ in ids}
        self._resting = {id_: reading.instance(cloud, id_).encode() for id_ in ids}
        newest = Task(created_at=NEWEST, updated_at=NEWEST)
        for id_ in ids:
            cloud.put_task(id_, newest)
        self._with_newest = {
            id_: reading.tasks(cloud, id_, {"limit": "50"}).encode() for id_ in ids
        }
        for id_ in ids:
            cloud.restart(id_)
        self._shown = {id_: reading.instance(cloud, id_).encode() for id_ in ids}
        self._accepted = {
            id_: document(200, {"results": [{"result": "success", "instance": id_}]}) for id_ in ids
        }
        self._restarting: set[str] = set()
        self._restarted_at: dict[str, float] = {}

    def of(self, method: str, path: str, body: bytes) -> bytes:
        """Return the answer to one request; KeyError for an unexpected request."""
        if method == "POST":
            return self._act(json.loads(body)["instances"])
        if path == PROJECT:
            return self._listed
        id_, _, rest = path.removeprefix(f"{PROJECT}/").partition("/")
        if rest == "tasks":
            return self._history(id_)
        if id_ in self._restarting:
            self._restarting.remove(id_)
            return self._shown[id_]
        return self._resting[id_]

    def _history(self, id_: str) -> bytes:
        if id_ not in self._restarted_at:
            return self._tasks[id_]
        began = reading.iso(self._restarted_at[id_]).encode()
        return self._with_newest[id_].replace(NEWEST.encode(), began)

    def _act(self, ids: list[str]) -> bytes:
        self._restarted_at.update(dict.fromkeys(ids, time.time()))
        self._restarting.update(ids)
        if len(ids) == 1:
            return self._accepted[ids[0]].encode()
        rows = [{"result": "success", "instance": id_} for id_ in ids]
        return document(200, {"results": rows}).encode()


class _Connection(asyncio.Protocol):
    """One connection that answers each request as soon as it is whole."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        size = int(length[1]) if length else 0
        if not separator or len(rest) < size:
            return
        self._buffer = rest[size:]
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        path = target.partition("?")[0].rstrip("/")
        self._transport.write(self._answers.of(method, path, rest[:size]))


async def _serve(answers: Answers, tls: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(answers), "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main(instances: str, certificate: str = "", key: str = "") -> None:
    """Answer until killed, over TLS where there is a certificate; print the port first."""
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(Path(certificate), Path(key))
    asyncio.run(_serve(Answers(int(instances)), tls))


if __name__ == "__main__":
    main(*sys.argv[1:])
