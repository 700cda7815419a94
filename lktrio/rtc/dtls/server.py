"""The server's side of the handshake; see ``handshake`` for the whole picture."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import NamedTuple

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
from lktrio.rtc.dtls.fragments import HandshakeMessage
from lktrio.rtc.dtls.handshake import Flights, Handshake, HandshakeRefused
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
    Group,
    HandshakeType,
)

__all__ = ["ServerHandshake"]

_COOKIE_KEY_LENGTH = 32
_ECDSA_SIGN = 64  # RFC 8422 5.5, ClientCertificateType

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
        self.expected = _AWAIT_HELLO
        self._cookie_key = random(_COOKIE_KEY_LENGTH) if options.cookie_exchange else b""
        self._client_random = b""
        self._server_random = b""
        self._peer_der = b""
        self._suite: CipherSuite | None = None
        self._share: KeyShare | None = None

    def receive(self, messages: Sequence[HandshakeMessage]) -> Flight:
        """Check a whole flight of the client and answer it; see the base class."""
        kind = messages[0].type
        if kind == HandshakeType.CLIENT_HELLO:
            return self._greet(messages[0])
        if kind == HandshakeType.CERTIFICATE:
            return self._meet(messages[0])
        if kind == HandshakeType.CLIENT_KEY_EXCHANGE:
            return self._derive(messages)
        self._verify_finished(messages[0])
        assert self.secrets is not None
        self.complete = True
        return self._finish(self.secrets)

    def _greet(self, message: HandshakeMessage) -> Flight:
        hello = ClientHello.parse(message.body)
        choice = self._choose(hello)
        if self._cookie_key:
            cookie = self._cookie(hello)
            if not hmac.compare_digest(hello.cookie, cookie):
                return self._ask_for_cookie(cookie)
        self._suite = choice.suite
        self.srtp_profile = choice.srtp_profile
        self._client_random = hello.random
        self._server_random = self._random(RANDOM_LENGTH)
        self._transcript = message.serialize()
        self.expected = _AWAIT_CERTIFICATE
        return self._build_greeting(choice)

    def _build_greeting(self, choice: _Choice) -> Flight:
        hello = ServerHello(
            version=DTLS_1_2,
            random=self._server_random,
            session_id=b"",
            cipher_suite=choice.suite.number,
            compression_method=NULL_COMPRESSION,
            extensions=choice.extensions,
        )
        request = CertificateRequest(bytes([_ECDSA_SIGN]), SIGNATURE_SCHEMES, b"")
        parts = (
            (HandshakeType.SERVER_HELLO, hello.serialize()),
            (
                HandshakeType.CERTIFICATE,
                CertificateMessage((self._certificate.der,)).serialize(),
            ),
            (HandshakeType.SERVER_KEY_EXCHANGE, self._sign_share(choice.group).serialize()),
            (HandshakeType.CERTIFICATE_REQUEST, request.serialize()),
            (HandshakeType.SERVER_HELLO_DONE, b""),
        )
        return tuple(FlightItem(self._message(kind, body)) for kind, body in parts)

    def _sign_share(self, group: int) -> ServerKeyExchange:
        self._share = KeyShare(group, self._random)
        public = self._share.public
        signed = (
            self._client_random + self._server_random + ServerKeyExchange.parameters(group, public)
        )
        signature = self._certificate.sign(signed)
        return ServerKeyExchange(group, public, self._certificate.scheme, signature)

    def _meet(self, message: HandshakeMessage) -> Flight:
        self._peer_der = self._check_certificate(message.body)
        self._transcript += message.serialize()
        self.expected = _AWAIT_KEYS
        return ()

    def _derive(self, messages: Sequence[HandshakeMessage]) -> Flight:
        exchange, proof = messages
        client = ClientKeyExchange.parse(exchange.body)
        verify = CertificateVerify.parse(proof.body)
        transcript = self._transcript + exchange.serialize()
        verify_signature(self._peer_der, verify.scheme, verify.signature, transcript)
        assert self._share is not None
        assert self._suite is not None
        premaster = self._share.exchange(client.public)
        self.secrets = Secrets.derive(
            self._suite, premaster, transcript, self._client_random, self._server_random
        )
        self._transcript = transcript + proof.serialize()
        self._share = None
        self.expected = _AWAIT_FINISHED
        return ()

    def _cookie(self, hello: ClientHello) -> bytes:
        """Bind a cookie to what the client must repeat (RFC 6347 4.2.1)."""
        bound = hello.random + b"".join(suite.to_bytes(2, "big") for suite in hello.cipher_suites)
        return hmac.digest(self._cookie_key, bound, "sha256")

    def _ask_for_cookie(self, cookie: bytes) -> Flight:
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
        offered = (Group.SECP256R1,) if body is None else parse_u16_list(body)
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
