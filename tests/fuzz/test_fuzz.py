"""A short round of the fuzz rules; `make fuzz` runs longer ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .rules import RULES


@pytest.mark.parametrize(("rule", "chances"), RULES)
def test_no_event_and_no_fault_makes_anything_happen_twice(
    rule: Callable[..., None], chances: tuple[st.SearchStrategy[Any], ...]
) -> None:
    few = settings(max_examples=30, deadline=None, suppress_health_check=[*HealthCheck])

    few(given(*chances)(rule))()
