"""The HTTP server: waitress with limits on what an unauthenticated client may use up.

Only whole requests reach a thread. What is read from any caller is bounded in bytes and in time,
because no caller is authenticated before the whole body is there.
"""

from __future__ import annotations

import logging
import resource
import signal
import socket
import threading
import time
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, Task, WSGITask
from waitress.utilities import RequestEntityTooLarge

from ..pipeline import Runtime
from ..reporting import emit
from ..settings.model import Settings
from .invocation import MAX_SECONDS
from .routes import RECEIVED, start_details

# Proxies send 8 to 16 KiB of headers at most; a signature and a token fit many times.
MAX_HEADER_BYTES = 32 * 1024
# A body may have 256 KiB. In chunks of one byte each it takes six times as much on the wire, and
# costs 0.3 µs of CPU a byte: a mebibyte is enough for every sender that means well.
MAX_BODY_BYTES = 1024 * 1024
# Of what a sender goes on sending after an answer that did not wait for it: closing at once would
# reset the connection, and the sender would see a broken one instead of the status 413.
MAX_DISCARDED_BYTES = 4 * 1024 * 1024
# Of all requests that are not whole yet; a thousand bodies of 256 KiB would be 250 MiB.
MAX_BUFFERED_BYTES = 16 * 1024 * 1024
MAX_CONNECTIONS = 1000
PATIENCE_SECONDS = 10.0
# When three quarters of the connections are taken, those that say nothing make room sooner.
CROWDED_SHARE, CROWDED_PATIENCE_SECONDS = 0.75, 1.0
# An event waits for the cloud, not for a core: 32 wait side by side in 2 MiB of stacks.
EVENT_THREADS = 32
# Answering and closing after SIGTERM, beyond the deadline of the events.
GRACE_SECONDS = 0.5
# How often connections are looked through; a thousand of them cost half a millisecond.
WAKE_SECONDS = 1


class _Request(HTTPRequestParser):
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
        """Read the head; two lengths of one body are how requests are smuggled past a proxy."""
        super().parse_header(header_plus)
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("Content-Length beside Transfer-Encoding")

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


class _Threads:
    """Threads that answer requests, in the order in which these came.

    Waitress' own take a lock and wait on a condition for each request: several calls of the system.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._queue: SimpleQueue[_Channel | None] = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work, daemon=True).start()

    def add_task(self, task: _Channel) -> None:
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

    channel: _Channel

    def finish(self) -> None:
        """Send what was written."""
        super().finish()
        self.channel.send_answer()


class _ErrorTask(_WholeAnswer, ErrorTask):
    """The answer to what is no valid HTTP."""


class _Task(_WholeAnswer, WSGITask):
    """The application at work on a whole request."""

    request: _Request

    def get_environment(self) -> dict[str, Any]:
        """Tell the application since when the sender waits: its deadline begins there."""
        environ: dict[str, Any] = super().get_environment()
        environ[RECEIVED] = self.request.received_at
        return environ


class _Channel(HTTPChannel):
    """One connection; `since` is when the server began to wait for its client."""

    parser_class = _Request
    task_class = _Task
    error_task_class = _ErrorTask
    server: _Listener
    close_when_flushed: bool
    request: _Request | None
    requests: list[_Request]

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

    def service(self) -> None:
        """Answer one request, in a thread; from then on the client has time for the next."""
        super().service()
        self.since = time.monotonic()

    def write_soon(self, data: bytes) -> int:
        """Keep a part of an answer until it is whole."""
        self._answer += data
        return len(data)

    def send_answer(self) -> None:
        """Send an answer, from the thread that made it."""
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


class _Listener(TcpWSGIServer):
    """The listening socket, and the bounds on the connections it accepted."""

    channel_class = _Channel
    buffered = 0
    active_channels: dict[int, _Channel]
    probes: _Threads
    ended = False
    woken = False  # since the loop last looked at its connections

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

    def add_task(self, task: _Channel) -> None:
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

    def account(self, channel: _Channel) -> None:
        """Track the bytes in memory; beyond the bound, drop the largest request."""
        size = channel.size()
        self.buffered += size - channel.held
        channel.held = size
        if self.buffered > MAX_BUFFERED_BYTES:
            channels = self.active_channels.values()
            partial = [each for each in channels if each.held and not each.requests]
            for largest in sorted(partial, key=lambda each: each.held)[-1:]:
                largest.will_close = True


class _LogHandler(logging.Handler):
    """Logs records of libraries as JSON lines, without their texts, which quote requests."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line that says where the text would have come from."""
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None
        level = record.levelname if record.levelname in emit.LEVELS else "ERROR"
        place = f"{record.name}:{record.filename}:{record.lineno}"
        emit.log(level, "A library reports a problem.", at=place, kind=kind)


