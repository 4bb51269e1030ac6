"""What can be refused, and how a refusal is told.

    SfuError
    ├── BadRequest            bad_request            the payload does not fit its table
    │   └── BadParameters     bad_parameters         it fits, but RTP or DTLS parameters make no sense
    ├── UnknownRequest        unknown_request        no such request
    ├── TooManyRequests       too_many_requests      more at once, or per second, than a peer may send
    ├── NotFound              not_found              not there, or not for this peer: the two look the same
    ├── AlreadyExists         already_exists         a label, an SSRC, a transport of that direction
    ├── AlreadyConnected      already_connected      a transport connects once
    ├── NotAllowed            not_allowed            the application's authorize said no; it may give a code of its own
    ├── Unsupported           unsupported            a codec or a feature that the router does not have
    ├── CannotConsume         cannot_consume         the receiver's capabilities do not match the producer
    ├── CannotMove            cannot_move            a producer cannot go on as what another transport would bring
    ├── LimitReached          limit_reached          a limit, and one of these where it is an option
    │   ├── TooManyTransports       too_many_transports        of one peer
    │   ├── TooManyProducers        too_many_producers         of one peer
    │   ├── TooManyConsumers        too_many_consumers         of one peer
    │   ├── TooManyRooms            too_many_rooms             that one peer is in
    │   ├── TooManyWishes           too_many_wishes            about other peers, and their tracks
    │   ├── TooManyJoins            too_many_joins             of one peer, in a second
    │   ├── TooManyRoomProducers    too_many_room_producers    of all who are in one room
    │   ├── RoomFull                room_full                  no place for another peer
    │   └── TooMuchBitrate          too_much_bitrate           a track is ended: its peer sends far more than it may
    ├── RoomLocked            room_locked            the server lets nobody in at present
    ├── Kicked                kicked                 the server has ended the session on purpose
    ├── Closed                closed                 the peer, the transport or the server has gone
    ├── NoApplicationSocket   no_application_socket  the media namespace without the application's own
    └── ConfigError           bad_option             an option of MediaManager

The codes are stable: clients may switch on them. The hint says what to do about it.
"""
# ruff: noqa: N818 (a name is its code; "NotFoundError" would say nothing more)
from __future__ import annotations


class SfuError(Exception):
    """`code` is stable, `message` says what went wrong, `hint` (may be empty) how to put it right."""

    code: str = "internal_error"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message

    def as_wire(self) -> dict[str, str]:
        """The error object of docs/protocol.md."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class BadRequest(SfuError):
    code = "bad_request"


class BadParameters(BadRequest):
    code = "bad_parameters"


class UnknownRequest(SfuError):
    code = "unknown_request"


class TooManyRequests(SfuError):
    code = "too_many_requests"


class NotFound(SfuError):
    code = "not_found"


class AlreadyExists(SfuError):
    code = "already_exists"


class AlreadyConnected(SfuError):
    code = "already_connected"


class NotAllowed(SfuError):
    """An application's authorize raises it to refuse with words, and a code, of its own."""

    code = "not_allowed"

    def __init__(self, message: str, hint: str = "", *, code: str = "not_allowed") -> None:
        super().__init__(message, hint)
        self.code = code


class Unsupported(SfuError):
    code = "unsupported"


class CannotConsume(SfuError):
    code = "cannot_consume"


class CannotMove(SfuError):
    code = "cannot_move"


class LimitReached(SfuError):
    code = "limit_reached"


class TooManyTransports(LimitReached):
    code = "too_many_transports"


class TooManyProducers(LimitReached):
    code = "too_many_producers"


class TooManyConsumers(LimitReached):
    code = "too_many_consumers"


class TooManyRooms(LimitReached):
    code = "too_many_rooms"


class TooManyWishes(LimitReached):
    code = "too_many_wishes"


class TooManyJoins(LimitReached):
    code = "too_many_joins"


class TooManyRoomProducers(LimitReached):
    code = "too_many_room_producers"


class RoomFull(LimitReached):
    code = "room_full"


class TooMuchBitrate(LimitReached):
    code = "too_much_bitrate"


class RoomLocked(SfuError):
    code = "room_locked"


class Kicked(SfuError):
    code = "kicked"


class Closed(SfuError):
    code = "closed"


class NoApplicationSocket(SfuError):
    code = "no_application_socket"


class ConfigError(SfuError, ValueError):
    code = "bad_option"
