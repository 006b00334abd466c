"""The rules of the house: which file may import what, how long it gets, and what it is called."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FUNCTION = ROOT / "function"

# From the ground up. A file imports from rows above its own only, so neighbours never meet.
FLOORS = (
    ("__init__", "clock", "gate", "model", "strict_json", "threads", "timestamps"),
    ("live_state", "settings", "wording"),
    ("errors", "verdict"),
    # what several steps, or several sources, are made of
    (
        *("alert_groups", "bodies", "cloudevent", "fate", "request_document", "rules", "schemas"),
        *("setting_files", "setting_values", "signing", "smn_proof", "trail", "transport"),
        "webhook_proofs",
    ),
    ("cloud_answers", "platform_context", "setting_rules"),
    ("api", "read_settings"),
    ("cloud", "locks", "sources", "sources.*"),
    # the steps, and the hands that one of them is given
    (
        *("unwrap", "authenticate", "validate", "screen", "observe", "decide"),
        *("execute", "findings", "report", "emit", "hands", "runtime"),
    ),
    ("pipeline",),
    ("routes", "start"),
    ("triggers",),
    ("invocation",),
    ("container",),
    ("main", "handler"),
)

# What reaches the network, the clock, the environment, the log, other threads or chance.
WORLD = frozenset(
    """asyncio concurrent flask functions_framework http httpx importlib logging multiprocessing os
    pkgutil queue random requests secrets select selectors shutil signal socket ssl subprocess sys
    tempfile threading time urllib.request urllib3""".split()
)
PURE = frozenset({"http.HTTPStatus"})  # names and numbers, although `http` is the world
EDGES = {
    "main": WORLD,
    "handler": WORLD,
    "api": WORLD,
    "transport": WORLD,
    "emit": WORLD,
    "clock": frozenset({"time"}),
    "gate": frozenset({"socket", "threading"}),
    "locks": frozenset({"threading"}),
    "threads": frozenset({"os", "queue", "threading", "time"}),
    "setting_files": frozenset({"ssl"}),  # reads certificates at the start, and opens nothing
    "signing": frozenset({"requests"}),  # an auth object for requests, which sends nothing itself
    "sources": frozenset({"importlib"}),  # finds its own files at the start
}
# Our own files that touch the world, and who else may hold them: the others get their results.
TOUCHING = frozenset({"api", "cloud", "emit", "gate", "hands", "locks", "threads", "transport"})
HOLDING = frozenset(
    """cloud_answers invocation observe pipeline routes runtime start triggers""".split()
)

CLOCK_AND_CHANCE = frozenset(
    """datetime.now datetime.today datetime.utcnow date.today uuid.uuid1 uuid.uuid4 uuid1 uuid4
    print open input exec eval __import__""".split()
)
FILES = frozenset({"read_bytes", "read_text", "write_bytes", "write_text"})
EDGE_CALLS = {
    "main": CLOCK_AND_CHANCE | FILES,
    "handler": CLOCK_AND_CHANCE | FILES,
    "emit": CLOCK_AND_CHANCE,
    "clock": CLOCK_AND_CHANCE,
    "schemas": FILES,
    "setting_files": FILES,
    "smn_proof": FILES,
}

MOST_LINES = 200
MOST_LINES_OF_A_FUNCTION = 30
MOST_POSITIONAL_PARAMETERS = 5
EMPTY_WORDS = frozenset({"util", "utils", "helper", "helpers", "base", "manager"})
DICTATED = frozenset({"proxy_manager_for"})  # by the class it overrides, requests' HTTPAdapter
EMPTY_FILE_WORDS = EMPTY_WORDS | {"data", "info"}

FILE_WIDE_IGNORE = re.compile(r"#\s*(ruff|flake8):\s*(noqa|disable)|#\s*mypy:")
IGNORE = re.compile(
    r"#?\s*\b(?:noqa\b(?P<noqa>:\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?"
    r"|type:\s*ignore\b(?P<type>\[[a-z\d, -]+\])?"
    r"|ruff:\s*ignore\b(?P<ruff>\[[A-Za-z\d, -]+\])?"
    r"|pragma:\s*(?P<pragma>no (?:cover|branch))|(?P<layout>fmt:\s*(?:off|skip)))"
)


@dataclass(frozen=True)
class SourceFile:
    """One file of a source tree, known by the dotted name other files import it by."""

    root: Path
    path: Path

    @property
    def name(self) -> str:
        parts = self.path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)

    @property
    def package(self) -> tuple[str, ...]:
        return self.path.relative_to(self.root).parts[:-1]

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    def provides(self, name: str) -> bool:
        place = self.root.joinpath(*name.split("."))
        return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


Rule = Callable[[SourceFile], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files(root: Path) -> list[SourceFile]:
    return [SourceFile(root, path) for path in sorted(root.rglob("*.py"))]


def floor(name: str) -> int | None:
    family = f"{name.partition('.')[0]}.*" if "." in name else name
    return next((n for n, row in enumerate(FLOORS) if name in row or family in row), None)


def stands_on_a_floor(file: SourceFile) -> Iterator[str]:
    if floor(file.name) is None:
        yield f"{file.name} stands on no floor: give it a place in FLOORS of tests/test_house.py"


def imports_relatively(file: SourceFile) -> Iterator[str]:
    for module in absolute_imports(file.tree):
        if module.partition(".")[0] in {"function", "tests"} or file.provides(module):
            yield f"{file.name} imports {module} absolutely, which breaks under functions-framework"


def imports_downwards(file: SourceFile) -> Iterator[str]:
    own = floor(file.name)
    for target in relative_imports(file):
        other = floor(target)
        if other is None:
            yield f"{file.name} imports {target}, which stands on no floor"
        elif own is not None and other >= own:
            yield f"{file.name} (floor {own}) imports {target} (floor {other}): only downwards"


def leaves_the_world_to_the_edges(file: SourceFile) -> Iterator[str]:
    allowed = EDGES.get(file.name, frozenset())
    for module in absolute_imports(without_type_checking(file.tree)):
        world = next((name for name in WORLD if f"{module}.".startswith(f"{name}.")), None)
        if world and world not in allowed and module not in PURE:
            yield f"{file.name} imports {module}: only an edge touches the world, see EDGES"


def holds_no_edge(file: SourceFile) -> Iterator[str]:
    if file.name not in TOUCHING | HOLDING | {"main", "handler"}:
        for target in relative_imports(file):
            if target in TOUCHING:
                yield f"{file.name} imports {target}, which touches the world, see HOLDING"


def asks_no_clock_chance_or_file(file: SourceFile) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call):
            parts = ast.unparse(node.func).split(".")
            called = {".".join(parts[-2:])} & CLOCK_AND_CHANCE or {parts[-1]} & FILES
            for name in called - EDGE_CALLS.get(file.name, frozenset()):
                yield f"{file.name}:{node.lineno} calls {name}(): let it arrive as an argument"


def says_what_it_is_for(file: SourceFile) -> Iterator[str]:
    if not (ast.get_docstring(file.tree, clean=False) or "").partition("\n")[0].strip():
        yield f"{file.name} does not say in the first line of its docstring what it is for"


def stays_short(file: SourceFile) -> Iterator[str]:
    length = len(file.text.splitlines())
    if length > MOST_LINES:
        yield f"{file.name} has {length} lines, {MOST_LINES} are the most"
    for function in functions(file.tree):
        lines = length_without_docstring(function)
        if lines > MOST_LINES_OF_A_FUNCTION:
            yield f"{file.name}.{function.name} has {lines} lines of {MOST_LINES_OF_A_FUNCTION}"


def takes_few_parameters(file: SourceFile) -> Iterator[str]:
    for function in functions(file.tree):
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > MOST_POSITIONAL_PARAMETERS:
            yield f"{file.name}.{function.name} takes {count} positional parameters"


def has_telling_names(file: SourceFile) -> Iterator[str]:
    if empty := EMPTY_FILE_WORDS & words(file.name):
        yield f"the file name {file.name} says nothing: {', '.join(empty)}"
    for node in ast.walk(file.tree):
        if not isinstance(node, Function | ast.ClassDef) or node.name in DICTATED:
            continue
        if empty := EMPTY_WORDS & words(node.name):
            yield f"{file.name}:{node.lineno} {node.name} says nothing: {', '.join(empty)}"


def gives_reasons_for_ignoring(file: SourceFile) -> Iterator[str]:
    for line, comment in comments(file.text):
        if FILE_WIDE_IGNORE.match(comment):
            yield f"{file.name}:{line} switches a check off for a whole file"
        elif directives := list(IGNORE.finditer(comment)):
            if not all(any(directive.groups()) for directive in directives):
                yield f"{file.name}:{line} ignores without a code"
            elif not re.search(r"\w{4,}", IGNORE.sub("", comment)):
                yield f"{file.name}:{line} ignores without a reason"


RULES: tuple[Rule, ...] = (
    stands_on_a_floor,
    imports_relatively,
    imports_downwards,
    leaves_the_world_to_the_edges,
    holds_no_edge,
    asks_no_clock_chance_or_file,
    says_what_it_is_for,
    stays_short,
    takes_few_parameters,
    has_telling_names,
    gives_reasons_for_ignoring,
)


def absolute_imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def relative_imports(file: SourceFile) -> Iterator[str]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            package = file.package[: len(file.package) - node.level + 1]
            parent = (*package, *(node.module or "").split(".")) if node.module else package
            for alias in node.names:
                inner = ".".join((*parent, alias.name))
                yield inner if file.provides(inner) or not parent else ".".join(parent)


def without_type_checking(tree: ast.Module) -> ast.Module:
    """Leave out what only the type checker imports: it touches nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            node.body = []
    return tree


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length_without_docstring(function: Function) -> int:
    first, last = function.body[0], function.end_lineno or function.lineno
    told = (first.end_lineno or 0) - first.lineno + 1 if ast.get_docstring(function) else 0
    return last - function.lineno + 1 - told


