"""Handshake messages: encoding and decoding are inverse, and broken ones are remote errors."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.dtls.codec import Reader
from lktrio.rtc.dtls.extensions import (
    build_extensions,
    build_use_srtp,
    parse_extensions,
    parse_point_formats,
    parse_supported_versions,
    parse_u16_list,
    parse_use_srtp,
)
from lktrio.rtc.dtls.messages import (
    CertificateMessage,
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    ClientKeyExchange,
    HelloVerifyRequest,
    ServerHello,
    ServerKeyExchange,
)
from tests.support.cases import each_case

u16 = st.integers(0, 0xFFFF)
u16_lists = st.lists(u16, min_size=1, max_size=20).map(tuple)
randoms = st.binary(min_size=32, max_size=32)
session_ids = st.binary(max_size=32)
short = st.binary(max_size=255)
signatures = st.binary(max_size=300)
extensions = st.dictionaries(u16, st.binary(max_size=60), max_size=12).map(
    lambda found: tuple(found.items())
)

MESSAGES: Final[list[tuple[Any, st.SearchStrategy[Any]]]] = [
    (
        ClientHello,
        st.builds(
            ClientHello,
            version=u16,
            random=randoms,
            session_id=session_ids,
            cookie=short,
            cipher_suites=u16_lists,
            compression_methods=st.binary(min_size=1, max_size=5),
            extensions=extensions,
        ),
    ),
    (HelloVerifyRequest, st.builds(HelloVerifyRequest, version=u16, cookie=short)),
    (
        ServerHello,
        st.builds(
            ServerHello,
            version=u16,
            random=randoms,
            session_id=session_ids,
            cipher_suite=u16,
            compression_method=st.integers(0, 255),
            extensions=extensions,
        ),
    ),
    (
        CertificateMessage,
        st.builds(
            CertificateMessage,
            st.lists(st.binary(min_size=1, max_size=500), max_size=16).map(tuple),
        ),
    ),
    (
        ServerKeyExchange,
        st.builds(
            ServerKeyExchange,
            group=u16,
            public=st.binary(min_size=1, max_size=255),
            scheme=u16,
            signature=signatures,
        ),
    ),
    (
        CertificateRequest,
        st.builds(
            CertificateRequest,
            certificate_types=st.binary(min_size=1, max_size=8),
            schemes=u16_lists,
            authorities=st.binary(max_size=100),
        ),
    ),
    (ClientKeyExchange, st.builds(ClientKeyExchange, st.binary(min_size=1, max_size=255))),
    (CertificateVerify, st.builds(CertificateVerify, scheme=u16, signature=signatures)),
]
IDS = [message.__name__ for message, _ in MESSAGES]


@settings(max_examples=30, deadline=None)
@each_case("message, strategy", MESSAGES)
@given(data=st.data())
def test_messages_round_trip(
    message: Any, strategy: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    original = data.draw(strategy)
    assert message.parse(original.serialize()) == original


@settings(max_examples=30, deadline=None)
@each_case("message, strategy", MESSAGES)
@given(data=st.data())
def test_every_truncation_is_a_remote_error(
    message: Any, strategy: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    original = data.draw(strategy)
    body = original.serialize()
    for end in range(len(body)):
        try:
            shorter = message.parse(body[:end])
        except RemoteProtocolError:
            continue
        # Only a hello's extension block may be missing as a whole.
        assert shorter.serialize() == body[:end]
        assert not shorter.extensions


@settings(max_examples=30, deadline=None)
@each_case("message, strategy", MESSAGES)
@given(data=st.data())
def test_flipped_bits_are_a_value_or_a_remote_error(
    message: Any, strategy: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    body = bytearray(data.draw(strategy).serialize())
    for _ in range(8):
        bit = data.draw(st.integers(0, 8 * len(body) - 1))
        body[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(RemoteProtocolError):
            message.parse(bytes(body))


@settings(max_examples=30, deadline=None)
@each_case("message, strategy", MESSAGES)
@given(data=st.data(), junk=st.binary(min_size=1, max_size=4))
def test_trailing_bytes_are_a_remote_error(
    message: Any, strategy: st.SearchStrategy[Any], data: st.DataObject, junk: bytes
) -> None:
    original = data.draw(strategy)
    try:
        longer = message.parse(original.serialize() + junk)
    except RemoteProtocolError:
        return
    # What follows a hello without extensions may happen to be an empty block.
    assert junk == b"\x00\x00"
    assert longer == original


@given(found=extensions)
def test_extension_blocks_round_trip(found: tuple[tuple[int, bytes], ...]) -> None:
    assert parse_extensions(Reader(build_extensions(found), "test")) == found


def test_an_extension_may_not_occur_twice() -> None:
    block = build_extensions(((23, b""), (10, b"\x00\x02\x00\x1d"), (23, b"")))
    with pytest.raises(RemoteProtocolError, match="twice"):
        parse_extensions(Reader(block, "test"))


@each_case("parse", [parse_u16_list, parse_point_formats, parse_supported_versions, parse_use_srtp])
@given(body=st.binary(max_size=80))
def test_extension_bodies_never_raise_anything_else(
    parse: Callable[[bytes], object], body: bytes
) -> None:
    with contextlib.suppress(RemoteProtocolError):
        parse(body)


@given(profiles=u16_lists)
def test_use_srtp_round_trips(profiles: tuple[int, ...]) -> None:
    assert parse_use_srtp(build_use_srtp(profiles)) == (profiles, b"")


@each_case(
    "parse, body",
    [
        (parse_u16_list, b""),
        (parse_u16_list, b"\x00\x00"),
        (parse_u16_list, b"\x00\x03\x00\x1d\x00"),
        (parse_point_formats, b"\x00"),
        (parse_point_formats, b"\x02\x00"),
        (parse_supported_versions, b"\x03\xfe\xfd\xfe"),
        (parse_use_srtp, b"\x00\x00\x00"),
        (parse_use_srtp, b"\x00\x02\x00\x07"),
        (parse_use_srtp, b"\x00\x02\x00\x07\x01"),
    ],
)
def test_broken_extension_bodies_are_refused(parse: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(body)


@each_case(
    "message, body",
    [
        (CertificateMessage, b"\x00\x00\x03\x00\x00\x00"),
        (CertificateMessage, b"\x00\x00\x44" + b"\x00\x00\x01a" * 17),
        (ServerKeyExchange, b"\x01\x00\x17\x01a\x04\x03\x00\x00"),
        (ServerKeyExchange, b"\x03\x00\x17\x00\x04\x03\x00\x00"),
        (ClientKeyExchange, b"\x00"),
        (CertificateRequest, b"\x00\x00\x02\x04\x03\x00\x00"),
        (CertificateRequest, b"\x01\x40\x00\x00\x00\x00"),
    ],
)
def test_forbidden_forms_are_refused(message: Any, body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        message.parse(body)


def test_a_session_id_is_at_most_32_bytes() -> None:
    hello = ServerHello(0xFEFD, bytes(32), bytes(33), 0xC02B, 0, ())
    with pytest.raises(RemoteProtocolError, match="session id"):
        ServerHello.parse(hello.serialize())
