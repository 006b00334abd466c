"""The Kubernetes manifests: as files, as kustomize builds them, and their published schemas."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("base", "knative", "prometheus-operator")
KEPT = ROOT / "dist" / "kubernetes-schemas"

Document = dict[str, Any]
Validate = Callable[[list[Document]], list[str]]


def load(path: Path) -> list[Document]:
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


@cache
def files(overlay: str) -> tuple[Document, ...]:
    """Return every document in the files of a folder, also of those that are off."""
    names = {"kustomization.yaml", "name-reference.yaml"}
    paths = sorted(path for path in (KUBERNETES / overlay).glob("*.yaml") if path.name not in names)
    return tuple(document for path in paths for document in load(path))


@cache
def built(overlay: str) -> tuple[Document, ...]:
    """Return what `kubectl apply -k` would send; skip where there is no kustomize."""
    kubectl, kustomize = shutil.which("kubectl"), shutil.which("kustomize")
    if kubectl is None and kustomize is None:
        pytest.skip("neither kubectl nor kustomize is installed, so the overlays are not built")
    command = [kubectl, "kustomize"] if kubectl else [kustomize or "", "build"]
    done = subprocess.run(
        [*command, str(KUBERNETES / overlay)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def named(documents: tuple[Document, ...], kind: str, name: str | None = None) -> list[Document]:
    """Return the documents of a kind, written as `apps/v1 Deployment`, in their order."""
    return [
        document
        for document in documents
        if f"{document['apiVersion']} {document['kind']}" == kind
        and name in {None, document["metadata"]["name"]}
    ]


def pod_specs(documents: tuple[Document, ...]) -> list[Document]:
    """Return what runs in pods, of whatever kind."""
    specs = []
    for document in documents:
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            specs.append(spec["template"]["spec"])
    return specs


def validator() -> Validate:
    """Return what validates by the published schemas: npm's packages, locked, kept in dist/."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("Node.js is not installed, and the published schemas are packages of npm")
    lock = (HERE / "package-lock.json").read_bytes() + (HERE / "validate.mjs").read_bytes()
    if not (KEPT / "ready").is_file() or (KEPT / "ready").read_bytes() != lock:
        KEPT.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json", "validate.mjs"):
            shutil.copy(HERE / name, KEPT)
        install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        done = subprocess.run(install, cwd=KEPT, capture_output=True, text=True, check=False)
        if done.returncode and re.search(r"ENOTFOUND|EAI_AGAIN|ECONN|network|404", done.stderr):
            pytest.skip("npm's registry does not answer, and dist/kubernetes-schemas is not there")
        assert done.returncode == 0, done.stderr
        (KEPT / "ready").write_bytes(lock)

    def problems(documents: list[Document]) -> list[str]:
        done = subprocess.run(
            [node, "validate.mjs"],
            cwd=KEPT,
            input=json.dumps(documents),
            capture_output=True,
            text=True,
            check=True,
        )
        lines: list[str] = json.loads(done.stdout)
        return lines

    return problems
