"""ICE-lite and consent, without sockets and without waiting."""
from __future__ import annotations

import struct

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st
from support.engine_client import binding_request, signed

from simplesfu.engine.consent import Consent
from simplesfu.engine.ice_lite import REMEMBERED_CHECKS, IceLite
from simplesfu.types import IceParameters

SOURCE = ("192.0.2.7", 40000)
ELSEWHERE = ("198.51.100.9", 50000)
SECOND = 1_000_000


def check(ice: IceParameters, **attributes: object) -> bytes:
    return signed(binding_request(ice, **attributes), ice.password)


def insert_attribute(request: stun.Message, password: str, attribute: int, value: bytes) -> bytes:
    """An attribute that aioice does not know, under a right MESSAGE-INTEGRITY and FINGERPRINT."""
    plain = bytes(request) + struct.pack("!HH", attribute, len(value)) + value
    plain = stun.set_body_length(plain, len(plain) - stun.HEADER_LENGTH)
    sealed = plain + struct.pack("!HH", 0x0008, 20) + stun.message_integrity(plain, password.encode())
    whole = sealed + struct.pack("!HHI", 0x8028, 4, stun.message_fingerprint(sealed))
    return stun.set_body_length(whole, len(whole) - stun.HEADER_LENGTH)


@pytest.fixture
def ice() -> IceLite:
    return IceLite()


@pytest.mark.parametrize("source", [SOURCE, ("2001:db8::7", 40001)])
def test_a_check_is_answered_with_its_source(ice: IceLite, source: tuple[str, int]) -> None:
    request = binding_request(ice.parameters)
    verdict = ice.judge(signed(request, ice.parameters.password), source)
    assert verdict.reject is None
    assert verdict.nominated
    assert verdict.response is not None
    answer = stun.parse_message(verdict.response)  # checks FINGERPRINT too
    print(answer)
    assert answer.message_class is stun.Class.RESPONSE
    assert answer.transaction_id == request.transaction_id
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == source
    assert answer.check_message_integrity(ice.parameters.password.encode())
    assert "FINGERPRINT" in answer.attributes
    assert len(verdict.response) <= 1.5 * len(bytes(request))


def test_without_use_candidate_it_is_not_nominated(ice: IceLite) -> None:
    verdict = ice.judge(check(ice.parameters, USE_CANDIDATE=None), SOURCE)
    assert verdict.response is not None
    assert not verdict.nominated


def test_credentials_are_long_and_new_each_time() -> None:
    all_parameters = [IceLite().parameters for _ in range(100)]
    assert len({each.username_fragment for each in all_parameters}) == 100
    assert len({each.password for each in all_parameters}) == 100
    assert all(len(each.username_fragment) >= 4 and len(each.password) >= 22 for each in all_parameters)
    assert all((each.username_fragment + each.password).isalnum() for each in all_parameters)
    assert all(each.ice_lite for each in all_parameters)


def test_strangers_get_no_answer(ice: IceLite) -> None:
    ours = ice.parameters
    wrong_password = IceParameters(username_fragment=ours.username_fragment, password="x" * 24)
    wrong_name = IceParameters(username_fragment="y" * 16, password=ours.password)
    unsigned = bytes(binding_request(ours))
    rejects = {
        "wrong password": ice.judge(check(wrong_password), SOURCE),
        "no integrity": ice.judge(unsigned, SOURCE),
        "wrong name": ice.judge(check(wrong_name), SOURCE),
        "no name": ice.judge(check(ours, USERNAME=None), SOURCE),
        "wrong fingerprint": ice.judge(check(ours)[:-1] + b"\0", SOURCE),
        "truncated": ice.judge(check(ours)[:-8], SOURCE),
        "empty": ice.judge(b"", SOURCE),
        "no request": ice.judge(
            signed(stun.Message(stun.Method.BINDING, stun.Class.INDICATION, attributes={"USERNAME":
                   ours.username_fragment}), ours.password), SOURCE),
    }
    print({name: verdict.reject for name, verdict in rejects.items()})
    assert {name: verdict.reject for name, verdict in rejects.items()} == {
        "wrong password": "stun_bad_integrity", "no integrity": "stun_bad_integrity",
        "wrong name": "stun_unknown_user", "no name": "stun_unknown_user",
        "wrong fingerprint": "stun_malformed", "truncated": "stun_malformed", "empty": "stun_malformed",
        "no request": "stun_malformed",
    }
    assert all(verdict.response is None and not verdict.nominated for verdict in rejects.values())


