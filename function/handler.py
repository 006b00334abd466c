"""The event entrypoint: `handler(event, context)` for FunctionGraph and AWS Lambda."""

from __future__ import annotations

import os
from typing import Any

from .lib.loading import without_collections

with without_collections():
    # First, at the shallowest depth: imported from further down, each of the many short calls of
    # these imports crosses a boundary of CPython 3.11's data stack, which maps and unmaps 16 KiB
    # every time (2,800 times, 15 to 30 ms of CPU).
    import jsonschema  # noqa: F401 - see above
    import requests  # noqa: F401 - see above

    from .entrypoints import platform_context, routes, startup
    from .entrypoints.invocation import invoke, reject_all
    from .model.errors import SettingsInvalid


def handler(event: Any, context: Any) -> Any:
    """Return the result event of an event, or the answer to a request of an API gateway.

    Raises RetryableFailure, whose text is the result event, for what failed and may be tried again.
    """
    variables = platform_context.settings(context, startup.variable_names(), os.environ)
    credentials = platform_context.credentials(context)
    startup.warn_of_misspelled_settings(frozenset(os.environ))
    try:
        runtime = startup.runtime(variables, platform_credentials=credentials is not None)
    except SettingsInvalid as invalid:
        built = startup.components()
        return reject_all(
            event, invalid, channels=routes.channels(built.sources), clock=built.clock
        )
    return invoke(
        event,
        runtime,
        credentials=credentials,
        remaining=platform_context.remaining_seconds(context),
    )
