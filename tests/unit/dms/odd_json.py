"""JSON of any shape, with the names that the API uses."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.factories import ORDERS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=40) | st.just(ORDERS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["instance_id", "status", "tags", "id", "key"]), inner)
    ),
    max_leaves=8,
)
