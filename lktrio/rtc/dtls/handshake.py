"""What both roles of the handshake share.

Theory of operation: a handshake is a machine that takes whole flights and answers with flights (a
server takes the client's last flight in three parts). It knows nothing of loss or records.
``expected`` says what is possible now; ``receive`` checks it and either accepts it, returning the
answer, or raises and is as before, so that a better one may still come. What nobody has signed
decides nothing: a hello or a cookie that somebody else may have sent leaves open what was possible
before it, and only a signature of the announced certificate over the peer's hello closes that::

    client                                        server
    ClientHello                        ------->
                                       <-------   (HelloVerifyRequest)
    (ClientHello with cookie)          ------->
                                                  ServerHello, Certificate, ServerKeyExchange,
                                       <-------   CertificateRequest, ServerHelloDone
    Certificate, ClientKeyExchange,
    CertificateVerify, [ChangeCipherSpec],
    Finished                           ------->
                                       <-------   [ChangeCipherSpec], Finished

The certificate's fingerprint and the proof of its key are checked before any secret is derived.

Sources: RFC 5246 7.3 and 7.4, RFC 6347 4.2, RFC 7627, RFC 5764 4, RFC 5746 3.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.dtls.certificate import Certificate, Fingerprints, read_key
from lktrio.rtc.dtls.flights import Flight, FlightItem
from lktrio.rtc.dtls.fragments import Awaited, HandshakeMessage
from lktrio.rtc.dtls.keys import Secrets
from lktrio.rtc.dtls.messages import CertificateMessage
from lktrio.rtc.dtls.options import DtlsOptions
from lktrio.rtc.dtls.registry import AlertDescription, HandshakeType

__all__ = ["Handshake", "HandshakeRefused"]


class HandshakeRefused(RemoteProtocolError):
    """A well-formed flight is not acceptable.

    Attributes:
        alert: What to tell the peer.
        final: Whether it is authentic, so that no better one can come.
    """

    def __init__(
        self,
        message: str,
        alert: AlertDescription = AlertDescription.HANDSHAKE_FAILURE,
        *,
        final: bool = False,
    ) -> None:
        super().__init__(message)
        self.alert = alert
        self.final = final


class Handshake:
    """State of one handshake; see the subclasses.

    Args:
        certificate: Ours.
        fingerprints: Those announced for the peer's certificate.
        random: Source of randoms and ephemeral keys.
        options: Suites, groups and profiles.
    """

    is_client: bool

    def __init__(
        self,
        certificate: Certificate,
        fingerprints: Fingerprints,
        random: RandomBytes,
        options: DtlsOptions,
    ) -> None:
        self.expected: Awaited = {}
        """Flights that may come next."""
        self.settled = 0
        """Number of the peer's first message that is not decided yet; earlier ones are over."""
        self.complete = False
        """Whether both Finished messages are verified or sent."""
        self.secrets: Secrets | None = None
        """Of the flight that was returned last, once there are record keys."""
        self.srtp_profile: int | None = None
        """Negotiated SRTP profile; meaningful once complete."""
        self._certificate = certificate
        self._fingerprints = fingerprints
        self._random = random
        self._options = options
        self._transcript = b""
        self._sequence = 0

    def receive(self, messages: Sequence[HandshakeMessage], now: float) -> Flight:
        """Check a whole flight and answer it.

        Args:
            messages: A flight that matches ``expected``.
            now: The time, in seconds.

        Returns:
            The flight to send, empty when there is none, or none again so soon.

        Raises:
            RemoteProtocolError: The flight is malformed or not acceptable; nothing has changed.
        """
        raise NotImplementedError

    def settle(self, secrets: Secrets) -> None:
        """Go on with the peer that has shown that it has these secrets; all others are over."""

    def _message(self, kind: HandshakeType, body: bytes = b"") -> HandshakeMessage:
        """Number an outgoing message and add it to the transcript."""
        message = HandshakeMessage(kind, self._sequence, body)
        self._sequence += 1
        self._transcript += message.serialize()
        return message

    def _finish(self, secrets: Secrets) -> Flight:
        """Build our ChangeCipherSpec and Finished."""
        body = secrets.verify_data(self._transcript, is_client=self.is_client)
        finished = self._message(HandshakeType.FINISHED, body)
        return (FlightItem(None), FlightItem(finished, protected=True))

    def _verify_finished(self, message: HandshakeMessage) -> None:
        """Check the peer's Finished, which ends the transcript it covers."""
        assert self.secrets is not None
        wanted = self.secrets.verify_data(self._transcript, is_client=not self.is_client)
        if not hmac.compare_digest(message.body, wanted):
            raise HandshakeRefused(
                "the peer's Finished does not match this handshake",
                AlertDescription.DECRYPT_ERROR,
                final=True,
            )
        self._transcript += message.serialize()
        self.settled = message.sequence + 1

    def _check_certificate(self, body: bytes) -> bytes:
        """Return the peer's certificate if its fingerprint was announced."""
        certificates = CertificateMessage.parse(body).certificates
        if not certificates:
            raise HandshakeRefused(
                "the peer presented no certificate; only one with an ECDSA key is taken"
            )
        if not self._fingerprints.match(certificates[0]):
            raise HandshakeRefused(
                "the peer's certificate matches none of the announced fingerprints",
                AlertDescription.BAD_CERTIFICATE,
            )
        try:
            read_key(certificates[0])
        except RemoteProtocolError as error:  # it is the announced one: no better one can come
            raise HandshakeRefused(
                str(error), AlertDescription.UNSUPPORTED_CERTIFICATE, final=True
            ) from error
        return certificates[0]


def joined(messages: Sequence[HandshakeMessage]) -> bytes:
    """Concatenate messages as the transcript holds them."""
    return b"".join(message.serialize() for message in messages)
