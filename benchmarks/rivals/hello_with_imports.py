"""Rival: hello, having imported what a function that calls and validates needs anyway."""

from typing import Any

import functions_framework
import jsonschema  # noqa: F401 - to import it is the point
import requests  # noqa: F401 - likewise


@functions_framework.http
def remediate(request: Any) -> str:
    """Say hello."""
    return "hello"
