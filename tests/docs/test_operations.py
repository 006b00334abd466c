"""What the operations page says of a check is what a check says."""

from __future__ import annotations

import re

from tests.end_to_end.test_check import NAMES
from tests.readme_blocks import OPERATIONS, section

TEXT = section("Check", OPERATIONS)


def test_table_lists_every_check_in_order() -> None:
    first_cells = [line.split(" | ")[0] for line in TEXT.splitlines() if line.startswith("| `")]

    assert re.findall(r"`([a-z_]+)`", " ".join(first_cells)) == NAMES


def test_the_four_statuses_are_explained() -> None:
    assert [word for word in ("pass", "fail", "unproven", "info") if f"`{word}`:" not in TEXT] == []
