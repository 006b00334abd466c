"""Connections of the server, and what a caller who is not authenticated yet may use up on them.

Only whole requests reach a thread. What is read from any caller is bounded in bytes and in time,
because no caller is authenticated before the whole body is there.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge

from .routes import RECEIVED

# Of what a sender goes on sending after an answer that did not wait for it: closing at once would
# reset the connection, and the sender would see a broken one instead of the status 413.
MAX_DISCARDED_BYTES = 4 * 1024 * 1024
# Of all requests that are not whole yet; a thousand bodies of 256 KiB would be 250 MiB.
MAX_BUFFERED_BYTES = 16 * 1024 * 1024
# Twice as long as SMN waits for an answer.
PATIENCE_SECONDS = 10.0
# When three quarters of the connections are taken, those that say nothing make room sooner.
CROWDED_SHARE, CROWDED_PATIENCE_SECONDS = 0.75, 1.0
# Waitress takes any other for 1.0, in which a body in chunks would be read as the next request.
HTTP_VERSIONS = frozenset({"1.0", "1.1"})


class Request(HTTPRequestParser):
    """A request on its way in; one whose body is too large becomes whole without it."""

    error: Any
    received_at = 0.0
    cut_off = False

    def received(self, data: bytes) -> int:
        """Take in bytes, and return how many of them belong to this request."""
        consumed: int = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge):
            self._drop_body()
        if self.completed:
            self.received_at = time.monotonic()
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head; one whose body has two possible ends smuggles a request past a proxy."""
        try:
            super().parse_header(header_plus)
        except ParsingError as error:
            # What follows is quoted from the head, which may hold a secret.
            raise ParsingError(error.args[0].partition(' "')[0]) from None
        except ValueError:  # of a length of 5,000 digits, or a host that is no address
            raise ParsingError("Invalid number or address") from None
        if self.version not in HTTP_VERSIONS:
            raise ParsingError("HTTP version is neither 1.0 nor 1.1")
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")
        if "TRANSFER_ENCODING" in self.headers:  # it is left where waitress ignores it
            raise ParsingError("Transfer-Encoding in HTTP/1.0")

    def held_bytes(self) -> int:
        """Return about how many bytes of it are in memory."""
        body = 0 if self.cut_off else int(self.body_bytes_received)
        return len(self.header_plus) + body

    def _drop_body(self) -> None:
        """Let the application say that the body is too large: every event gets its result."""
        self.close()
        self.error = self.body_rcv = None
        self.cut_off = True
        self.expect_continue = False  # the sender shall not begin with it
        length = max(self.content_length, self.body_bytes_received)
        self.headers |= {"CONTENT_LENGTH": str(length), "CONNECTION": "close"}


