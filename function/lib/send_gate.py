"""The gate in front of the wire: what has not passed it when it is closed is never sent."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class NoAnswer(Exception):
    """No whole answer came back; whether the request went out, the gate tells."""


class CalledOff(NoAnswer):
    """The gate was closed before the request was sent: it certainly never arrived."""


class Gate:
    """A gate in front of the wire: a sender passes it, or whoever closes it was first.

    Closing it also ends what is behind it: whoever waits for an answer, or still shakes hands.
    With `once` a second request does not pass.
    """

    def __init__(self, *, once: bool = False) -> None:
        self._lock = threading.Lock()
        self._once = once
        self._wires: list[socket.socket] = []
        self.closed = False
        self.passed = False

    def enter(self) -> None:
        """Pass, for good; raise CalledOff when the gate was closed first."""
        with self._lock:
            if self.closed or (self._once and self.passed):
                raise CalledOff
            self.passed = True

    def watch(self, wire: socket.socket) -> None:
        """Keep a handle on a new connection; raise CalledOff when the gate is closed by now."""
        with self._lock:
            if not self.closed:
                self._wires.append(wire.dup())
                return
        wire.close()
        raise CalledOff

    def close(self) -> bool:
        """Close the gate and what is behind it, and tell whether somebody had passed before."""
        with self._lock:
            self.closed = True
            wires, self._wires = self._wires, []
        for wire in wires:
            with suppress(OSError):  # the other side may have ended it
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()
        return self.passed
