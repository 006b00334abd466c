"""Runs an unpacked zip as FunctionGraph does: `python -I -S run_package.py <tree>`, nothing else.

Reads {"settings": …, "events": […]} from its input, and writes what each event returned.
"""

import json
import sys


class Context:
    """The context that FunctionGraph passes with the event: settings, temporary keys, time."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    def getUserData(self, name: str) -> str | None:  # noqa: N802 - FunctionGraph names it so
        return self._settings.get(name)

    def getSecurityAccessKey(self) -> str:  # noqa: N802 - FunctionGraph names it so
        return self._settings["access_key"]

    def getSecuritySecretKey(self) -> str:  # noqa: N802 - FunctionGraph names it so
        return self._settings["secret_key"]

    def getSecurityToken(self) -> str:  # noqa: N802 - FunctionGraph names it so
        return self._settings["security_token"]

    def getRemainingTimeInMilliSeconds(self) -> int:  # noqa: N802 - FunctionGraph names it so
        return 30_000


def main() -> None:
    """Hand every event to `index.handler`."""
    sys.path.insert(0, sys.argv[1])
    import index  # type: ignore[import-not-found]  # it is at the root of the zip

    task = json.load(sys.stdin)
    returned = [index.handler(event, Context(task["settings"])) for event in task["events"]]
    loaded = sorted({name.partition(".")[0] for name in sys.modules})
    json.dump({"returned": returned, "loaded": loaded}, sys.stderr)


if __name__ == "__main__":
    main()
