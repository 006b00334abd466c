"""Read the context that FunctionGraph and Lambda pass with an event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

from ..settings.model import Credentials

_HEADERS = ("x-cff-security-access-key", "x-cff-security-secret-key", "x-cff-security-token")
_METHODS = ("getSecurityAccessKey", "getSecuritySecretKey", "getSecurityToken")


def _call(context: Any, method: str, *arguments: str) -> Any:
    """Call a method of a context that may not have it, or may raise where it has no answer."""
    try:
        function = getattr(context, method, None)
        return function(*arguments) if callable(function) else None
    except Exception:  # noqa: BLE001 - the platform's own, undocumented: no answer is None here
        return None


def _key(value: Any) -> str | None:
    """Return a key, unless it is empty or the word null, which FunctionGraph sends for none."""
    text = str(value or "").strip()
    return (
        text if text and text.lower() != "null" and text.isascii() and text.isprintable() else None
    )


def _temporary(values: Iterable[Any]) -> Credentials | None:
    access, secret, token = map(_key, values)
    if access is None or secret is None:
        return None
    return Credentials(access, secret, token, from_platform=True)


def credentials(context: Any) -> Credentials | None:
    """Return the temporary keys of the agency of a FunctionGraph function, or None."""
    return _temporary(_call(context, method) for method in _METHODS)


def header_credentials(headers: Mapping[str, str]) -> Credentials | None:
    """Return the temporary keys in the headers that FunctionGraph sends to a container, or None."""
    return _temporary(headers.get(name) for name in _HEADERS)


def settings(context: Any, names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of the environment, and from a context those that are not there."""
    texts = {name: environment.get(name) for name in names}
    for name, value in texts.items():
        user_data = None if value else _call(context, "getUserData", name)
        texts[name] = value if user_data is None else user_data
    # The environment decides; the context stands in for what it leaves out.
    project = _call(context, "getProjectID")
    if not texts.get("HUAWEICLOUD_SDK_PROJECT_ID") and project:
        texts["HUAWEICLOUD_SDK_PROJECT_ID"] = project
    return {name: str(value) for name, value in texts.items() if value is not None}


def remaining_seconds(context: Any) -> float | None:
    """Return the seconds until the platform ends the invocation, or None where it does not say."""
    for method in ("getRemainingTimeInMilliSeconds", "get_remaining_time_in_millis"):
        milliseconds = _call(context, method)
        # Exact types: a mock of a platform may answer with anything, and True is an int.
        if type(milliseconds) in {int, float} and isfinite(milliseconds):
            return float(milliseconds) / 1000
    return None
