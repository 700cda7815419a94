"""The server's side of the handshake; see ``handshake`` for the whole picture.

Theory of operation: anybody can send a ClientHello, so several may be answered and wait for the
client at once, each as a ``_Greeting`` with a key of its own. The client's CertificateVerify is a
signature over its hello and our answer: it tells which of them was its own, and the others are
forgotten. A greeting that nobody has asked for lately gives way to a new one when there are many.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.dtls.certificate import (
    SIGNATURE_SCHEMES,
    Certificate,
    Fingerprints,
    verify_signature,
)
from lktrio.rtc.dtls.exchange import KeyShare
from lktrio.rtc.dtls.extensions import (
    EMPTY_RENEGOTIATION_INFO,
    UNCOMPRESSED_POINTS,
    Extensions,
    build_use_srtp,
    parse_point_formats,
    parse_supported_versions,
    parse_u16_list,
    parse_use_srtp,
)
from lktrio.rtc.dtls.flights import Flight, FlightItem
from lktrio.rtc.dtls.fragments import Flights, HandshakeMessage
from lktrio.rtc.dtls.handshake import Handshake, HandshakeRefused
from lktrio.rtc.dtls.keys import CIPHER_SUITES, CipherSuite, Secrets
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
    DTLS_1_0,
    DTLS_1_2,
    DTLS_1_2_MAJOR,
    EMPTY_RENEGOTIATION_INFO_SCSV,
    NULL_COMPRESSION,
    UNCOMPRESSED_POINT,
    AlertDescription,
    ExtensionType,
    HandshakeType,
    NamedGroup,
)

__all__ = ["ServerHandshake"]

_COOKIE_KEY_LENGTH = 32
_ECDSA_SIGN = 64  # RFC 8422 5.5, ClientCertificateType

_GREETING_LIMIT = 8
"""ClientHellos that are answered at the same time; each costs a signature to make and to check."""
_GREETING_LIFETIME = 2.0
"""Seconds in which a client has answered its greeting or repeated its hello."""
_HELLO_NUMBERS = range(4)
"""Numbers that a ClientHello may have: it follows on cookies that we or others asked for."""

_AWAIT_HELLO: Flights = ((HandshakeType.CLIENT_HELLO,),)
# The certificate is looked at by itself: a client without one sends no CertificateVerify, and
# waiting for it would only end at the deadline.
_AWAIT_CERTIFICATE: Flights = ((HandshakeType.CERTIFICATE,),)
_AWAIT_KEYS: Flights = ((HandshakeType.CLIENT_KEY_EXCHANGE, HandshakeType.CERTIFICATE_VERIFY),)
_AWAIT_FINISHED: Flights = ((HandshakeType.FINISHED,),)


class _Choice(NamedTuple):
    """What the server takes of a ClientHello."""

    suite: CipherSuite
    group: int
    srtp_profile: int | None
    extensions: Extensions


@dataclass(slots=True)
class _Greeting:
    """A ClientHello and our answer to it."""

    hello: HandshakeMessage
    """What was answered."""
    choice: _Choice
    client_random: bytes
    server_random: bytes
    share: KeyShare
    asked_at: float
    """When the hello came last."""
    answered_at: float
    """When the flight was sent last for it."""
    flight: Flight = ()
    transcript: bytes = b""
    next_sequence: int = 0


class ServerHandshake(Handshake):
    """The handshake as its responder sees it."""

    is_client = False

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Fingerprints,
        random: RandomBytes,
        options: DtlsOptions,
    ) -> None:
        super().__init__(certificate, fingerprints, random, options)
        self.expected = dict.fromkeys(_HELLO_NUMBERS, _AWAIT_HELLO)
        self._cookie_key = random(_COOKIE_KEY_LENGTH) if options.cookie_exchange else b""
        self._greetings: list[_Greeting] = []
        self._certificates: dict[int, HandshakeMessage] = {}  # by their number

    def receive(self, messages: Sequence[HandshakeMessage], now: float) -> Flight:
        """Check a whole flight of the client and answer it; see the base class."""
        kind = messages[0].type
        if kind == HandshakeType.CLIENT_HELLO:
            return self._greet(messages[0], now)
        if kind == HandshakeType.CERTIFICATE:
            return self._meet(messages[0])
        if kind == HandshakeType.CLIENT_KEY_EXCHANGE:
            return self._derive(messages)
        self._verify_finished(messages[0])
        assert self.secrets is not None
        self.complete = True
        return self._finish(self.secrets)

    def _greet(self, message: HandshakeMessage, now: float) -> Flight:
        known = next((each for each in self._greetings if each.hello == message), None)
        if known is not None:
            return self._greet_again(known, now)
        hello = ClientHello.parse(message.body)
        choice = self._choose(hello)
        if self._cookie_key:
            cookie = self._cookie(hello)
            if not hmac.compare_digest(hello.cookie, cookie):
                return self._ask_for_cookie(message.sequence, cookie)
        self._make_room(now)
        greeting = _Greeting(
            hello=message,
            choice=choice,
            client_random=hello.random,
            server_random=self._random(RANDOM_LENGTH),
            share=KeyShare(choice.group, self._random),
            asked_at=now,
            answered_at=now,
        )
        self._greetings.append(greeting)
        self._build_greeting(greeting)
        self.expected = {**self.expected, message.sequence + 1: _AWAIT_CERTIFICATE}
        return greeting.flight

    def _greet_again(self, greeting: _Greeting, now: float) -> Flight:
        """Repeat a flight, but not so often that duplicates in the network are multiplied."""
        greeting.asked_at = now
        if now - greeting.answered_at < self._options.initial_timeout / 2:
            return ()
        greeting.answered_at = now
        return greeting.flight

    def _make_room(self, now: float) -> None:
        if len(self._greetings) < _GREETING_LIMIT:
            return
        oldest = min(self._greetings, key=lambda greeting: greeting.asked_at)
        if now - oldest.asked_at < _GREETING_LIFETIME:
            raise HandshakeRefused("too many clients ask for a handshake at the same time")
        self._greetings.remove(oldest)

    def _build_greeting(self, greeting: _Greeting) -> None:
        choice = greeting.choice
        hello = ServerHello(
            version=DTLS_1_2,
            random=greeting.server_random,
            session_id=b"",
            cipher_suite=choice.suite.number,
            compression_method=NULL_COMPRESSION,
            extensions=choice.extensions,
        )
        chain = CertificateMessage((self._certificate.der,))
        request = CertificateRequest(bytes([_ECDSA_SIGN]), SIGNATURE_SCHEMES, b"")
        parts = (
            (HandshakeType.SERVER_HELLO, hello.serialize()),
            (HandshakeType.CERTIFICATE, chain.serialize()),
            (HandshakeType.SERVER_KEY_EXCHANGE, self._sign_share(greeting).serialize()),
            (HandshakeType.CERTIFICATE_REQUEST, request.serialize()),
            (HandshakeType.SERVER_HELLO_DONE, b""),
        )
        self._transcript = greeting.hello.serialize()
        self._sequence = greeting.hello.sequence
        greeting.flight = tuple(FlightItem(self._message(kind, body)) for kind, body in parts)
        greeting.transcript = self._transcript
        greeting.next_sequence = self._sequence

    def _sign_share(self, greeting: _Greeting) -> ServerKeyExchange:
        group, public = greeting.share.group, greeting.share.public
        signed = (
            greeting.client_random
            + greeting.server_random
            + ServerKeyExchange.parameters(group, public)
        )
        signature = self._certificate.sign(signed)
        return ServerKeyExchange(group, public, self._certificate.scheme, signature)

    def _meet(self, message: HandshakeMessage) -> Flight:
        self._check_certificate(message.body)
        self._certificates[message.sequence] = message
        self.expected = {**self.expected, message.sequence + 1: _AWAIT_KEYS}
        return ()

    def _derive(self, messages: Sequence[HandshakeMessage]) -> Flight:
        exchange, proof = messages
        client = ClientKeyExchange.parse(exchange.body)
        certificate = self._certificates[exchange.sequence - 1]
        said = certificate.serialize() + exchange.serialize()
        greeting = self._find_greeting(certificate, said, CertificateVerify.parse(proof.body))
        transcript = greeting.transcript + said
        self.secrets = Secrets.derive(
            greeting.choice.suite,
            greeting.share.exchange(client.public),
            transcript,
            greeting.client_random,
            greeting.server_random,
        )
        self._transcript = transcript + proof.serialize()
        self._sequence = greeting.next_sequence
        self.srtp_profile = greeting.choice.srtp_profile
        self.settled = proof.sequence + 1
        self.expected = {self.settled: _AWAIT_FINISHED}
        self._greetings.clear()
        self._certificates.clear()
        return ()

    def _find_greeting(
        self, certificate: HandshakeMessage, said: bytes, verify: CertificateVerify
    ) -> _Greeting:
        """Return the greeting that the client answers: the one that its signature covers."""
        der = self._check_certificate(certificate.body)
        failure: RemoteProtocolError = HandshakeRefused("the client answers an unknown hello")
        for greeting in self._greetings:
            if greeting.hello.sequence + 1 == certificate.sequence:
                try:
                    verify_signature(
                        der, verify.scheme, verify.signature, greeting.transcript + said
                    )
                except RemoteProtocolError as error:
                    failure = error
                else:
                    return greeting
        raise failure

    def _cookie(self, hello: ClientHello) -> bytes:
        """Bind a cookie to what the client must repeat (RFC 6347 4.2.1)."""
        bound = hello.random + b"".join(suite.to_bytes(2, "big") for suite in hello.cipher_suites)
        return hmac.digest(self._cookie_key, bound, "sha256")

    def _ask_for_cookie(self, sequence: int, cookie: bytes) -> Flight:
        # Stateless: the request takes its number from the hello (RFC 6347 4.2.1).
        self._sequence = sequence
        request = HelloVerifyRequest(DTLS_1_0, cookie).serialize()
        return (FlightItem(self._message(HandshakeType.HELLO_VERIFY_REQUEST, request)),)

    def _choose(self, hello: ClientHello) -> _Choice:
        extensions = dict(hello.extensions)
        _check_version(hello.version, extensions)
        suite = _first_common(self._options.cipher_suites, hello.cipher_suites)
        if suite is None or NULL_COMPRESSION not in hello.compression_methods:
            raise HandshakeRefused("the client offers no cipher suite of ours")
        group = self._choose_group(extensions)
        self._check_signatures(extensions)
        if extensions.get(ExtensionType.EXTENDED_MASTER_SECRET) != b"":
            raise HandshakeRefused("the client does not support the extended master secret")
        profile = self._choose_profile(extensions)
        return _Choice(
            CIPHER_SUITES[suite], group, profile, _answer_extensions(hello, extensions, profile)
        )

    def _choose_group(self, extensions: dict[int, bytes]) -> int:
        formats = extensions.get(ExtensionType.EC_POINT_FORMATS)
        if formats is not None and UNCOMPRESSED_POINT not in parse_point_formats(formats):
            raise HandshakeRefused("the client refuses uncompressed points")
        body = extensions.get(ExtensionType.SUPPORTED_GROUPS)
        offered = (NamedGroup.SECP256R1,) if body is None else parse_u16_list(body)
        group = _first_common(self._options.groups, offered)
        if group is None:
            raise HandshakeRefused("the client offers no group of ours")
        return group

    def _check_signatures(self, extensions: dict[int, bytes]) -> None:
        # Without the extension the client means SHA-1 (RFC 5246 7.4.1.4.1).
        body = extensions.get(ExtensionType.SIGNATURE_ALGORITHMS)
        if body is None or self._certificate.scheme not in parse_u16_list(body):
            raise HandshakeRefused("the client cannot verify signatures of our certificate's kind")

    def _choose_profile(self, extensions: dict[int, bytes]) -> int | None:
        body = extensions.get(ExtensionType.USE_SRTP)
        if body is None:
            return None
        return _first_common(self._options.srtp_profiles, parse_use_srtp(body)[0])


def _check_version(version: int, extensions: dict[int, bytes]) -> None:
    """Accept clients that can do DTLS 1.2; version numbers count down (RFC 6347 4.1)."""
    body = extensions.get(ExtensionType.SUPPORTED_VERSIONS)
    able = version >> 8 == DTLS_1_2_MAJOR and version <= DTLS_1_2
    if not able or (body is not None and DTLS_1_2 not in parse_supported_versions(body)):
        raise HandshakeRefused(
            "the client does not support DTLS 1.2", AlertDescription.PROTOCOL_VERSION
        )


def _answer_extensions(
    hello: ClientHello, extensions: dict[int, bytes], profile: int | None
) -> Extensions:
    """Answer what was offered, nothing else."""
    answers: list[tuple[int, bytes]] = [(ExtensionType.EXTENDED_MASTER_SECRET, b"")]
    renegotiation = extensions.get(ExtensionType.RENEGOTIATION_INFO)
    if renegotiation not in (None, EMPTY_RENEGOTIATION_INFO):
        raise HandshakeRefused("the client's renegotiation_info is not empty")
    if renegotiation is not None or EMPTY_RENEGOTIATION_INFO_SCSV in hello.cipher_suites:
        answers.append((ExtensionType.RENEGOTIATION_INFO, EMPTY_RENEGOTIATION_INFO))
    if ExtensionType.EC_POINT_FORMATS in extensions:
        answers.append((ExtensionType.EC_POINT_FORMATS, UNCOMPRESSED_POINTS))
    if profile is not None:
        answers.append((ExtensionType.USE_SRTP, build_use_srtp([profile])))
    return tuple(answers)


def _first_common(ours: Sequence[int], theirs: Sequence[int]) -> int | None:
    return next((value for value in ours if value in theirs), None)
