"""Handshakes of pion and libwebrtc, recorded with their secrets, are read to the last byte."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from lktrio.rtc.dtls import DtlsStats
from lktrio.rtc.dtls.certificate import verify_signature
from lktrio.rtc.dtls.fragments import HandshakeMessage, parse_fragments
from lktrio.rtc.dtls.keys import CIPHER_SUITES, Secrets
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
from lktrio.rtc.dtls.records import (
    RECORD_HEADER,
    RECORD_HEADER_LENGTH,
    protected_reader,
    protected_writer,
)
from lktrio.rtc.dtls.registry import ContentType, ExtensionType, HandshakeType
from tests.rtc.dtls.harness import LABEL, records

FILE: Final = Path(__file__).parents[2] / "data" / "dtls" / "handshakes.jsonl"
RECORDINGS: Final = [json.loads(line) for line in FILE.read_text().splitlines()]

CODECS: Final[dict[int, Callable[[bytes], Any]]] = {
    HandshakeType.CLIENT_HELLO: ClientHello.parse,
    HandshakeType.SERVER_HELLO: ServerHello.parse,
    HandshakeType.HELLO_VERIFY_REQUEST: HelloVerifyRequest.parse,
    HandshakeType.CERTIFICATE: CertificateMessage.parse,
    HandshakeType.SERVER_KEY_EXCHANGE: ServerKeyExchange.parse,
    HandshakeType.CERTIFICATE_REQUEST: CertificateRequest.parse,
    HandshakeType.CERTIFICATE_VERIFY: CertificateVerify.parse,
    HandshakeType.CLIENT_KEY_EXCHANGE: ClientKeyExchange.parse,
}


@dataclass
class Record:
    """One recorded record."""

    from_client: bool  # of DTLS
    type: int
    number: int
    raw: bytes

    @property
    def body(self) -> bytes:
        return self.raw[RECORD_HEADER_LENGTH:]

    @property
    def protected(self) -> bool:
        return self.number >> 48 == 1


def recorded(recording: dict[str, Any]) -> Iterator[Record]:
    for datagram in recording["datagrams"]:
        for raw in records(bytes.fromhex(datagram["hex"])):
            kind, _, number, _ = RECORD_HEADER.unpack_from(raw)
            yield Record(datagram["from"] == recording["dtls_client"], kind, number, raw)


def clear_messages(recording: dict[str, Any]) -> list[HandshakeMessage]:
    """The clear handshake messages in order; none is fragmented in the recordings."""
    messages: list[HandshakeMessage] = []
    for record in recorded(recording):
        if record.type == ContentType.HANDSHAKE and not record.protected:
            for fragment in parse_fragments(record.body):
                assert len(fragment.data) == fragment.length
                messages.append(HandshakeMessage(fragment.type, fragment.sequence, fragment.data))
    return messages


def hashed(messages: list[HandshakeMessage]) -> list[HandshakeMessage]:
    """Without the cookie exchange, as the transcript is."""
    last_hello = max(
        i for i, message in enumerate(messages) if message.type == HandshakeType.CLIENT_HELLO
    )
    return messages[last_hello:]


def only(messages: list[HandshakeMessage], kind: HandshakeType) -> bytes:
    (body,) = (message.body for message in messages if message.type == kind)
    return body


def transcript(messages: list[HandshakeMessage]) -> bytes:
    return b"".join(message.serialize() for message in messages)


def secrets(recording: dict[str, Any]) -> Secrets:
    messages = hashed(clear_messages(recording))
    client = ClientHello.parse(only(messages, HandshakeType.CLIENT_HELLO))
    server = ServerHello.parse(only(messages, HandshakeType.SERVER_HELLO))
    return Secrets(
        CIPHER_SUITES[server.cipher_suite],
        bytes.fromhex(recording["master_secret"]),
        client.random,
        server.random,
    )


def decrypted(recording: dict[str, Any]) -> list[tuple[Record, bytes]]:
    """Open all protected records with our key schedule and record layer."""
    found = secrets(recording)
    keys = found.traffic_keys()
    stats = DtlsStats()
    readers = {
        True: protected_reader(found.suite, keys.client_key, keys.client_iv, stats),
        False: protected_reader(found.suite, keys.server_key, keys.server_iv, stats),
    }
    opened: list[tuple[Record, bytes]] = []
    for record in recorded(recording):
        if record.protected:
            content = readers[record.from_client].open(
                record.type, record.number, record.raw, RECORD_HEADER_LENGTH, len(record.raw)
            )
            assert content is not None
            opened.append((record, content))
    assert stats.dropped == 0
    return opened


@pytest.fixture(params=RECORDINGS, ids=["pion-serves", "libwebrtc-serves", "single-connection"])
def recording(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


def test_every_clear_message_encodes_back_to_its_bytes(recording: dict[str, Any]) -> None:
    seen: set[int] = set()
    for record in recorded(recording):
        if record.type != ContentType.HANDSHAKE or record.protected:
            continue
        fragments = parse_fragments(record.body)
        assert b"".join(fragment.serialize() for fragment in fragments) == record.body
        for fragment in fragments:
            seen.add(fragment.type)
            if fragment.type in CODECS:
                assert CODECS[fragment.type](fragment.data).serialize() == fragment.data
    assert seen >= CODECS.keys() - {HandshakeType.HELLO_VERIFY_REQUEST}


def test_finished_values_follow_from_the_transcript(recording: dict[str, Any]) -> None:
    messages = hashed(clear_messages(recording))
    found = secrets(recording)
    finished = [
        (record.from_client, content)
        for record, content in decrypted(recording)
        if record.type == ContentType.HANDSHAKE
    ]
    assert [from_client for from_client, _ in finished] == [True, False]
    for from_client, content in finished:
        (fragment,) = parse_fragments(content)
        assert fragment.type == HandshakeType.FINISHED
        assert fragment.data == found.verify_data(transcript(messages), is_client=from_client)
        messages.append(HandshakeMessage(fragment.type, fragment.sequence, fragment.data))


def test_signatures_verify(recording: dict[str, Any]) -> None:
    messages = hashed(clear_messages(recording))
    types = [message.type for message in messages]
    client = ClientHello.parse(only(messages, HandshakeType.CLIENT_HELLO))
    server = ServerHello.parse(only(messages, HandshakeType.SERVER_HELLO))
    server_chain, client_chain = (
        CertificateMessage.parse(message.body).certificates
        for message in messages
        if message.type == HandshakeType.CERTIFICATE
    )
    exchange = ServerKeyExchange.parse(only(messages, HandshakeType.SERVER_KEY_EXCHANGE))
    parameters = ServerKeyExchange.parameters(exchange.group, exchange.public)
    verify_signature(
        server_chain[0],
        exchange.scheme,
        exchange.signature,
        client.random + server.random + parameters,
    )
    proof = CertificateVerify.parse(only(messages, HandshakeType.CERTIFICATE_VERIFY))
    before = messages[: types.index(HandshakeType.CERTIFICATE_VERIFY)]
    verify_signature(client_chain[0], proof.scheme, proof.signature, transcript(before))


def test_application_data_decrypts_to_sctp(recording: dict[str, Any]) -> None:
    data = [
        content
        for record, content in decrypted(recording)
        if record.type == ContentType.APPLICATION_DATA
    ]
    assert len(data) >= 18
    assert all(content[:4] == b"\x13\x88\x13\x88" for content in data)  # ports 5000


def test_both_ends_close_with_an_alert(recording: dict[str, Any]) -> None:
    alerts = [
        (record.from_client, content)
        for record, content in decrypted(recording)
        if record.type == ContentType.ALERT
    ]
    assert {from_client for from_client, _ in alerts} == {True, False}
    assert {content for _, content in alerts} == {b"\x01\x00"}


def test_sealing_again_gives_the_same_records(recording: dict[str, Any]) -> None:
    """Both peers use the record number as explicit nonce, as we do."""
    found = secrets(recording)
    keys = found.traffic_keys()
    writers = {
        True: protected_writer(found.suite, keys.client_key, keys.client_iv),
        False: protected_writer(found.suite, keys.server_key, keys.server_iv),
    }
    for record, content in decrypted(recording):
        writer = writers[record.from_client]
        writer.number = record.number
        assert writer.seal(record.type, content) == record.raw


def test_srtp_keying_material_is_exported(recording: dict[str, Any]) -> None:
    messages = hashed(clear_messages(recording))
    server = ServerHello.parse(only(messages, HandshakeType.SERVER_HELLO))
    profile = dict(server.extensions)[ExtensionType.USE_SRTP]
    assert profile == bytes([0, 2, 0, recording["srtp_profile"], 0])
    exported = bytes.fromhex(recording["exported"])
    assert secrets(recording).export(LABEL, len(exported)) == exported
