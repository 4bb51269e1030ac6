"""One client's connection: ICE-lite to find it, consent to know that it is still there, DTLS for the SRTP keys.

    new ──connect()──▶ connecting ──▶ connected ◀──▶ disconnected      checks stopped for 10 s, and came back
                           │              │               │
                           └──────────────┴───────────────┴──▶ failed  (reason below)
    any ──the client's close_notify, or close()──▶ closed

| reason of "failed" | |
|---|---|
| ice_timeout | connect() was called, and no valid check came for 30 s |
| ice_consent_expired | checks came and stopped (MediaConfig.consent_timeout_s) |
| dtls_timeout | checks came, but the handshake did not end within 15 s |
| dtls_handshake_failed, dtls_fingerprint_mismatch, dtls_no_srtp_profile | the handshake ended badly |

What ICE has failed, a new check repairs (restart_ice() gives the client a reason to send one); DTLS fails for good.
"closed" has the reason that was given to close(), or "dtls_closed". Whatever has happened, the plane's transport and
its streams stay until close(): somebody above decides how long they are worth keeping.
"""
from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

from simplesfu.engine import dtls
from simplesfu.engine.aiortc_bridge import Certificate, DtlsError, DtlsTransport, SctpTransport
from simplesfu.engine.consent import Consent
from simplesfu.engine.ice_lite import IceLite, Verdict
from simplesfu.engine.tasks import TaskSet
from simplesfu.errors import AlreadyConnected, Closed
from simplesfu.types import DtlsParameters, IceParameters

if TYPE_CHECKING:
    from simplesfu.plane.events import Address
    from simplesfu.plane.plane import Plane

LinkState: TypeAlias = Literal["new", "connecting", "connected", "disconnected", "failed", "closed"]

ICE_TIMEOUT_US: Final = 30_000_000
DTLS_TIMEOUT_US: Final = 15_000_000
MAX_CHECKS_BETWEEN_TICKS: Final = 200
"""A client with many network paths sends some 20 checks a second on each while it connects."""

logger = logging.getLogger(__name__)


class LinkObserver(Protocol):
    def link_state_changed(self, state: LinkState, reason: str) -> None:
        """Called on the engine's loop, once for each change; it may close the link."""


@dataclass(frozen=True, kw_only=True)
class LinkServices:
    """What the links of one engine share."""

    plane: Plane
    certificate: Certificate
    tasks: TaskSet
    rejects: Counter[str]
    clock: Callable[[], int]
    consent_timeout_us: int
    forget: Callable[[int], None]
    """Called with the handle of a link that has closed."""


