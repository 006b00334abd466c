"""The HTTP server: how it starts, what it logs, and how it ends."""

from __future__ import annotations

import logging
import resource
import signal
import socket
import time
from typing import Any

from waitress import wasyncore
from waitress.adjustments import Adjustments

from ..pipeline import Runtime
from ..reporting import emit
from ..settings.model import Settings
from .connections import MAX_DISCARDED_BYTES, Listener, Threads
from .invocation import MAX_SECONDS
from .routes import start_details

# Proxies send 8 to 16 KiB of headers at most; a signature and a token fit many times.
MAX_HEADER_BYTES = 32 * 1024
# A body may have 256 KiB. In chunks of one byte each it takes six times as much on the wire, and
# costs 0.3 µs of CPU a byte: a mebibyte is enough for every sender that means well.
MAX_BODY_BYTES = 1024 * 1024
MAX_CONNECTIONS = 1000
# An event waits for the cloud, not for a core: 32 wait side by side in 2 MiB of stacks.
EVENT_THREADS = 32
# Answering and closing after SIGTERM, beyond the deadline of the events.
GRACE_SECONDS = 0.5
# How often connections are looked through; a thousand of them cost half a millisecond.
WAKE_SECONDS = 1


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
        sock = socket.create_server(
            (host, port),
            family=family,
            backlog=MAX_CONNECTIONS,
            dualstack_ipv6=family == socket.AF_INET6 and socket.has_dualstack_ipv6(),
        )
        # Asked, not told: port 0 lets the system choose one.
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
        # A health check has a thread of its own, which no event keeps busy.
        self._events, self._probes = Threads(threads), Threads(1)
        self._listener = Listener(
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
    # Every line of the log is one JSON object, those of libraries included.
    root.handlers = [_LogHandler()]
    server = Server(application, host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.stop)
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # which is how nohup leaves it
        signal.signal(signal.SIGHUP, server.stop)
    _log_start(server, runtime)
    server.run(grace=grace(runtime.settings))