def test_a_controlled_client_is_told_of_the_role_conflict(ice: IceLite) -> None:
    verdict = ice.judge(check(ice.parameters, ICE_CONTROLLING=None, ICE_CONTROLLED=2**63), SOURCE)
    assert verdict.reject == "stun_role_conflict"
    assert verdict.response is not None
    answer = stun.parse_message(verdict.response)
    assert answer.message_class is stun.Class.ERROR
    assert answer.error_code == 487
    assert answer.check_message_integrity(ice.parameters.password.encode())


@pytest.mark.parametrize(("attribute", "reject"), [(0x7FFF, "stun_unknown_attribute"), (0xC057, None)])
def test_unknown_attributes_are_ignored_only_in_the_upper_half(ice: IceLite, attribute: int, reject: str) -> None:
    request = insert_attribute(binding_request(ice.parameters), ice.parameters.password, attribute, b"\0\0\0\1")
    verdict = ice.judge(request, SOURCE)
    assert verdict.reject == reject
    assert (verdict.response is None) == (reject is not None)


def test_a_recorded_check_does_not_work_from_elsewhere(ice: IceLite) -> None:
    recorded = check(ice.parameters)
    assert ice.judge(recorded, SOURCE).reject is None
    assert ice.judge(recorded, SOURCE).reject is None, "a retransmission"
    replayed = ice.judge(recorded, ELSEWHERE)
    assert (replayed.reject, replayed.response) == ("stun_replayed", None)
    for _ in range(3 * REMEMBERED_CHECKS):
        ice.judge(check(ice.parameters), SOURCE)
    assert len(ice._seen) == REMEMBERED_CHECKS
    assert ice.judge(check(ice.parameters), ELSEWHERE).reject is None, "a rebind sends checks of its own"


def test_a_restart_keeps_the_old_credentials_until_the_new_ones_are_used(ice: IceLite) -> None:
    old = ice.parameters
    assert ice.restart() is None
    new = ice.parameters
    assert new.username_fragment != old.username_fragment
    assert new.password != old.password
    assert ice.judge(check(old), SOURCE).reject is None
    crossed = IceParameters(username_fragment=new.username_fragment, password=old.password)
    assert ice.judge(check(crossed), SOURCE).reject == "stun_bad_integrity"
    assert ice.judge(check(new), SOURCE).retired_ufrag == old.username_fragment
    assert ice.judge(check(old), SOURCE).reject == "stun_unknown_user"
    assert ice.judge(check(new), SOURCE).retired_ufrag is None


def test_a_second_restart_supersedes_the_first_if_that_was_never_used(ice: IceLite) -> None:
    in_use = ice.parameters
    ice.restart()
    never_used = ice.parameters
    assert ice.restart() == never_used.username_fragment
    assert ice.judge(check(never_used), SOURCE).reject == "stun_unknown_user"
    assert ice.judge(check(in_use), SOURCE).reject is None
    assert ice.judge(check(ice.parameters), SOURCE).retired_ufrag == in_use.username_fragment


@given(st.binary(max_size=200))
def test_any_bytes_get_a_verdict(garbage: bytes) -> None:
    assert IceLite().judge(garbage, SOURCE).response is None


@given(st.lists(st.tuples(st.sampled_from([*stun.ATTRIBUTES_BY_TYPE, 0x7FFF, 0xC001]), st.binary(max_size=40))))
def test_any_attributes_get_a_verdict(attributes: list[tuple[int, bytes]]) -> None:
    body = b"".join(
        struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes
    )
    header = struct.pack("!HHI12s", 0x0001, len(body), stun.COOKIE, bytes(12))
    assert IceLite().judge(header + body, SOURCE).response is None


@given(st.data())
def test_a_damaged_check_is_never_answered(data: st.DataObject) -> None:
    ice = IceLite()
    request = bytearray(check(ice.parameters))
    at = data.draw(st.integers(0, len(request) - 1 - stun.FINGERPRINT_LENGTH))  # behind that nothing is authenticated
    request[at] ^= 1 << data.draw(st.integers(0, 7))
    assert ice.judge(bytes(request), SOURCE).response is None


def test_consent_is_given_by_checks_and_taken_by_silence() -> None:
    consent = Consent(30 * SECOND)
    assert consent.state(1000 * SECOND) == "awaited"
    consent.refresh(1000 * SECOND)
    assert consent.state(1010 * SECOND - 1) == "given"
    assert consent.state(1010 * SECOND) == "overdue"
    assert consent.state(1030 * SECOND - 1) == "overdue"
    assert consent.state(1030 * SECOND) == "expired"
    consent.refresh(1040 * SECOND)
    assert consent.state(1040 * SECOND) == "given"
    assert consent.first_check_us == 1000 * SECOND


def test_a_short_timeout_comes_before_overdue() -> None:
    consent = Consent(2 * SECOND)
    consent.refresh(0)
    assert consent.state(2 * SECOND - 1) == "given"
    assert consent.state(2 * SECOND) == "expired"
