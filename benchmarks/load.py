"""Clients: they send events, check every answer, and note how long each took."""

import http.client
import itertools
import json
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .processes import SECRET, Server
from .responder import instance_id

HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {SECRET}"}


def restart_event(*numbers: int) -> dict[str, object]:
    """Return the event that is sent: a request document for these instances."""
    return {"action": "restart", "instances": [instance_id(number) for number in numbers]}


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted, and what must stand in the answer."""

    body: bytes
    expected_text: bytes
    path: str = "/direct"
    status: int = 200
    method: str = "POST"


def restart_request(number: int, expected_text: bytes) -> Request:
    """Return the request that restarts one instance."""
    return Request(json.dumps(restart_event(number)).encode(), expected_text)


class Client:
    """One client with one connection, which it opens again when the server has ended it."""

    def __init__(self, port: int, timeout: float = 60) -> None:
        """Connect later."""
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)

    def send(self, request: Request) -> float:
        """Post, and return the seconds it took; AssertionError where the answer is not the one."""
        begin = time.perf_counter()
        try:
            status, body = self._exchange(request)
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            self._connection.close()  # the server ends a connection that was idle for two seconds
            status, body = self._exchange(request)
        seconds = time.perf_counter() - begin
        assert (status, request.expected_text in body) == (request.status, True), body[:500]
        return seconds

    def close(self) -> None:
        """Hang up."""
        self._connection.close()

    def _exchange(self, request: Request) -> tuple[int, bytes]:
        self._connection.request(request.method, request.path, request.body, HEADERS)
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def first_answer(process: Server, request: Request) -> None:
    """Post as soon as somebody listens; return when the answer is there."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", process.port), timeout=60).close()
            break
        except ConnectionRefusedError:
            process.require_alive()
            time.sleep(0.001)
    client = Client(process.port)
    client.send(request)
    client.close()


def send_all(port: int, requests: Sequence[Request], count: int) -> list[float]:
    """Send so many of them, one client for each request, all at once; return all durations."""
    durations: list[float] = []
    tickets = itertools.count()
    broken: list[BaseException] = []

    def work(request: Request) -> None:
        client = Client(port)
        try:
            while next(tickets) < count and not broken:
                durations.append(client.send(request))
        except BaseException as error:  # noqa: BLE001 - raised again where it is seen
            broken.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=work, args=(request,)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    return durations