def words(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z\d]+|[A-Z]+(?![a-z])", name)}


def comments(text: str) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def by_name(value: object) -> str:
    return value.name if isinstance(value, SourceFile) else str(getattr(value, "__name__", value))


@pytest.mark.parametrize("rule", RULES, ids=by_name)
@pytest.mark.parametrize("file", files(FUNCTION), ids=by_name)
def test_every_file_of_the_function_keeps_the_rules(file: SourceFile, rule: Rule) -> None:
    assert list(rule(file)) == []


@pytest.mark.parametrize("file", files(ROOT / "tests"), ids=by_name)
def test_every_ignore_in_the_tests_has_a_code_and_a_reason(file: SourceFile) -> None:
    assert list(gives_reasons_for_ignoring(file)) == []


@pytest.mark.parametrize("file", files(ROOT / "tests" / "stand_in"), ids=by_name)
def test_the_stand_in_borrows_nothing_from_what_it_tests(file: SourceFile) -> None:
    assert not [name for name in absolute_imports(file.tree) if name.startswith("function")]


def test_no_file_stands_on_two_floors() -> None:
    names = [name for row in FLOORS for name in row]

    assert len(names) == len(set(names))


BROKEN = (
    (stands_on_a_floor, "parking.py", "", "parking stands on no floor"),
    (imports_relatively, "decide.py", "from function.model import Intent", "absolutely"),
    (imports_relatively, "decide.py", "import decide", "absolutely"),
    (imports_downwards, "decide.py", "from .observe import read", "decide (floor 7) imports obs"),
    (imports_downwards, "decide.py", "def f():\n    from . import report", "imports report"),
    (imports_downwards, "decide.py", "from .pipeline import run", "imports pipeline (floor 8)"),
    (imports_downwards, "decide.py", "from .nowhere import run", "nowhere, which stands on no"),
    (imports_downwards, "sources/grafana.py", "from .direct import intent", "imports sources"),
    (imports_downwards, "sources/grafana.py", "from . import direct", "imports sources"),
    (imports_downwards, "sources/grafana.py", "from ..unwrap import x", "imports unwrap"),
    (imports_downwards, "bodies.py", "from .sources import direct", "imports sources"),
    (leaves_the_world_to_the_edges, "decide.py", "import os", "decide imports os"),
    (leaves_the_world_to_the_edges, "decide.py", "import urllib.request as u", "urllib.request"),
    (leaves_the_world_to_the_edges, "report.py", "from time import time", "imports time.time"),
    (leaves_the_world_to_the_edges, "observe.py", "import threading", "imports threading"),
    (leaves_the_world_to_the_edges, "locks.py", "import socket", "imports socket"),
    (leaves_the_world_to_the_edges, "report.py", "from http import client", "http.client"),
    (holds_no_edge, "decide.py", "from .cloud import Cloud", "decide imports cloud"),
    (holds_no_edge, "sources/grafana.py", "from .. import transport", "imports transport"),
    (asks_no_clock_chance_or_file, "bodies.py", "a = (b / 'c').read_text()", "calls read_text()"),
    (asks_no_clock_chance_or_file, "decide.py", "a = datetime.now(UTC)", "calls datetime.now()"),
    (asks_no_clock_chance_or_file, "decide.py", "a = dt.datetime.now(UTC)", "calls datetime.now()"),
    (asks_no_clock_chance_or_file, "report.py", "print('done')", "report:1 calls print()"),
    (says_what_it_is_for, "decide.py", "import re", "does not say"),
    (says_what_it_is_for, "decide.py", '"""\nToo late."""', "does not say"),
    (stays_short, "decide.py", "a = 1\n" * 201, "has 201 lines"),
    (stays_short, "decide.py", "def f():\n" + "    a = 1\n" * 30, "decide.f has 31 lines"),
    (takes_few_parameters, "decide.py", "def f(a, b, c, d, e, /, g): ...", "f takes 6"),
    (has_telling_names, "utils.py", "", "the file name utils"),
    (has_telling_names, "cloud_info.py", "", "the file name cloud_info"),
    (has_telling_names, "cloud.py", "class LockManager: ...", "LockManager says nothing"),
    (has_telling_names, "cloud.py", "def time_helper(): ...", "time_helper says nothing"),
    (gives_reasons_for_ignoring, "a.py", "a = 1  # noqa", "without a code"),
    (gives_reasons_for_ignoring, "a.py", "a = 1  # noqa: E501", "without a reason"),
    (gives_reasons_for_ignoring, "a.py", "a = 1  # type: ignore # it is so", "without a code"),
    (gives_reasons_for_ignoring, "a.py", "a = 1  # type: ignore[misc]", "without a reason"),
    (gives_reasons_for_ignoring, "a.py", "a = 1  # pragma: no cover", "without a reason"),
    (gives_reasons_for_ignoring, "a.py", "# ruff: noqa: E501 for a reason", "a whole file"),
    (gives_reasons_for_ignoring, "a.py", "# mypy: ignore-errors", "a whole file"),
)

