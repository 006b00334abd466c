"""Rival: the vendor's sample behind functions-framework."""

from typing import Any

import functions_framework
from sdk_handler import handler  # type: ignore[import-not-found]  # beside it when it runs


@functions_framework.http
def remediate(request: Any) -> Any:
    """Restart the instances that a request names."""
    return handler(request.get_json(), None)
