"""The send gate: a request that has not begun sending when the gate closes is never sent."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum


class Stage(Enum):
    """How far an exchange had come when it failed."""

    DNS = "DNS"
    CONNECT = "connect"
    TLS = "TLS"
    PROXY = "proxy"
    ANSWER = "answer"


class NoResponse(Exception):
    """No complete response came back; the gate knows whether the request was sent.

    `stage` is how far the exchange got; `lasting` says that only a person can fix the cause.
    """

    def __init__(
        self, stage: Stage = Stage.ANSWER, *, timed_out: bool = False, lasting: bool = False
    ) -> None:
        super().__init__()
        self.stage, self.timed_out, self.lasting = stage, timed_out, lasting


class SendCancelled(NoResponse):
    """The gate was closed before the request was sent: it certainly never arrived."""


class Gate:
    """Decides a race once: either sending began before `close()`, or it never begins.

    `close()` also shuts the tracked sockets, which ends TLS handshakes and reads in abandoned
    threads. With `once` a second request does not pass; after `is_late` none does, though the
    thread that should close the gate is late as well. `stage` is how far the exchange has come.
    """

    def __init__(self, *, once: bool = False, is_late: Callable[[], bool] = lambda: False) -> None:
        self._lock = threading.Lock()
        self._once, self._is_late = once, is_late
        self._sockets: list[socket.socket] = []
        self.closed = False
        self.sending_begun = False
        self.stage = Stage.CONNECT

    def begin_sending(self) -> None:
        """Pass, for good; raise SendCancelled when the gate was closed first, or it is too late."""
        with self._lock:
            if self.closed or self._is_late() or (self._once and self.sending_begun):
                raise SendCancelled(self.stage)
            self.sending_begun = True

    def track(self, sock: socket.socket) -> None:
        """Keep a handle on a new connection; raise SendCancelled when the gate is closed by now."""
        with self._lock:
            if not self.closed:
                self._sockets.append(sock.dup())
                return
        sock.close()
        raise SendCancelled(self.stage)

    def close(self) -> bool:
        """Close the gate and what is behind it; return whether sending had begun before."""
        with self._lock:
            self.closed = True
            sockets, self._sockets = self._sockets, []
        for sock in sockets:
            with suppress(OSError):  # the other side may have ended it
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        return self.sending_begun
