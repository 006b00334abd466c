"""The senders: one module here and one schema in schemas/events/ for each, found by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path

from ..model.errors import SourceSchemaMismatch
from ..model.event import Source


def discover(schema_names: Iterable[str]) -> Mapping[str, Source]:
    """Return every source by name, or raise SourceSchemaMismatch naming the file that lacks one."""
    files = Path(__file__).parent.iterdir()
    # A file that begins with an underscore serves several sources, and is none itself.
    modules = {file.stem for file in files if file.suffix == ".py" and file.name[0] != "_"}
    schemas = set(schema_names)
    for name in sorted(modules - schemas):
        raise SourceSchemaMismatch(f"function/sources/{name}.py has no schemas/events/{name}.json")
    for name in sorted(schemas - modules):
        raise SourceSchemaMismatch(f"schemas/events/{name}.json has no function/sources/{name}.py")
    return {name: import_module(f".{name}", __name__).SOURCE for name in sorted(modules)}