class Threads:
    """Threads that answer requests, in the order in which these came.

    Waitress' own take a lock and wait on a condition for each request: several calls of the system.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._queue: SimpleQueue[Channel | None] = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def add_task(self, task: Channel) -> None:
        """Have the next request of a connection answered."""
        self._queue.put(task)

    def end(self) -> None:
        """End the threads that wait; the others end with the process."""
        for _ in range(self._count):
            self._queue.put(None)

    def _work(self) -> None:
        while (channel := self._queue.get()) is not None:
            try:
                channel.service()
            except Exception:
                logging.getLogger(__name__).exception("A connection cannot go on.")
                channel.cancel()


class _WholeAnswer(Task):
    """Sends the head and the body of an answer at once: a call less, and a segment less."""

    channel: Channel

    def finish(self) -> None:
        """Send what was written."""
        super().finish()
        self.channel.send_answer()


class _ErrorTask(_WholeAnswer, ErrorTask):
    """The answer to what is no valid HTTP."""


class _Task(_WholeAnswer, WSGITask):
    """The application at work on a whole request."""

    request: Request

    def get_environment(self) -> dict[str, Any]:
        """Tell the application since when the sender waits: its deadline begins there."""
        environ: dict[str, Any] = super().get_environment()
        environ[RECEIVED] = self.request.received_at
        return environ


class Channel(HTTPChannel):
    """One connection; `since` is when the server began to wait for its client."""

    parser_class = Request
    task_class = _Task
    error_task_class = _ErrorTask
    server: Listener
    close_when_flushed: bool
    request: Request | None
    requests: list[Request]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.since = time.monotonic()
        self.held = 0
        self.cut_off = False
        self._lingers = False
        self._discarded = 0
        self._answer = b""
        super().__init__(*args, **kwargs)

    @property
    def busy(self) -> bool:
        """Tell whether a whole request is waiting, running, or not answered to the last byte."""
        return bool(self.requests or self.total_outbufs_len)

    def received(self, data: bytes) -> bool:
        """Take in what the client sent."""
        if self._lingers:
            self._discarded += len(data)
            self.will_close = self._discarded > MAX_DISCARDED_BYTES
            return False
        if self.request is None:
            self.since = time.monotonic()
        more = bool(super().received(data))
        self.server.account(self)
        return more

    def write_soon(self, data: bytes) -> int:
        """Keep a part of an answer until it is whole."""
        self._answer += data
        return len(data)

    def send_answer(self) -> None:
        """Send an answer, from the thread that made it; now the client has time for the next."""
        self.since = time.monotonic()
        answer, self._answer = self._answer, b""
        super().write_soon(answer)

    def readable(self) -> bool:
        """Tell whether something may be read: also what is only thrown away."""
        return (self._lingers and not self.will_close) or bool(super().readable())

    def handle_write(self) -> None:
        """Send pending data; linger while the client still sends a body that is not read."""
        if self.cut_off and self.close_when_flushed and not self.total_outbufs_len:
            self._linger()
        else:
            super().handle_write()

    def _linger(self) -> None:
        self.close_when_flushed = False
        self._lingers, self.since = True, time.monotonic()
        with suppress(OSError):  # the client has gone: the next read reports it
            self.socket.shutdown(socket.SHUT_WR)

    def size(self) -> int:
        """Return about how many bytes its requests hold in memory."""
        requests = [*self.requests, *([self.request] if self.request else [])]
        return sum(request.held_bytes() for request in requests)

    def del_channel(self, map: Any = None) -> None:
        """Forget the connection, and what it held."""
        self.server.buffered -= self.held
        self.held = 0
        super().del_channel(map)


class Listener(TcpWSGIServer):
    """The listening socket, and the bounds on the connections it accepted."""

    channel_class = Channel
    buffered = 0
    active_channels: dict[int, Channel]
    probes: Threads
    ended = False
    woken = False  # since the loop last looked at its connections

    def handle_accept(self) -> None:
        """Accept all who wait: one in each turn of the loop, and 300 of them held others 0.1 s."""
        before = -1
        while before < len(self.active_channels) < self.adj.connection_limit:
            before = len(self.active_channels)
            super().handle_accept()

    def pull_trigger(self) -> None:
        """Have the loop look at its connections, from a thread that has answered."""
        if not self.woken:
            self.woken = True
            self.wake()

    def wake(self) -> None:
        """Wake the loop, also from the handler of a signal."""
        if not self.ended:
            with suppress(OSError):  # it has ended at this moment
                super().pull_trigger()

    def add_task(self, task: Channel) -> None:
        """Queue a request; probes have their own thread, however many events wait."""
        request = task.requests[0]
        task.cut_off = task.cut_off or request.cut_off or request.error is not None
        is_event = request.error is None and request.command == "POST"
        (self.task_dispatcher if is_event else self.probes).add_task(task)

    def maintenance(self, now: float) -> None:
        """Close connections that timed out while receiving, idle, or lingering."""
        crowded = len(self.active_channels) >= CROWDED_SHARE * self.adj.connection_limit
        patience = CROWDED_PATIENCE_SECONDS if crowded else PATIENCE_SECONDS
        oldest = time.monotonic() - patience
        for channel in self.active_channels.values():
            self.account(channel)
            if not channel.requests and channel.since < oldest:
                channel.will_close = True

    def account(self, channel: Channel) -> None:
        """Track the bytes in memory; beyond the bound, drop the largest request."""
        size = channel.size()
        self.buffered += size - channel.held
        channel.held = size
        if self.buffered > MAX_BUFFERED_BYTES:
            channels = self.active_channels.values()
            partial = [each for each in channels if each.held and not each.requests]
            for largest in sorted(partial, key=lambda each: each.held)[-1:]:
                largest.will_close = True
