"""The ledger: calls that were sent or may have been, and claims of events on instances.

It complements the cloud's own history and can only make a verdict more careful. `protocol` defines
it, `memory` keeps it in the process, `redis` shares it between processes.
"""

from __future__ import annotations
