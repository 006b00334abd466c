"""Direct requests: our own request document, posted to /direct.

>>> read({"action": "restart", "instances": ["54602A9D-5e22-4239-9123-77e350df4a34"]}).intents[0]
Intent(action=<Action.RESTART: 'restart'>, instances=('54602a9d-5e22-4239-9123-77e350df4a34',), \
skip=None, raised=None, metric=None)
"""

from __future__ import annotations

from ..model.event import Action, Proof, Source
from ._request_document import read

SOURCE = Source(
    read=read,
    actions=frozenset(Action),
    route="/direct",
    proofs=(Proof.BEARER, Proof.STANDARD_WEBHOOKS),
)
