"""Fixtures of tests that call the fake cloud: two instances in it, and a caller with its keys."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import ORDERS, PAYMENTS
from tests.fake_dms import FakeDms
from tests.fake_dms.caller import Caller


@pytest.fixture(name="cloud")
def open_a_cloud() -> Iterator[FakeDms]:
    """Open a cloud with two running instances."""
    with FakeDms() as cloud:
        for instance in (ORDERS, PAYMENTS):
            cloud.add_instance(instance)
        yield cloud


@pytest.fixture(name="caller")
def call_the_cloud(cloud: FakeDms) -> Caller:
    """Return a caller whose requests the cloud accepts."""
    return Caller(cloud)
