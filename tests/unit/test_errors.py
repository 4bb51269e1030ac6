"""The error tree: codes, the wire form, and that protocol.md tells of each."""
from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from simplesfu import errors
from simplesfu.errors import BadParameters, BadRequest, CannotMove, ConfigError, NotFound, SfuError

ALL = {name: cls for name, cls in vars(errors).items() if inspect.isclass(cls) and issubclass(cls, SfuError)}
PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"


def test_every_error_has_a_code_of_its_own_made_of_its_name() -> None:
    codes = {name: cls.code for name, cls in ALL.items()}
    print(codes)
    assert len(set(codes.values())) == len(codes)
    for name, code in codes.items():
        if name not in ("SfuError", "ConfigError"):
            assert code == re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def test_the_module_draws_each_of_them() -> None:
    assert errors.__doc__ is not None
    drawn = dict(re.findall(r"(\w+) +([a-z]+_[a-z_]+|closed|kicked|unsupported) {2,}", errors.__doc__))
    assert drawn == {name: cls.code for name, cls in ALL.items() if cls is not SfuError}


def test_the_protocol_tells_of_each_that_a_peer_can_get() -> None:
    told = set(re.findall(r"`([a-z_]+)`", PROTOCOL.read_text()))
    assert {cls.code for cls in ALL.values()} - {ConfigError.code, CannotMove.code} <= told


def test_the_wire_form_has_code_message_and_hint() -> None:
    assert NotFound("no such peer", "ask for one in sight").as_wire() == {
        "code": "not_found", "message": "no such peer", "hint": "ask for one in sight",
    }
    assert NotFound("no such peer").as_wire()["hint"] == ""


def test_text_shows_the_hint() -> None:
    assert str(NotFound("no such peer", "look again")) == "no such peer (look again)"
    assert str(NotFound("no such peer")) == "no such peer"


def test_what_is_a_kind_of_what() -> None:
    assert issubclass(BadParameters, BadRequest)
    with pytest.raises(ValueError, match="odd"):
        raise ConfigError("odd")
