"""Log streams: a reader that stalls, a stream that is closed, a disk that is full."""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from function.lib import log_stream, threads
from function.lib.log_stream import Drops, LogStream


def line(text: str) -> Callable[[int], str]:
    return lambda dropped: f"{text} {dropped}" if dropped else text


class Pipe:
    """A pipe as a standard stream of the process, under a name that pytest does not replace."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reading, writing = os.pipe()
        self.reader, self.writer = os.fdopen(reading, "rb"), os.fdopen(writing, "w")
        for name in ("stdpipe", "__stdpipe__"):
            monkeypatch.setattr(sys, name, self.writer, raising=False)

    def fill(self) -> int:
        """Write until the pipe takes no more, and return how many bytes it has taken."""
        os.set_blocking(self.writer.fileno(), False)
        taken = 0
        with suppress(BlockingIOError):
            while True:
                taken += os.write(self.writer.fileno(), b"." * 1024)
        os.set_blocking(self.writer.fileno(), True)
        return taken


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipe]:
    pipe = Pipe(monkeypatch)
    yield pipe
    for stream in (pipe.reader, pipe.writer):
        with suppress(OSError):
            stream.close()


def promises_not_to_block(pipe: Pipe) -> bool:
    try:
        os.pwritev(pipe.writer.fileno(), [b""], -1, os.RWF_NOWAIT)
    except (AttributeError, OSError):
        return False
    return True


def settled(stream: LogStream) -> None:
    """Wait until no line is being written."""
    with stream._lock:
        pass


def test_a_line_is_written_before_its_event_goes_on(pipe: Pipe) -> None:
    drops = Drops()
    LogStream("stdpipe", drops).write(line("one"), seconds=30)

    os.set_blocking(pipe.reader.fileno(), False)
    assert (pipe.reader.read(), drops.total) == (b"one\n", 0)


def test_a_pipe_with_room_costs_no_thread(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    if not promises_not_to_block(pipe):
        pytest.skip("pipes of this kernel cannot promise that a write does not block")
    used: list[object] = []
    monkeypatch.setattr(log_stream, "submit", used.append)

    LogStream("stdpipe", Drops()).write(line("one"))

    assert (pipe.reader.readline(), used) == (b"one\n", [])


def test_a_line_longer_than_the_room_in_the_pipe_is_written_whole(pipe: Pipe) -> None:
    taken, text = pipe.fill(), "x" * 8192
    pipe.reader.read(4096)
    LogStream("stdpipe", Drops()).write(line(text), seconds=0)

    assert pipe.reader.read(taken - 4096 + 8193).endswith(b"." + text.encode() + b"\n")


def test_stalled_log_reader_drops_lines_and_delays_no_event(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line is stuck, later lines are dropped at once, and the next written one reports them."""
    monkeypatch.setattr(log_stream, "PATIENCE_SECONDS", 0.01)
    drops, taken = Drops(), pipe.fill()
    stream = LogStream("stdpipe", drops)
    for number in range(100):
        stream.write(line(f"line {number}"))
    assert drops.total == 99

    assert len(pipe.reader.read(taken)) == taken
    assert pipe.reader.readline() == b"line 0\n"
    settled(stream)
    stream.write(line("and"))
    assert pipe.reader.readline() == b"and 99\n"
    stream.write(line("on"))
    assert pipe.reader.readline() == b"on\n"
    assert drops.total == 99


def test_an_event_without_time_left_does_not_wait_for_the_log(pipe: Pipe) -> None:
    pipe.fill()
    stream = LogStream("stdpipe", Drops())
    stream.write(line("stuck"), seconds=-1)
    stream.write(line("dropped"), seconds=-1)

    pipe.reader.close()  # ends what is stuck
    settled(stream)


def test_streams_do_not_wait_for_each_other(pipe: Pipe, capsys: pytest.CaptureFixture[str]) -> None:
    pipe.fill()
    drops = Drops()
    stalled = LogStream("stdpipe", drops)
    stalled.write(line("stuck"), seconds=0)

    LogStream("stderr", drops).write(line("heard"))

    assert capsys.readouterr().err == "heard\n"
    pipe.reader.close()
    settled(stalled)


@pytest.mark.parametrize("streams", [(None, None), ("closed", "closed"), (None, "other")])
def test_closed_stream_drops_its_lines(
    streams: tuple[str | None, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    known = {None: None, "closed": closed, "other": io.StringIO()}
    monkeypatch.setattr(sys, "stdout", known[streams[0]])
    monkeypatch.setattr(sys, "__stdout__", known[streams[1]])
    drops = Drops()
    stream = LogStream("stdout", drops)

    stream.write(line("one"), seconds=30)
    stream.write(line("two"), seconds=30)

    assert (drops.total, drops.take()) == (2, 2)


@pytest.mark.parametrize("error", [RuntimeError, AttributeError, UnicodeError])
def test_a_stream_of_a_platform_may_raise_anything(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.StringIO):
        def write(self, _: str) -> int:
            raise error

    monkeypatch.setattr(sys, "stdout", Broken())
    drops = Drops()

    LogStream("stdout", drops).write(line("one"))

    assert drops.total == 1


def test_full_disk_does_not_corrupt_later_lines(
    pipe: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk takes part of a line; once there is space, the next line starts with a newline."""
    write = os.write
    answers: list[int | OSError] = [4, OSError(28, "No space left on device"), OSError(28, "")]

    def full(fd: int, content: bytes) -> int:
        if not answers or fd != pipe.writer.fileno():
            return write(fd, content)
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return write(fd, content[:answer])

    monkeypatch.setattr(os, "write", full)
    monkeypatch.delattr(os, "RWF_NOWAIT", raising=False)  # as for a file, or an old kernel
    stream = LogStream("stdpipe", Drops())
    for text in ("torn line", "lost line", "whole line"):
        stream.write(line(text), seconds=30)

    pipe.writer.close()
    assert pipe.reader.read() == b"torn\nwhole line 2\n"


def test_a_machine_without_threads_drops_lines(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    drops = Drops()
    stream = LogStream("stdpipe", drops)
    with monkeypatch.context() as patch:
        patch.delattr(os, "RWF_NOWAIT", raising=False)  # as for a file, or an old kernel
        patch.setattr(threads._pool, "_idle", [])
        patch.setattr(threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError))
        stream.write(line("one"))

    stream.write(line("two"), seconds=30)
    pipe.writer.close()
    assert (drops.total, pipe.reader.read()) == (1, b"two 1\n")


def test_a_line_that_is_no_json_is_an_error_of_the_program(pipe: Pipe) -> None:
    def broken(_: int) -> str:
        raise TypeError

    with pytest.raises(TypeError):
        LogStream("stdpipe", Drops()).write(broken, seconds=30)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # which is what this is about
def test_a_forked_process_does_not_wait_for_a_line_of_its_parent(pipe: Pipe) -> None:
    pipe.fill()
    stream = LogStream("stdpipe", Drops())
    stream.write(line("stuck"), seconds=0)
    child = os.fork()
    if child == 0:
        os._exit(0 if stream._lock.acquire(blocking=False) else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pipe.reader.close()
    settled(stream)
