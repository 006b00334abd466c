"""The ledger: what was sent or may have been sent, and who may act on an instance now.

It adds to the cloud's own history and can only make a verdict more careful. `protocol` says what
it is, `memory` keeps it in the process, `redis` shares it between copies.
"""

from __future__ import annotations
