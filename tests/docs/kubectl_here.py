"""A kubectl for the start page: runs on this machine what a pod of the manifests would run.

It knows the few forms that the page prints, and refuses every other. Its state stays in
`kubectl.json` of the working directory: the secrets that were created, and the applied settings.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

MEMORY = Path("kubectl.json")
NAMESPACE = "kafka-remediator"
SECRETS = "kafka-remediator-secrets"


def remembered() -> dict[str, dict[str, str]]:
    return json.loads(MEMORY.read_text("utf-8")) if MEMORY.exists() else {}


def remember(name: str, values: dict[str, str]) -> None:
    MEMORY.write_text(json.dumps({**remembered(), name: values}), "utf-8")


def create_secret(name: str, literals: list[str]) -> None:
    pairs = [literal.removeprefix("--from-literal=").partition("=") for literal in literals]
    remember(name, {key: value for key, _, value in pairs})
    print(f"secret/{name} created")


def apply(folder: str) -> None:
    """Take the settings as kustomize does, line by line."""
    assert (Path(folder) / "kustomization.yaml").exists()
    lines = (Path(folder) / "settings.env").read_text("utf-8").split()
    remember("settings", dict(line.split("=", 1) for line in lines))


def in_the_pod(*command: str) -> None:
    """Run a command with the environment of the pod, in place of this process."""
    known = remembered()
    place = {name: os.environ[name] for name in ("PATH", "HOME", "DMS_ENDPOINT")}
    environment = {**place, **known["settings"], **known[SECRETS]}
    os.execvpe(command[0], command, environment)  # noqa: S606 - the page says what is run


def main(arguments: list[str]) -> None:
    match [one for one in arguments if one not in ("--namespace", NAMESPACE)] or arguments:
        case ["create", "namespace"]:
            print(f"namespace/{NAMESPACE} created")
        case ["create", "secret", "generic", name, *literals]:
            create_secret(name, literals)
        case ["apply", "-k", folder]:
            apply(folder)
        case ["rollout", "status", "deployment"]:
            print(f'deployment "{NAMESPACE}" successfully rolled out')
        case ["exec", "deployment/kafka-remediator", "--", *command]:
            in_the_pod(*command)
        case ["port-forward", "service/kafka-remediator", ports]:
            port = ports.partition(":")[0]
            in_the_pod("python", "-m", "function", "serve", "--host", "127.0.0.1", "--port", port)
        case other:
            sys.exit(f"the page does not print this: {other}")


if __name__ == "__main__":
    main(sys.argv[1:])
