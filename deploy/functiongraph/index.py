"""FunctionGraph's entrypoint, `index.handler`, at the root of the zip of deploy/package.py."""

import sys
from pathlib import Path

BUILT_FOR = Path(__file__).with_name("python-version").read_text(encoding="ascii").strip()
RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
if RUNNING != BUILT_FOR:  # without this, compiled parts fail one by one and say less
    raise RuntimeError(f"This zip was built for Python {BUILT_FOR}, the runtime is {RUNNING}.")

from function.handler import handler  # noqa: E402 - after the check of the version

__all__ = ["handler"]
