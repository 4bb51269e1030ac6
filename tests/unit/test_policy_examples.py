"""The policies of docs/guide/policies.md decide as they say, and ask for no more than has changed."""
from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from support.server import ROOT

from simplesfu import Decision, SubscriptionRequest

NOTHING = Decision(forward=False)


@pytest.fixture(autouse=True)
def examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(ROOT / "examples" / "policies"))
    yield
    for name in ("proximity", "paid_tiers", "last_n"):
        sys.modules.pop(name, None)


class Asked:
    """In place of a MediaManager: what is to be decided anew."""

    def __init__(self) -> None:
        self.anew: list[dict[str, str]] = []

    def reevaluate(self, **whom: str) -> None:
        self.anew.append(whom)


def request(viewer: str, publisher: str, kind: str = "video") -> SubscriptionRequest:
    return SubscriptionRequest(viewer_id=viewer, publisher_id=publisher, label="camera", kind=kind,  # type: ignore[arg-type]
                               metadata={}, rooms=("hall",))


def test_proximity() -> None:
    from proximity import Proximity  # type: ignore[import-not-found]

    policy: Any = Proximity()
    policy.media = Asked()
    assert policy(request("alice", "bob")) == NOTHING, "nobody knows where they are"
    policy.move("alice", (0, 0))
    for x, decision in ((10, Decision()), (60, Decision(max_spatial_layer=0)), (200, NOTHING)):
        policy.move("bob", (x, 0))
        assert policy(request("alice", "bob")) == policy(request("bob", "alice")) == decision
    print(policy.media.anew)
    assert {"viewer": "bob"} in policy.media.anew
    assert {"publisher": "bob"} in policy.media.anew


async def test_paid_tiers() -> None:
    from paid_tiers import PaidTiers  # type: ignore[import-not-found]

    policy: Any = PaidTiers()
    policy.media = Asked()
    assert await policy(request("alice", "bob")) == Decision(max_spatial_layer=0, max_frame_rate=15)
    assert await policy(request("alice", "bob", "audio")) == Decision()
    policy.pays_for("alice", "premium")
    assert await policy(request("alice", "bob")) == Decision()
    assert policy.media.anew == [{"viewer": "alice"}]


def test_last_n() -> None:
    from last_n import LastN  # type: ignore[import-not-found]

    policy: Any = LastN(2)
    policy.media = Asked()
    for speaker in ("alice", "bob"):
        policy.spoke(speaker)
    policy.media.anew.clear()
    policy.spoke("alice")
    assert policy.media.anew == [], "the same two"
    policy.spoke("carol")
    assert policy.media.anew in ([{"publisher": "bob"}, {"publisher": "carol"}],
                                 [{"publisher": "carol"}, {"publisher": "bob"}])
    seen = {peer for peer in ("alice", "bob", "carol") if policy(request("dave", peer))}
    assert seen == {"alice", "carol"}
    assert policy(request("dave", "bob", "audio")), "who is not seen is heard"