class Server:
    """A server that listens from the start, and answers while it runs."""

    def __init__(
        self, application: Any, host: str, port: int, *, threads: int = EVENT_THREADS
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.create_server((host, port), family=family, backlog=MAX_CONNECTIONS)
        self.host, self.port = sock.getsockname()[:2]
        adjustments = Adjustments(
            sockets=[sock],
            ident="kafka-remediator",
            connection_limit=_connection_limit(),
            cleanup_interval=WAKE_SECONDS,
            max_request_header_size=MAX_HEADER_BYTES,
            max_request_body_size=MAX_BODY_BYTES,
            # Larger than any body or answer: a container may have no place for temporary files.
            inbuf_overflow=MAX_DISCARDED_BYTES,
            outbuf_overflow=MAX_DISCARDED_BYTES,
            log_socket_errors=False,
        )
        self._map: dict[int, Any] = {}
        self._stopping = False
        self._events, self._probes = _Threads(threads), _Threads(1)
        self._listener = _Listener(
            application,
            self._map,
            _sock=sock,
            dispatcher=self._events,
            adj=adjustments,
            sockinfo=(family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )
        self._listener.probes = self._probes

    def stop(self, *_: object) -> None:
        """Make `run` return; also usable as a signal handler."""
        self._stopping = True
        self._listener.wake()

    def run(self, grace: float) -> None:
        """Answer until `stop`; then only what is whole by now, for at most `grace` seconds."""
        while not self._stopping:
            self._poll(WAKE_SECONDS)
        wasyncore.dispatcher.close(self._listener)  # new connections are refused from here on
        end = time.monotonic() + grace
        while self._close_idle() and time.monotonic() < end:
            self._poll(min(WAKE_SECONDS, max(end - time.monotonic(), 0.0)))
        self._end()

    def _poll(self, seconds: float) -> None:
        self._listener.woken = False
        # Not select(): it breaks on the first file descriptor above 1023.
        wasyncore.poll2(seconds, self._map)

    def _close_idle(self) -> bool:
        """Close connections without a whole request, and tell whether there are others."""
        channels = list(self._listener.active_channels.values())
        for channel in channels:
            if not channel.busy:
                channel.handle_close()
        return any(channel.busy for channel in channels)

    def _end(self) -> None:
        for channel in list(self._listener.active_channels.values()):
            channel.handle_close()
        self._listener.ended = True
        self._listener.trigger.close()
        for dispatcher in (self._events, self._probes):
            dispatcher.end()


def _connection_limit() -> int:
    """Return how many connections there may be: events need file descriptors of their own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MAX_CONNECTIONS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(MAX_CONNECTIONS, soft // 2)


def _log_start(server: Server, runtime: Runtime) -> None:
    host = f"[{server.host}]" if ":" in server.host else server.host
    address = f"{host}:{server.port}"
    emit.log("INFO", f"Listening on http://{address}", address=address, **start_details(runtime))


def grace(settings: Settings) -> float:
    """Return how long to wait for running events after the signal to stop, in seconds.

    FunctionGraph's events are asynchronous in a container, too, and may take longer than requests.
    """
    container = MAX_SECONDS if settings.functiongraph_container else 0.0
    return max(settings.deadline_seconds, container) + GRACE_SECONDS


def serve(application: Any, runtime: Runtime, host: str, port: int) -> None:
    """Answer until the process gets a signal to stop, then until running events have ended."""
    root = logging.getLogger()
    root.handlers = [_LogHandler()]
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it logs whenever the queue grows
    server = Server(application, host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    _log_start(server, runtime)
    server.run(grace=grace(runtime.settings))
