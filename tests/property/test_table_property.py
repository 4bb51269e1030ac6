"""The plane's hash table against a dict."""
from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from simplesfu.plane.table import self_check

# Few keys, so that they collide, are removed and come again; and many, so that the table grows.
keys = st.one_of(st.integers(0, 40), st.integers(0, 2**63 - 1))
kinds = st.sampled_from(["put", "put", "get", "pop"])
operations = st.lists(st.tuples(kinds, keys, st.integers(1, 2**63 - 1)), max_size=400)


@given(operations=operations)
def test_behaves_like_a_dict(operations: list[tuple[str, int, int]]) -> None:
    model: dict[int, int] = {}
    expected: list[int | None] = []
    for operation, key, value in operations:
        if operation == "put":
            model[key] = value
            expected.append(None)
        elif operation == "pop":
            expected.append(model.pop(key, 0))
        else:
            expected.append(model.get(key, 0))
    assert self_check(operations) == (expected, len(model))