KEPT = (
    (stands_on_a_floor, "sources/new.py", ""),
    (imports_relatively, "decide.py", "import re\nfrom .model import Intent"),
    (imports_downwards, "decide.py", "from . import model\nfrom .errors import Refused"),
    (imports_downwards, "sources/grafana.py", "from .. import timestamps\nfrom ..model import X"),
    (imports_downwards, "pipeline.py", "from . import decide, sources\nfrom .sources import a"),
    (leaves_the_world_to_the_edges, "report.py", "from http import HTTPStatus"),
    (leaves_the_world_to_the_edges, "report.py", "from urllib.parse import quote"),
    (leaves_the_world_to_the_edges, "bodies.py", "if TYPE_CHECKING:\n    import requests"),
    (leaves_the_world_to_the_edges, "transport.py", "import requests, ssl"),
    (holds_no_edge, "pipeline.py", "from . import emit\nfrom .cloud import Cloud"),
    (holds_no_edge, "decide.py", "from .rules import RULES"),
    (asks_no_clock_chance_or_file, "decide.py", "a = clock.now() and verdict.open()"),
    (asks_no_clock_chance_or_file, "schemas.py", "a = file.read_bytes()"),
    (asks_no_clock_chance_or_file, "clock.py", "a = datetime.now(timezone.utc)"),
    (says_what_it_is_for, "decide.py", '"""Judge."""'),
    (stays_short, "decide.py", "def f():\n    '''a\n" + "    >>> 1\n" * 30 + "    '''\n"),
    (takes_few_parameters, "decide.py", "def f(self, a, b, c, d, e, *, g): ..."),
    (has_telling_names, "transport.py", "def proxy_manager_for(self): ..."),
    (has_telling_names, "cloud.py", "def init_poolmanager(self): ...\ndef base64url(): ..."),
    (gives_reasons_for_ignoring, "a.py", "a = 1  # noqa: E501 – a link cannot be broken"),
    (gives_reasons_for_ignoring, "a.py", "a  # type: ignore[misc]  # noqa: S1, S2 – so they say"),
    (gives_reasons_for_ignoring, "a.py", "a = '# noqa'"),
)


def made_up(root: Path, name: str, text: str) -> SourceFile:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return SourceFile(root, path)


@pytest.mark.parametrize(("rule", "name", "text", "complaint"), BROKEN, ids=by_name)
def test_a_broken_rule_is_noticed(
    rule: Rule, name: str, text: str, complaint: str, tmp_path: Path
) -> None:
    found = list(rule(made_up(tmp_path, name, text)))

    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize(("rule", "name", "text"), KEPT, ids=by_name)
def test_what_keeps_a_rule_is_left_alone(rule: Rule, name: str, text: str, tmp_path: Path) -> None:
    assert list(rule(made_up(tmp_path, name, text))) == []


def test_an_import_finds_the_file_behind_a_package(tmp_path: Path) -> None:
    made_up(tmp_path, "sources/__init__.py", "")
    made_up(tmp_path, "sources/direct.py", "")
    routes = made_up(tmp_path, "routes.py", "from .sources import direct, discovered")

    assert [file.name for file in files(tmp_path)] == ["routes", "sources", "sources.direct"]
    assert list(relative_imports(routes)) == ["sources.direct", "sources"]
