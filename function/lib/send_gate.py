"""The gate in front of the wire: what has not passed it when it is closed is never sent."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class NoResponse(Exception):
    """No whole answer came back; whether the request went out, the gate tells."""


class SendCancelled(NoResponse):
    """The gate was closed before the request was sent: it certainly never arrived."""


class Gate:
    """A gate in front of the wire: a sender passes it, or whoever closes it was first.

    Closing it also ends what is behind it: whoever waits for an answer, or still shakes hands.
    With `once` a second request does not pass.
    """

    def __init__(self, *, once: bool = False) -> None:
        self._lock = threading.Lock()
        self._once = once
        self._sockets: list[socket.socket] = []
        self.closed = False
        self.sending_begun = False

    def begin_sending(self) -> None:
        """Pass, for good; raise SendCancelled when the gate was closed first."""
        with self._lock:
            if self.closed or (self._once and self.sending_begun):
                raise SendCancelled
            self.sending_begun = True

    def track(self, sock: socket.socket) -> None:
        """Keep a handle on a new connection; raise SendCancelled when the gate is closed by now."""
        with self._lock:
            if not self.closed:
                self._sockets.append(sock.dup())
                return
        sock.close()
        raise SendCancelled

    def close(self) -> bool:
        """Close the gate and what is behind it, and tell whether somebody had passed before."""
        with self._lock:
            self.closed = True
            sockets, self._sockets = self._sockets, []
        for sock in sockets:
            with suppress(OSError):  # the other side may have ended it
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        return self.sending_begun
