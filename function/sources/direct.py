"""Direct requests: the request document, posted to /direct.

>>> intent = parse({"action": "restart",
...     "instances": ["54602A9D-5e22-4239-9123-77e350df4a34"]}).intents[0]
>>> intent.action, intent.instances
(<Action.RESTART: 'restart'>, ('54602a9d-5e22-4239-9123-77e350df4a34',))
"""

from __future__ import annotations

from ..model.event import Action, AuthMethod, Source
from ._request_document import parse

SOURCE = Source(
    parse=parse,
    # A person asks here, so this source alone may delete and probe.
    actions=frozenset(Action),
    route="/direct",
    auth_methods=(AuthMethod.BEARER, AuthMethod.STANDARD_WEBHOOKS),
    may_probe=True,
)
