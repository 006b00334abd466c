"""Loading modules: the garbage collector waits, and is as it was afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from function.lib.loading import without_collections


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Leave the collector of the test process as it was."""
    yield
    gc.unfreeze()
    gc.enable()


def test_the_collector_waits_and_goes_on_without_what_was_loaded() -> None:
    with without_collections():
        assert not gc.isenabled()

    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_the_collector_goes_on_after_modules_that_cannot_be_loaded() -> None:
    with pytest.raises(ImportError), without_collections():
        raise ImportError

    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    with without_collections():
        pass

    assert not gc.isenabled()
