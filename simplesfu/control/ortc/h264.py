"""H.264 profiles as `profile-level-id` names them (RFC 6184 §8.1).

Three bytes in hexadecimal: profile_idc, the constraint flags, level_idc. Several spellings mean one profile, so two of
them are compared by what they mean. The level is no ground for a refusal: it bounds what a receiver must be able to
decode, and every endpoint that we know of allows level asymmetry.
"""
from __future__ import annotations

from typing import Final, NamedTuple

DEFAULT_PROFILE_LEVEL_ID: Final = "42e01f"
"""What libwebrtc takes a missing one to mean: constrained baseline, level 3.1 (the RFC's own default is baseline 1)."""


class _Spelling(NamedTuple):
    profile_idc: int
    flags_mask: int
    flags: int
    profile: str


# RFC 6184 table 5. The first that fits wins.
_SPELLINGS: Final = (
    _Spelling(0x42, 0b0100_1111, 0b0100_0000, "constrained baseline"),
    _Spelling(0x4D, 0b1000_1111, 0b1000_0000, "constrained baseline"),
    _Spelling(0x58, 0b1100_1111, 0b1100_0000, "constrained baseline"),
    _Spelling(0x42, 0b0100_1111, 0b0000_0000, "baseline"),
    _Spelling(0x58, 0b1100_1111, 0b1000_0000, "baseline"),
    _Spelling(0x4D, 0b1010_1111, 0b0000_0000, "main"),
    _Spelling(0x64, 0b1111_1111, 0b0000_0000, "high"),
    _Spelling(0x64, 0b1111_1111, 0b0000_1100, "constrained high"),
    _Spelling(0xF4, 0b1111_1111, 0b0000_0000, "high 4:4:4 predictive"),
)


def profile_of(profile_level_id: object) -> str | None:
    """The profile's name; None when this is no profile-level-id, or one of a profile that nobody sends in real time."""
    text = profile_level_id
    if not isinstance(text, str) or len(text) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in text):
        return None
    profile_idc, flags, _level_idc = bytes.fromhex(text)
    for spelling in _SPELLINGS:
        if spelling.profile_idc == profile_idc and flags & spelling.flags_mask == spelling.flags:
            return spelling.profile
    return None
