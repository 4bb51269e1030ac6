"""The application's subscription policy: what of each track each viewer gets, asked and carried out."""
from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from simplesfu.engine.tasks import TaskSet
from simplesfu.signaling.application.calls import AppCalls
from simplesfu.signaling.sessions.decision import FORWARD, HOLD, Decision, SubscriptionRequest
from simplesfu.signaling.sessions.session import PeerSession, Subscription

Verdict: TypeAlias = Decision | bool | None
"""None forwards, as True does: a policy names what it limits."""
PolicyFunction: TypeAlias = Callable[[SubscriptionRequest], Awaitable[Verdict] | Verdict]

AT_ONCE: Final = 32
"""Questions to the application at a time, so that others of its functions get their turn too."""


class SubscriptionPolicy:
    """On the engine's loop. Nothing flows to a new subscription before the first answer; an old one keeps its decision
    until the new one is in, or when the application fails to give one."""

    def __init__(
        self,
        decide: PolicyFunction,
        calls: AppCalls,
        rooms_shared: Callable[[PeerSession, PeerSession], tuple[str, ...]],
    ) -> None:
        calls.check("subscription_policy", decide)
        self._decide = decide
        self._calls = calls
        self._rooms_shared = rooms_shared
        self._subscriptions: dict[Subscription, None] = {}
        self._due: dict[Subscription, None] = {}
        self._asking: set[Subscription] = set()
        self._tasks = TaskSet()

    def subscribed(self, subscription: Subscription) -> None:
        """Its decision is None until the application has made one."""
        self._subscriptions[subscription] = None
        self._ask(subscription)

    def ended(self, subscription: Subscription) -> None:
        """A second call does nothing."""
        self._subscriptions.pop(subscription, None)
        self._due.pop(subscription, None)

    def reevaluate(self, viewer_id: str | None = None, publisher_id: str | None = None) -> None:
        """Ask again about all subscriptions, or only those of the viewer, to the publisher, or between the two."""
        for subscription in self._subscriptions:
            if (viewer_id in (None, subscription.viewer.id)
                    and publisher_id in (None, subscription.publication.publisher.id)):
                self._ask(subscription)

    def _ask(self, subscription: Subscription) -> None:
        """Once more when it is being asked about: that answer may be of yesterday."""
        self._due[subscription] = None
        if len(self._tasks) < AT_ONCE:
            self._tasks.spawn(self._work(), "subscription policy")

    async def _work(self) -> None:
        while (subscription := next((one for one in self._due if one not in self._asking), None)) is not None:
            del self._due[subscription]
            self._asking.add(subscription)
            try:
                await self._settle(subscription)
            finally:
                self._asking.discard(subscription)

    async def _settle(self, subscription: Subscription) -> None:
        publication = subscription.publication
        request = SubscriptionRequest(
            viewer_id=subscription.viewer.id,
            publisher_id=publication.publisher.id,
            label=publication.label,
            kind=publication.kind,
            metadata=publication.metadata,
            rooms=self._rooms_shared(subscription.viewer, publication.publisher),
        )
        try:
            decision = _decision(await self._calls.call(self._decide, request))
        except Exception as error:
            self._calls.complain("subscription_policy", error)
            return
        if subscription in self._subscriptions and decision != subscription.decision:
            subscription.decision = decision
            subscription.settle()


def _decision(verdict: object) -> Decision:
    """Raises TypeError for an answer that is none: to forward what was meant to be held would be worse."""
    if isinstance(verdict, Decision):
        return verdict
    if verdict is None or verdict is True:
        return FORWARD
    if verdict is False:
        return HOLD
    raise TypeError(f"{type(verdict).__name__} is no answer: return True, False, None or a Decision")
