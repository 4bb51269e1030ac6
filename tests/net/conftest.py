"""What tests of networks share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.netns import Network, require_namespaces


@pytest.fixture
def network() -> Iterator[Network]:
    """Namespaces joined by a bridge. Skips the test where this machine cannot make them."""
    require_namespaces()
    with Network() as network:
        yield network