class Link:
    """Made by Engine.create_link; everything here happens on the engine's loop."""

    def __init__(self, services: LinkServices, observer: LinkObserver) -> None:
        self.state: LinkState = "new"
        self.closed = False
        """close() was called; a link that the client has ended waits for it."""
        self.remote_address: Address | None = None
        """Where packets for the client go; None while there is no consent to send any."""
        self._services = services
        self._observer = observer
        self._plane = services.plane
        self._ice = IceLite()
        self._consent = Consent(services.consent_timeout_us)
        self._checks_left = MAX_CHECKS_BETWEEN_TICKS
        self._dtls = DtlsTransport(services.certificate, self._send)
        self.sctp = SctpTransport(self._dtls, services.rejects)
        self._remote: DtlsParameters | None = None
        self._connect_us = 0
        self._handshake_us = 0
        self._handshaken = False
        self._dtls_failure = ""
        self._dtls_task: asyncio.Task[None] | None = None
        self.handle: int = self._plane.add_transport()
        """The plane's id of the transport."""
        self._plane.add_ufrag(self.handle, self.ice_parameters.username_fragment)

    @property
    def ice_parameters(self) -> IceParameters:
        return self._ice.parameters

    @property
    def tasks(self) -> TaskSet:
        """The engine's, for work that belongs to this link."""
        return self._services.tasks

    def connect(self, remote: DtlsParameters) -> None:
        """Begin to connect; the observer is told how it goes. Raises Closed, AlreadyConnected, BadParameters."""
        self._check_open()
        if self._remote is not None:
            raise AlreadyConnected("the transport is connected already", "restartIce takes it to another network path")
        dtls.check_remote(remote)
        self._remote = remote
        self._connect_us = self._services.clock()
        self._advance(self._connect_us)

    def restart_ice(self) -> IceParameters:
        """New credentials. The old ones stay good, and media flows, until the client uses these.

        Raises Closed, also when no path could help: DTLS has failed or ended.
        """
        self._check_open()
        if self._dtls_failure:
            raise Closed(f"the transport's DTLS has failed ({self._dtls_failure})", "create another one")
        superseded = self._ice.restart()
        if superseded is not None:
            self._plane.remove_ufrag(superseded)
        self._plane.add_ufrag(self.handle, self.ice_parameters.username_fragment)
        return self.ice_parameters

    def close(self, reason: str = "closed") -> None:
        """Tell the client (close_notify) and forget it. A second call does nothing."""
        if self.closed:
            return
        self.closed = True
        self._dtls.close_notify()
        self.sctp.close()
        if self._dtls_task is not None:
            self._dtls_task.cancel()
        self._plane.remove_transport(self.handle)
        self._services.forget(self.handle)
        self._set_state("closed", reason)

    # what the plane tells, and the clock

    def receive_stun(self, source: Address, request: bytes) -> None:
        """Answer a check; a good one lets its source through the gate and renews consent."""
        if self.state == "closed":
            self._services.rejects["link_closed"] += 1
            return
        if self._checks_left == 0:
            self._services.rejects["stun_flood"] += 1
            return
        self._checks_left -= 1
        verdict = self._ice.judge(request, source)
        if verdict.reject is None:
            self._accept(source, verdict)
        else:
            self._services.rejects[verdict.reject] += 1
        if verdict.response is not None and not self.closed:
            self._plane.send_to(source, verdict.response)

    def receive_dtls(self, datagram: bytes) -> None:
        """Before connect() too: a fast client says hello while its parameters are still under way."""
        if not self._dtls.receive(datagram):
            self._services.rejects["dtls_queue_full"] += 1

    def tuple_selected(self, address: Address) -> None:
        """Media comes from another of the client's addresses, and the plane follows it."""
        self.remote_address = address

    def check(self, now_us: int) -> None:
        """Time has passed."""
        self._checks_left = MAX_CHECKS_BETWEEN_TICKS
        unfinished = self._dtls_task is not None and not self._handshaken and not self._dtls_failure
        if unfinished and now_us - self._handshake_us >= DTLS_TIMEOUT_US:
            self._fail_dtls("dtls_timeout", now_us)
        else:
            self._advance(now_us)

    def _accept(self, source: Address, verdict: Verdict) -> None:
        """Before the answer goes out: the client may send DTLS as soon as it has it."""
        if verdict.retired_ufrag is not None:
            self._plane.remove_ufrag(verdict.retired_ufrag)
        if self._plane.add_tuple(self.handle, source, select=verdict.nominated):
            self.remote_address = source
        now_us = self._services.clock()
        self._consent.refresh(now_us)
        self._advance(now_us)

    def _advance(self, now_us: int) -> None:
        if self._dtls_task is None and self._remote is not None and self._consent.first_check_us is not None:
            self._handshake_us = now_us
            name = f"DTLS of transport {self.handle}"
            self._dtls_task = self._services.tasks.spawn(self._run_dtls(self._remote), name)
        state, reason = self._judge(now_us)
        if reason == "ice_consent_expired" and state != self.state:
            self._stop_sending()
        self._set_state(state, reason)

    def _judge(self, now_us: int) -> tuple[LinkState, str]:
        """The state that follows from what is known; nothing but `now_us` and what has come in decides it."""
        if self._dtls_failure:
            return "failed", self._dtls_failure
        consent = self._consent.state(now_us)
        if consent == "awaited":
            if self._remote is None:
                return "new", ""
            late = now_us - self._connect_us >= ICE_TIMEOUT_US
            return ("failed", "ice_timeout") if late else ("connecting", "")
        if consent == "expired":
            return "failed", "ice_consent_expired"
        if not self._handshaken:
            return "connecting", ""
        return ("disconnected", "ice_consent_overdue") if consent == "overdue" else ("connected", "")

    async def _run_dtls(self, remote: DtlsParameters) -> None:
        try:
            keys = await self._dtls.handshake(dtls.local_role(remote), remote.fingerprints)
            self._plane.set_srtp(self.handle, keys.profile, keys.recv_key, keys.send_key)
            self._handshaken = True
            self.sctp.listen()
            self._advance(self._services.clock())
            await self._dtls.wait_closed()
            self.sctp.close()
            self._stop_sending()
            self._set_state("closed", "dtls_closed")
        except DtlsError as error:
            self._fail_dtls(error.reason, self._services.clock())
        except Exception:
            self._fail_dtls("internal_error", self._services.clock())
            raise

    def _fail_dtls(self, reason: str, now_us: int) -> None:
        self._dtls_failure = reason
        self._set_state(*self._judge(now_us))
        if self._dtls_task is not None:
            self._dtls_task.cancel()

    def _stop_sending(self) -> None:
        """Without consent nothing may go there (RFC 7675 §5.1); the next valid check opens the way again."""
        self._plane.remove_tuples(self.handle)
        self.remote_address = None

    def _send(self, datagram: bytes) -> None:
        """Without an address it is dropped; DTLS sends again."""
        self._plane.send(self.handle, datagram)

    def _check_open(self) -> None:
        if self.state == "closed":
            raise Closed("the transport has closed", "create another one")

    def _set_state(self, state: LinkState, reason: str) -> None:
        if state == self.state or self.state == "closed":
            return
        logger.debug("transport %d: %s → %s %s", self.handle, self.state, state, reason)
        self.state = state
        try:
            self._observer.link_state_changed(state, reason)
        except Exception:
            logger.exception("the observer of transport %d raised", self.handle)
