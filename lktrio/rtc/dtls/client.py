"""The client's side of the handshake; see ``handshake`` for the whole picture.

Theory of operation: the server's signature covers the two randoms and its key, not its choice of a
cipher suite nor our hello. So whoever reads along could make more than one flight that passes; each
is answered as an ``_Answer`` with keys of its own, and the first authentic record from the server
tells under which of them it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lktrio.rtc.base import RandomBytes
from lktrio.rtc.dtls.certificate import (
    SIGNATURE_SCHEMES,
    Certificate,
    Fingerprints,
    verify_signature,
)
from lktrio.rtc.dtls.codec import u16_list
from lktrio.rtc.dtls.exchange import KeyShare
from lktrio.rtc.dtls.extensions import (
    EMPTY_RENEGOTIATION_INFO,
    UNCOMPRESSED_POINTS,
    Extensions,
    build_use_srtp,
    parse_point_formats,
    parse_use_srtp,
)
from lktrio.rtc.dtls.flights import Flight, FlightItem
from lktrio.rtc.dtls.fragments import Flights, HandshakeMessage
from lktrio.rtc.dtls.handshake import Handshake, HandshakeRefused, joined
from lktrio.rtc.dtls.keys import CIPHER_SUITES, Secrets
from lktrio.rtc.dtls.messages import (
    RANDOM_LENGTH,
    CertificateMessage,
    CertificateRequest,
    CertificateVerify,
    ClientHello,
    ClientKeyExchange,
    HelloVerifyRequest,
    ServerHello,
    ServerKeyExchange,
)
from lktrio.rtc.dtls.options import DtlsOptions
from lktrio.rtc.dtls.registry import (
    DTLS_1_2,
    NULL_COMPRESSION,
    UNCOMPRESSED_POINT,
    AlertDescription,
    ExtensionType,
    HandshakeType,
)

__all__ = ["ClientHandshake"]

_COOKIE_LIMIT = 4  # HelloVerifyRequests that are followed: forged ones must not be followed forever

_ANSWER_LIMIT = 4
"""Flights of a server that are answered; each costs two signatures and a key exchange."""

_SERVER_FLIGHT = (
    HandshakeType.SERVER_HELLO,
    HandshakeType.CERTIFICATE,
    HandshakeType.SERVER_KEY_EXCHANGE,
    HandshakeType.CERTIFICATE_REQUEST,
    HandshakeType.SERVER_HELLO_DONE,
)
_SERVER_FLIGHT_WITHOUT_REQUEST = (*_SERVER_FLIGHT[:3], HandshakeType.SERVER_HELLO_DONE)
_SERVER_FLIGHTS: Flights = (_SERVER_FLIGHT, _SERVER_FLIGHT_WITHOUT_REQUEST)
_AFTER_HELLO: Flights = ((HandshakeType.HELLO_VERIFY_REQUEST,), *_SERVER_FLIGHTS)
_AFTER_KEYS: Flights = ((HandshakeType.FINISHED,),)


@dataclass(frozen=True, slots=True)
class _Answer:
    """A flight of the server and what was answered."""

    messages: tuple[HandshakeMessage, ...]
    """What was answered."""
    flight: Flight
    secrets: Secrets
    transcript: bytes
    srtp_profile: int | None


class ClientHandshake(Handshake):
    """The handshake as its initiator sees it."""

    is_client = True

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Fingerprints,
        random: RandomBytes,
        options: DtlsOptions,
    ) -> None:
        super().__init__(certificate, fingerprints, random, options)
        self._answers: list[_Answer] = []
        self._hellos: list[bytes] = []  # as sent; a server answers one under the same number
        self._hello = ClientHello(
            version=DTLS_1_2,
            random=random(RANDOM_LENGTH),
            session_id=b"",
            cookie=b"",
            cipher_suites=options.cipher_suites,
            compression_methods=bytes([NULL_COMPRESSION]),
            extensions=_offer(options),
        )

    def start(self) -> Flight:
        """Return the first flight."""
        return self._send_hello()

    def receive(self, messages: Sequence[HandshakeMessage], now: float) -> Flight:
        """Check a whole flight of the server and answer it; see the base class."""
        kind = messages[0].type
        if kind == HandshakeType.HELLO_VERIFY_REQUEST:
            return self._follow_cookie(messages[0])
        if kind == HandshakeType.SERVER_HELLO:
            return self._answer(tuple(messages))
        self._verify_finished(messages[0])
        self.complete = True
        return ()

    def _send_hello(self) -> Flight:
        # Neither the cookie exchange nor the hello before it is hashed (RFC 6347 4.2.1).
        self._transcript = b""
        hello = self._message(HandshakeType.CLIENT_HELLO, self._hello.serialize())
        self._hellos.append(hello.serialize())
        # Anybody may ask for a cookie: a server that took an earlier hello is still listened to.
        self.expected = dict.fromkeys(range(len(self._hellos)), _AFTER_HELLO)
        return (FlightItem(hello),)

    def _follow_cookie(self, message: HandshakeMessage) -> Flight:
        cookie = HelloVerifyRequest.parse(message.body).cookie
        if cookie == self._hello.cookie:
            return ()
        if len(self._hellos) > _COOKIE_LIMIT:
            raise HandshakeRefused("the server keeps asking for cookies")
        self._hello = replace(self._hello, cookie=cookie)
        return self._send_hello()

    def _answer(self, messages: tuple[HandshakeMessage, ...]) -> Flight:
        answer = next((each for each in self._answers if each.messages == messages), None)
        if answer is None:
            if len(self._answers) == _ANSWER_LIMIT:
                raise HandshakeRefused("too many servers answer at the same time")
            answer = self._make_answer(messages)
            self._answers.append(answer)
            self.expected = dict.fromkeys(range(len(self._hellos)), _SERVER_FLIGHTS)
        self.secrets = answer.secrets
        return answer.flight

    def _make_answer(self, messages: tuple[HandshakeMessage, ...]) -> _Answer:
        hello = ServerHello.parse(messages[0].body)
        exchange = ServerKeyExchange.parse(messages[2].body)
        self._authenticate(hello, self._check_certificate(messages[1].body), exchange)
        profile = self._check_hello(hello)
        if exchange.group not in self._options.groups:
            raise HandshakeRefused(
                "the server chose a group that was not offered", AlertDescription.ILLEGAL_PARAMETER
            )
        wants_certificate = len(messages) == len(_SERVER_FLIGHT)
        if wants_certificate:
            self._check_request(messages[3].body)
        _check_empty(messages[-1].body)
        share = KeyShare(exchange.group, self._random)
        premaster = share.exchange(exchange.public)

        start = messages[0].sequence
        self._transcript = self._hellos[start] + joined(messages)
        self._sequence = start + 1
        flight, secrets = self._build_answer(
            hello, share, premaster, wants_certificate=wants_certificate
        )
        return _Answer(messages, flight, secrets, self._transcript, profile)

    def settle(self, secrets: Secrets) -> None:
        """Go on with the server that has these secrets; see the base class."""
        answer = next(each for each in self._answers if each.secrets is secrets)
        self.secrets = secrets
        self.srtp_profile = answer.srtp_profile
        self.settled = answer.messages[-1].sequence + 1
        self.expected = {self.settled: _AFTER_KEYS}
        self._transcript = answer.transcript
        self._answers.clear()

    def _build_answer(
        self, hello: ServerHello, share: KeyShare, premaster: bytes, *, wants_certificate: bool
    ) -> tuple[Flight, Secrets]:
        items: list[FlightItem] = []
        if wants_certificate:
            chain = CertificateMessage((self._certificate.der,)).serialize()
            items.append(FlightItem(self._message(HandshakeType.CERTIFICATE, chain)))
        public = ClientKeyExchange(share.public).serialize()
        items.append(FlightItem(self._message(HandshakeType.CLIENT_KEY_EXCHANGE, public)))
        secrets = Secrets.derive(
            CIPHER_SUITES[hello.cipher_suite],
            premaster,
            self._transcript,
            self._hello.random,
            hello.random,
        )
        if wants_certificate:
            signature = self._certificate.sign(self._transcript)
            proof = CertificateVerify(self._certificate.scheme, signature).serialize()
            items.append(FlightItem(self._message(HandshakeType.CERTIFICATE_VERIFY, proof)))
        return (*items, *self._finish(secrets)), secrets

    def _authenticate(self, hello: ServerHello, der: bytes, exchange: ServerKeyExchange) -> None:
        signed = (
            self._hello.random
            + hello.random
            + ServerKeyExchange.parameters(exchange.group, exchange.public)
        )
        verify_signature(der, exchange.scheme, exchange.signature, signed)

    def _check_hello(self, hello: ServerHello) -> int | None:
        """Check the server's choices; return the SRTP profile among them."""
        if hello.version != DTLS_1_2:
            raise HandshakeRefused(
                f"the server chose version {hello.version:#06x}, not DTLS 1.2",
                AlertDescription.PROTOCOL_VERSION,
            )
        if (
            hello.cipher_suite not in self._hello.cipher_suites
            or hello.compression_method != NULL_COMPRESSION
        ):
            raise HandshakeRefused(
                "the server chose a cipher suite or compression that was not offered",
                AlertDescription.ILLEGAL_PARAMETER,
            )
        return self._check_extensions(dict(hello.extensions))

    def _check_extensions(self, extensions: dict[int, bytes]) -> int | None:
        offered = dict(self._hello.extensions)
        if not extensions.keys() <= offered.keys():
            raise HandshakeRefused(
                "the server answered an extension that was not offered",
                AlertDescription.UNSUPPORTED_EXTENSION,
            )
        if extensions.get(ExtensionType.EXTENDED_MASTER_SECRET) != b"":
            raise HandshakeRefused("the server does not support the extended master secret")
        renegotiation = extensions.get(ExtensionType.RENEGOTIATION_INFO, EMPTY_RENEGOTIATION_INFO)
        if renegotiation != EMPTY_RENEGOTIATION_INFO:
            raise HandshakeRefused("the server's renegotiation_info is not empty")
        formats = extensions.get(ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINTS)
        if UNCOMPRESSED_POINT not in parse_point_formats(formats):
            raise HandshakeRefused("the server refuses uncompressed points")
        return self._check_srtp(extensions.get(ExtensionType.USE_SRTP))

    def _check_srtp(self, body: bytes | None) -> int | None:
        if body is None:
            return None
        profiles, mki = parse_use_srtp(body)
        if len(profiles) != 1 or profiles[0] not in self._options.srtp_profiles or mki:
            raise HandshakeRefused(
                "the server chose an SRTP profile that was not offered",
                AlertDescription.ILLEGAL_PARAMETER,
            )
        return profiles[0]

    def _check_request(self, body: bytes) -> None:
        if self._certificate.scheme not in CertificateRequest.parse(body).schemes:
            raise HandshakeRefused("the server cannot verify signatures of our certificate's kind")


def _offer(options: DtlsOptions) -> Extensions:
    extensions: list[tuple[int, bytes]] = [
        (ExtensionType.EXTENDED_MASTER_SECRET, b""),
        (ExtensionType.RENEGOTIATION_INFO, EMPTY_RENEGOTIATION_INFO),
        (ExtensionType.SUPPORTED_GROUPS, u16_list(options.groups)),
        (ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINTS),
        (ExtensionType.SIGNATURE_ALGORITHMS, u16_list(SIGNATURE_SCHEMES)),
    ]
    if options.srtp_profiles:
        extensions.append((ExtensionType.USE_SRTP, build_use_srtp(options.srtp_profiles)))
    return tuple(extensions)


def _check_empty(body: bytes) -> None:
    if body:
        raise HandshakeRefused("ServerHelloDone is not empty", AlertDescription.DECODE_ERROR)
