"""Rival: the least that functions-framework can do."""

from typing import Any

import functions_framework


@functions_framework.http
def remediate(request: Any) -> str:
    """Say hello."""
    return "hello"
