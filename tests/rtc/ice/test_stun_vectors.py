"""Published and recorded STUN messages: read, verified, and written again byte for byte."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.ice.stun import (
    Attribute,
    StunClass,
    StunMessage,
    StunMethod,
    is_stun,
)
from tests.support.cases import each_case

RECORDED = Path(__file__).parents[2] / "data" / "stun" / "recorded.jsonl"
PASSWORD = b"VOkJxbRl1RmTxUk/WvJxBt"


def long_term_key(username: str, realm: str, password: str) -> bytes:
    """The key of a TURN server's messages (RFC 8489 section 9.2.2)."""
    text = f"{username}:{realm}:{password}".encode()
    return hashlib.md5(text, usedforsecurity=False).digest()


# RFC 5769 sections 2.1 to 2.4. Its padding is made of spaces on purpose.
SAMPLE_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)
SAMPLE_IPV4_RESPONSE = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
SAMPLE_IPV6_RESPONSE = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9fa"
    "a5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)
SAMPLE_LONG_TERM_REQUEST = bytes.fromhex(
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c"
    "662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014"
    "f67024656dd64a3e02b8e0712e85c9a28ca89666"
)


def test_sample_request() -> None:
    message = StunMessage.parse(SAMPLE_REQUEST)
    assert (message.method, message.message_class) == (StunMethod.BINDING, StunClass.REQUEST)
    assert message.transaction_id.hex() == "b7e7a701bc34d686fa87dfae"
    assert message.get_text(Attribute.SOFTWARE) == "STUN test client"
    assert message.get_uint32(Attribute.PRIORITY) == 0x6E0001FF
    assert message.get_uint64(Attribute.ICE_CONTROLLED) == 0x932FF9B151263B36
    assert message.get_text(Attribute.USERNAME) == "evtj:h6vY"
    assert message.has_fingerprint
    assert message.verify(PASSWORD)
    assert not message.verify(PASSWORD + b"x")


@each_case(
    "data, address",
    [
        (SAMPLE_IPV4_RESPONSE, ("192.0.2.1", 32853)),
        (SAMPLE_IPV6_RESPONSE, ("2001:db8:1234:5678:11:2233:4455:6677", 32853)),
    ],
)
def test_sample_responses(data: bytes, address: tuple[str, int]) -> None:
    message = StunMessage.parse(data)
    assert message.message_class is StunClass.SUCCESS
    assert message.get_text(Attribute.SOFTWARE) == "test vector"
    assert message.get_address(Attribute.XOR_MAPPED_ADDRESS) == address
    assert message.has_fingerprint
    assert message.verify(PASSWORD)


def test_sample_request_with_long_term_credentials() -> None:
    message = StunMessage.parse(SAMPLE_LONG_TERM_REQUEST)
    username = message.get_text(Attribute.USERNAME)
    assert username == "\u30de\u30c8\u30ea\u30c3\u30af\u30b9"
    assert message.get_text(Attribute.NONCE) == "f//499k954d6OL34oL9FSTvy64sA"
    assert not message.has_fingerprint
    assert message.verify(long_term_key(username, "example.org", "TheMatrIX"))


@each_case(
    "data", [SAMPLE_REQUEST, SAMPLE_IPV4_RESPONSE, SAMPLE_IPV6_RESPONSE, SAMPLE_LONG_TERM_REQUEST]
)
def test_every_change_of_a_sample_is_noticed(data: bytes) -> None:
    key = PASSWORD
    if data is SAMPLE_LONG_TERM_REQUEST:
        key = long_term_key("\u30de\u30c8\u30ea\u30c3\u30af\u30b9", "example.org", "TheMatrIX")
    for position in range(len(data)):
        damaged = bytearray(data)
        damaged[position] ^= 0x01
        try:
            message = StunMessage.parse(bytes(damaged))
        except RemoteProtocolError:
            continue
        intact = message.has_fingerprint or data is SAMPLE_LONG_TERM_REQUEST
        assert not (intact and message.verify(key))


def recorded() -> list[Any]:
    cases = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    assert len(cases) >= 30
    return [
        pytest.param(
            bytes.fromhex(case["data"]), case["password"].encode(), id=f"{i}-{case['kind']}"
        )
        for i, case in enumerate(cases)
    ]


@each_case("data, password", recorded())
def test_recorded_messages_are_verified_and_written_again(data: bytes, password: bytes) -> None:
    """Checks between libwebrtc and pion, with their attributes that we do not know."""
    assert is_stun(data)
    message = StunMessage.parse(data)
    assert message.has_fingerprint
    assert message.verify(password)
    assert message.unknown_required() == []
    again = StunMessage(
        message.method, message.message_class, message.transaction_id, message.attributes
    )
    assert again == message
    assert again.serialize(password) == data
