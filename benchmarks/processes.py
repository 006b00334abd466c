"""Start the measured programs, each in its own process, and read their counters from the kernel."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
RIVALS = Path(__file__).parent / "rivals"
HOME = Path(tempfile.gettempdir())  # the vendor's SDK writes below the home directory
SECRET = "benchmark-secret-0123456789"  # opens the route, nothing else

# The caller may have set these: the first makes every start slow, the others change who is
# trusted, and make requests load a CA bundle for each session.
_STRANGE = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "HOME")
_STRANGE_ENDINGS = ("_ca_bundle", "_proxy")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a measured process: nothing in it but what it needs."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _STRANGE and not name.lower().endswith(_STRANGE_ENDINGS)
    }
    path = {"HOME": str(HOME), "PYTHONPATH": os.pathsep.join((str(ROOT), str(RIVALS)))}
    return {**kept, **path, **settings}


@contextmanager
def responder(
    instances: int = 128, certificate: Path | None = None, key: Path | None = None
) -> Iterator[dict[str, str]]:
    """Run the responder; give the settings that reach it."""
    from .responder import ACCOUNT

    files = [str(certificate), str(key)] if certificate else []
    command = [sys.executable, "-m", "benchmarks.responder", str(instances), *files]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment({}),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C reaches only us, who end it
    )
    with process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        origin = "https://localhost" if certificate else "http://127.0.0.1"
        try:
            yield {
                "DMS_ENDPOINT": f"{origin}:{port}",
                "HUAWEICLOUD_SDK_AK": ACCOUNT.access_key,
                "HUAWEICLOUD_SDK_SK": ACCOUNT.secret_key,
                "HUAWEICLOUD_SDK_PROJECT_ID": ACCOUNT.project_id,
            }
        finally:
            process.kill()


@dataclass(frozen=True, slots=True)
class Server:
    """A subject behind functions-framework: a main process, and the worker it forks."""

    process: subprocess.Popen[bytes]
    port: int
    words: Path

    @property
    def pid(self) -> int:
        """The id of the main process."""
        return self.process.pid

    def require_alive(self) -> None:
        """Raise AssertionError with its last words where it has ended."""
        if self.process.poll() is not None:
            raise AssertionError(self.words.read_text())

    def tree(self) -> list[int]:
        """Return the ids of both."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [self.pid, *map(int, children.split())]

    def worker(self) -> int:
        """Return the id of the process that answers."""
        return self.tree()[-1]

    def cpu(self) -> float:
        """Return the seconds of CPU that both have used, to the nanosecond."""
        return sum(cpu_of(pid) for pid in self.tree())


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used, by its clock: see clock_getres(2)."""
    return time.clock_gettime((~pid << 3) | 2)


def counted(pid: int) -> dict[str, int]:
    """Return what a process holds now: resident KiB, threads, open files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return {
        "resident_kib": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "files": files,
    }


def free_port() -> int:
    """Return a free port."""
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        port: int = wire.getsockname()[1]
        return port


@contextmanager
def server(source: Path, settings: Mapping[str, str], *, serve: bool = False) -> Iterator[Server]:
    """Run a subject under functions-framework, or our own server; it may not be ready yet."""
    port = free_port()
    framework = ["functions_framework", f"--source={source}", "--target=remediate"]
    command = [sys.executable, "-m", *(["function", "serve"] if serve else framework)]
    with tempfile.NamedTemporaryFile() as words:
        # Until it is sure to be ended, Ctrl-C waits: it could leave a server behind.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        process = subprocess.Popen(
            [*command, "--host=127.0.0.1", f"--port={port}"],
            cwd=ROOT,
            env=environment(settings),
            stdout=subprocess.DEVNULL,
            stderr=words,
            start_new_session=True,
        )
        try:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            yield Server(process, port, Path(words.name))
        finally:
            # The worker of gunicorn looks for a signal to end once a second; all that was to be
            # measured is measured.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@dataclass(frozen=True, slots=True)
class Run:
    """One whole run of a handler in a bare interpreter."""

    answer: object
    seconds: float
    cpu: float
    resident_kib: int
    modules: int


_CALL = """import json, sys
from {module} import handler
answer = handler(json.loads(sys.argv[1]), None)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
report = [answer, int(status["VmHWM"].split()[0]), len(sys.modules)]
print(json.dumps(report), file=open(sys.argv[2], "w"))
"""


def handled(module: str, event: object, settings: Mapping[str, str]) -> Run:
    """Run a module's handler once in a bare interpreter, from start to end of the process."""
    with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as words:
        command = [
            sys.executable,
            "-c",
            _CALL.format(module=module),
            json.dumps(event),
            output.name,
        ]
        begin = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(settings), stdout=subprocess.DEVNULL, stderr=words
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, words.read()
        answer, resident, modules = json.loads(output.read())
    return Run(answer, seconds, usage.ru_utime + usage.ru_stime, resident, modules)
