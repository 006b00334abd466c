"""The table of all cases, grouped by the part of the exchange that is faulty."""

from . import (
    cases_of_exchanges,
    cases_of_reading,
    cases_of_refusals,
    cases_of_routes,
    cases_of_the_ledger,
)
from .case import Action, Case

PARTS: dict[str, tuple[Case, ...]] = {
    "Before the request is sent": cases_of_routes.CASES,
    "Between the first byte of the request and the last of the answer": cases_of_exchanges.CASES,
    "Results by instance": cases_of_refusals.ROWS,
    "Throttling": cases_of_refusals.RETRY_AFTER,
    "Statuses without a code": cases_of_refusals.STATUSES,
    "Codes of the service and of the gateway": cases_of_refusals.CODES,
    "Error texts that quote the request, which are not passed on": cases_of_refusals.QUOTES,
    "While the live state is read": cases_of_reading.CASES,
    "Calls that the cloud does not show, and clocks": cases_of_the_ledger.SENT,
    "The shared ledger": cases_of_the_ledger.LEDGER,
}


def each() -> list[tuple[Case, Action]]:
    """Return every case with every action that it is for."""
    return [(case, action) for part in PARTS.values() for case in part for action in case.actions]
