"""The lite side of ICE (RFC 8445 §2.5): it sends no checks, it answers those of its client.

No socket and no clock in here: a request goes in, a verdict comes out, and the link acts on it.

A request that fails to authenticate is dropped without the 400 or 401 that RFC 8489 §9.1.3 asks for: an answer to a
stranger helps nobody but a stranger who forges source addresses.
"""
from __future__ import annotations

import secrets
import string
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from aioice import stun

from simplesfu.types import IceParameters

if TYPE_CHECKING:
    from simplesfu.plane.events import Address

RejectReason: TypeAlias = Literal[
    "stun_malformed", "stun_unknown_user", "stun_bad_integrity", "stun_unknown_attribute", "stun_replayed",
    "stun_role_conflict",
]

UFRAG_CHARACTERS: Final = 16
"""95 random bits: it opens the gate, so a stranger must not guess it (§5.3 wants 24 bits; the plane takes 23 bytes)."""
PASSWORD_CHARACTERS: Final = 24
"""143 random bits; §5.3 wants 128."""
REMEMBERED_CHECKS: Final = 128
"""Some five minutes of a connected client's checks."""

_ICE_CHARACTERS: Final = string.ascii_letters + string.digits
_FIRST_OPTIONAL_ATTRIBUTE: Final = 0x8000
_ROLE_CONFLICT: Final = (487, "Role Conflict")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about one request. It was valid when there is no reject reason."""

    reject: RejectReason | None = None
    response: bytes | None = None
    nominated: bool = False
    retired_ufrag: str | None = None
    """The credentials of before the ICE restart, which this request has ended."""


class IceLite:
    """One transport's credentials, and its judgement on the checks that use them."""

    def __init__(self) -> None:
        self._confirmed = _new_parameters()
        self._restarted: IceParameters | None = None
        self._seen: dict[bytes, Address] = {}

    @property
    def parameters(self) -> IceParameters:
        """The newest credentials, the ones to tell the client."""
        return self._restarted or self._confirmed

    def restart(self) -> str | None:
        """Take new credentials; the old ones stay good until the client uses the new ones (RFC 8445 §9).

        Returns the user name fragment that is good no longer, if the client never used those of the last restart.
        """
        superseded = self._restarted
        self._restarted = _new_parameters()
        return superseded.username_fragment if superseded else None

    def judge(self, request: bytes, source: Address) -> Verdict:
        """Authenticate a binding request and answer it. Never raises, whatever is in it."""
        try:
            message = stun.parse_message(request)
        except (ValueError, struct.error):
            return Verdict("stun_malformed")
        if (message.message_method, message.message_class) != (stun.Method.BINDING, stun.Class.REQUEST):
            return Verdict("stun_malformed")
        parameters = self._parameters_of(message.attributes.get("USERNAME", ""))
        if parameters is None:
            return Verdict("stun_unknown_user")
        key = parameters.password.encode()
        if not message.check_message_integrity(key):
            return Verdict("stun_bad_integrity")
        if any(_is_unknown_and_required(attribute) for attribute in _attribute_types(request)):
            # A 420 would have to list them, which aioice cannot write; no client is known to send any.
            return Verdict("stun_unknown_attribute")
        if not self._is_fresh(message.transaction_id, source):
            return Verdict("stun_replayed")
        if "ICE-CONTROLLED" in message.attributes:
            # A full agent controls a lite one (§6.1.1), so the mistake is never on this side (§7.3.1.1).
            conflict = _respond(message, stun.Class.ERROR, {"ERROR-CODE": _ROLE_CONFLICT}, key)
            return Verdict("stun_role_conflict", conflict)
        return Verdict(
            response=_respond(message, stun.Class.RESPONSE, {"XOR-MAPPED-ADDRESS": source}, key),
            nominated="USE-CANDIDATE" in message.attributes,
            retired_ufrag=self._confirm(parameters),
        )

    def _parameters_of(self, username: str) -> IceParameters | None:
        ufrag, _, _ = username.partition(":")
        for parameters in (self._confirmed, self._restarted):
            if parameters is not None and parameters.username_fragment == ufrag:
                return parameters
        return None

    def _confirm(self, used: IceParameters) -> str | None:
        if used is not self._restarted:
            return None
        retired = self._confirmed
        self._confirmed, self._restarted = used, None
        return retired.username_fragment

    def _is_fresh(self, transaction_id: bytes, source: Address) -> bool:
        """False for a recorded check sent again from elsewhere, which would draw the media there. A client that repeats
        an unanswered one does so from the same place."""
        known = self._seen.setdefault(transaction_id, source)
        if len(self._seen) > REMEMBERED_CHECKS:
            del self._seen[next(iter(self._seen))]
        return known == source


def _new_parameters() -> IceParameters:
    return IceParameters(username_fragment=_random(UFRAG_CHARACTERS), password=_random(PASSWORD_CHARACTERS))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ICE_CHARACTERS) for _ in range(length))


def _respond(request: stun.Message, kind: stun.Class, attributes: dict[str, object], key: bytes) -> bytes:
    response = stun.Message(stun.Method.BINDING, kind, request.transaction_id, attributes)
    response.add_message_integrity(key)
    return bytes(response)


def _attribute_types(message: bytes) -> Iterator[int]:
    at = stun.HEADER_LENGTH
    while at + 4 <= len(message):
        attribute, length = struct.unpack_from("!HH", message, at)
        yield attribute
        at += 4 + length + stun.padding_length(length)


def _is_unknown_and_required(attribute: int) -> bool:
    """RFC 8489 §14: the upper half of the numbers may be ignored."""
    return attribute < _FIRST_OPTIONAL_ATTRIBUTE and attribute not in stun.ATTRIBUTES_BY_TYPE
