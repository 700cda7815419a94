"""One end of a DTLS 1.2 connection, without input or output.

Theory of operation: ``receive`` splits a datagram into records and sends each on its way: clear
handshake records to the ``Reassembler``, protected records through the ``RecordReader`` of epoch 1,
the rest to the counters. Whole flights go to the role's ``Handshake``, whose answers are kept and
sent again with doubling timeouts until the peer's next flight arrives; the end that sends the last
flight repeats it whenever the peer repeats the one before. Nothing that arrives in clear can end
the connection, since anybody may have sent it: alerts in clear are ignored, and a flight that is
not acceptable is dropped, since an intact one may follow. Only when nothing else comes for a while
the handshake fails before its deadline and says why. Clear records behind a flight that was refused
or answered are dropped with it: one datagram costs a signature or two and no more.

What arrives too early waits: protected records until the keys exist and the peer's
ChangeCipherSpec has come (16), application data until the peer's Finished is verified (16).
The certificate's fingerprint is checked before keys are even derived, so ``DtlsConnected``, data
and exported keys all come after it.

Sources: RFC 6347 4.1, 4.2.4 (timers and retransmission), 4.2.8 (new associations: none are made);
RFC 5246 7.2 (alerts), 7.4.1.1 (no renegotiation); RFC 5705 and RFC 5764 4.2 (exported keys).
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.base import NEVER, RandomBytes
from lktrio.rtc.dtls.certificate import Certificate, Fingerprints
from lktrio.rtc.dtls.client import ClientHandshake
from lktrio.rtc.dtls.flights import CHANGE_CIPHER_SPEC, Flight, build_datagrams
from lktrio.rtc.dtls.fragments import Fragment, HandshakeMessage, Reassembler, parse_fragments
from lktrio.rtc.dtls.handshake import HandshakeRefused
from lktrio.rtc.dtls.keys import Secrets
from lktrio.rtc.dtls.options import (
    SMALLEST_MTU,
    DtlsAborted,
    DtlsClosed,
    DtlsConnected,
    DtlsEvent,
    DtlsOptions,
    DtlsSecrets,
)
from lktrio.rtc.dtls.records import (
    RECORD_HEADER,
    RECORD_HEADER_LENGTH,
    DtlsStats,
    PlainWriter,
    RecordReader,
    RecordWriter,
    protected_reader,
    protected_writer,
)
from lktrio.rtc.dtls.registry import (
    DTLS_1_2,
    DTLS_1_2_MAJOR,
    AlertDescription,
    AlertLevel,
    ContentType,
    HandshakeType,
)
from lktrio.rtc.dtls.server import ServerHandshake

__all__ = ["DtlsEndpoint"]

_RECORDS_PER_DATAGRAM: Final = 32
_EARLY_RECORDS: Final = 16
_EARLY_DATA: Final = 16
_PATIENCE: Final = 10.0
"""Seconds from a first refused flight on in which an acceptable one would have come."""
_SHRINK_AFTER: Final = 2  # timeouts of one flight after which its datagrams become smaller

_CLEAR_VERSIONS: Final = DTLS_1_2_MAJOR  # before a version is agreed on, any minor one is legal
_APPLICATION_DATA: Final = int(ContentType.APPLICATION_DATA)
_HELLOS: Final = (HandshakeType.CLIENT_HELLO, HandshakeType.HELLO_VERIFY_REQUEST)

_unpack_header = RECORD_HEADER.unpack_from


class _Cipher(NamedTuple):
    """Keys that the peer may turn out to have."""

    secrets: Secrets
    writer: RecordWriter
    reader: RecordReader


class DtlsEndpoint:
    """A DTLS 1.2 client or server for one WebRTC connection.

    After every call take ``out``, ``inbound`` and ``events`` and leave fresh containers.

    Args:
        is_client: Whether this end sends the first flight.
        certificate: Our certificate; the peer must know its fingerprint.
        random: Source of all randomness.
        remote_fingerprints: Pairs of hash name and hex digits from the peer's ``a=fingerprint``
            lines. The peer's certificate must match at least one of those with SHA-256, SHA-384
            or SHA-512.
        options: See ``DtlsOptions``.
    """

    def __init__(
        self,
        *,
        is_client: bool,
        certificate: Certificate,
        random: RandomBytes,
        remote_fingerprints: Sequence[tuple[str, str]],
        options: DtlsOptions | None = None,
    ) -> None:
        self.is_client = is_client
        """Whether this end is the DTLS client."""
        self.connected = False
        """Whether application data can be sent and keys can be exported."""
        self.closed = False
        """Whether the connection has ended, in whatever way."""
        self.srtp_profile: int | None = None
        """Negotiated SRTP profile once connected; None without one."""
        self.out: list[bytes] = []
        """Datagrams to send to the peer."""
        self.inbound: list[bytes] = []
        """Application data received, one entry per record."""
        self.events: deque[DtlsEvent] = deque()
        """What happened."""
        self.stats = DtlsStats()
        """Counters."""

        self._options = options or DtlsOptions()
        self._fingerprints = Fingerprints(remote_fingerprints)
        kind = ClientHandshake if is_client else ServerHandshake
        self._handshake: ClientHandshake | ServerHandshake = kind(
            certificate, self._fingerprints, random, self._options
        )
        self._started = False
        self._active = False  # started and not closed
        self._secrets: Secrets | None = None
        self._reassembler = Reassembler(self.stats)
        self._plain = PlainWriter()
        self._writer: RecordWriter | None = None
        self._seal: Callable[[int, bytes], bytes] | None = None  # of the writer, when connected
        self._reader: RecordReader | None = None
        self._ciphers: list[_Cipher] = []  # until a record of the peer tells which is the right one
        self._peer_changed_cipher = False
        self._early_records: list[tuple[int, int, bytes]] = []
        self._early_data: list[bytes] = []

        self._flight: Flight = ()
        self._flight_sent = -NEVER
        self._answered: HandshakeMessage | None = None  # end of the flight that ours answers
        self._timeout = self._options.initial_timeout
        self._timeouts = 0
        self._resend_at = NEVER
        self._deadline = NEVER
        self._flights_spent = 0  # refused or answered
        self._refused_at = NEVER  # since when nothing acceptable has come
        self._last_trouble = ""
        self._renegotiation_refused = False

    def __repr__(self) -> str:
        role = "client" if self.is_client else "server"
        state = "closed" if self.closed else "connected" if self.connected else "connecting"
        return f"<DtlsEndpoint {role} {state}>"

    # What the owner calls.

    def start(self, now: float) -> None:
        """Begin: a client sends its first flight, a server starts to wait.

        Without a usable fingerprint of the peer the connection fails right away.

        Args:
            now: The time, in seconds.

        Raises:
            LocalProtocolError: It was started or closed before.
        """
        if self._started or self.closed:
            raise LocalProtocolError("this DTLS endpoint was already started or closed")
        self._started = self._active = True
        self._deadline = now + self._options.handshake_timeout
        if not self._fingerprints.usable:
            self._fail("the peer announced no fingerprint with SHA-256, SHA-384 or SHA-512", None)
        elif isinstance(self._handshake, ClientHandshake):
            self._send_flight(self._handshake.start(), now)

    def receive(self, datagram: bytes, now: float) -> None:
        """Take one UDP payload from the peer; it may hold several records.

        Whatever it holds, this never raises: what is malformed, unauthenticated, repeated or
        out of place is counted in ``stats`` and dropped.

        Args:
            datagram: The payload. Only those from addresses that ICE has validated should come
                here, since nothing in the handshake is authenticated before its end.
            now: The time, in seconds.
        """
        if not self._active:
            self.stats.unexpected += 1
            return
        position, end = 0, len(datagram)
        spent = self._flights_spent
        for _ in range(_RECORDS_PER_DATAGRAM):
            if end - position < RECORD_HEADER_LENGTH:
                break
            content_type, version, number, length = _unpack_header(datagram, position)
            start = position + RECORD_HEADER_LENGTH
            position = start + length
            if position > end:
                break
            epoch = number >> 48
            if epoch == 1 and version == DTLS_1_2:
                reader = self._reader
                if reader is None:
                    self._open_first(content_type, number, datagram[start:position], now)
                    continue
                content = reader.open(content_type, number, datagram, start, position)
                if content is None:
                    continue
                if content_type == _APPLICATION_DATA and self.connected:
                    self.inbound.append(content)
                    continue
                self._receive_protected(content_type, content, now)
            elif epoch == 0 and version >> 8 == _CLEAR_VERSIONS:
                self._receive_clear(content_type, datagram[start:position], spent, now)
            else:
                self.stats.unexpected += 1
            if self.closed:
                return
        if position != end:
            self.stats.malformed += 1

    def send(self, data: bytes) -> None:
        """Protect application data; one datagram with one record goes to ``out``.

        Args:
            data: At most 16384 bytes; the caller keeps to the path's MTU.

        Raises:
            LocalProtocolError: The endpoint is not connected, or has sent 2**32 records.
            ValueError: The data is too long.
        """
        seal = self._seal
        if seal is None:
            raise LocalProtocolError("DTLS is not connected; wait for DtlsConnected")
        self.out.append(seal(_APPLICATION_DATA, data))

    def handle_timer(self, now: float) -> None:
        """Do what is due: send the current flight again, or give up.

        Args:
            now: The time, in seconds.
        """
        if now >= self._deadline:
            reason = f"no DTLS handshake within {self._options.handshake_timeout:g} s"
            if self._last_trouble:
                reason = f"{reason}; {self._last_trouble}"
            self._fail(reason, None)
        elif now >= self._resend_at:
            self._timeouts += 1
            self._timeout = min(self._timeout * 2, self._options.max_timeout)
            self._resend_flight(now)
            self._resend_at = now + self._timeout

    def network_changed(self, now: float) -> None:
        """The path below works again, or is another one: a handshake gets its time anew.

        What waits for an answer is sent again as soon as ``handle_timer`` is called.
        """
        if not self._active or self.connected or self.closed:
            return
        self._deadline = now + self._options.handshake_timeout
        self._timeout = self._options.initial_timeout
        if self._resend_at != NEVER:
            self._resend_at = now

    def next_timer(self) -> float:
        """Return when ``handle_timer`` is due, in seconds; ``NEVER`` once connected or closed."""
        return min(self._deadline, self._resend_at)

    def close(self, now: float) -> None:
        """End the connection; when connected the peer is told with close_notify.

        Idempotent. No event follows: the caller knows.

        Args:
            now: The time, in seconds.
        """
        if self.closed:
            return
        if self.connected:
            self._send_alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY)
        self._end()

    def export_keying_material(self, label: str, length: int) -> bytes:
        """Export secret bytes that both ends share (RFC 5705, without context).

        Args:
            label: Such as ``"EXTRACTOR-dtls_srtp"``.
            length: Bytes wanted.

        Raises:
            LocalProtocolError: The endpoint is not connected.
            ValueError: The label is reserved for the handshake, or not ASCII.
        """
        if self._secrets is None or not self.connected:
            raise LocalProtocolError("DTLS is not connected; wait for DtlsConnected")
        return self._secrets.export(label, length)

    # Records.

    def _receive_clear(self, content_type: int, content: bytes, spent: int, now: float) -> None:
        """Handle a record of epoch 0, which anybody may have sent.

        Args:
            content_type: Of the record.
            content: Of the record.
            spent: ``_flights_spent`` before its datagram.
            now: The time.
        """
        if self._flights_spent != spent:
            self.stats.overflowed += 1
        elif content_type == ContentType.HANDSHAKE:
            self._receive_handshake(content, now, protected=False)
        elif content_type == ContentType.CHANGE_CIPHER_SPEC and content == CHANGE_CIPHER_SPEC:
            # Says only that epoch 1 has begun, so a forged or early one does no harm.
            self.stats.repeated += self._peer_changed_cipher
            self._peer_changed_cipher = True
            self._open_early(now)
        elif content_type == ContentType.ALERT and len(content) == 2:
            self.stats.unauthenticated += 1
            self._last_trouble = f"an unauthenticated alert said {_explain_alert(content[1])}"
        else:
            self.stats.unexpected += 1

    def _receive_protected(self, content_type: int, content: bytes, now: float) -> None:
        """Handle the authentic content of a record of epoch 1."""
        if content_type == ContentType.HANDSHAKE:
            self._receive_handshake(content, now, protected=True)
        elif content_type == ContentType.APPLICATION_DATA:
            self._receive_data(content)
        elif content_type == ContentType.ALERT and len(content) == 2:
            self._receive_alert(content[0], content[1])
        else:
            self.stats.unexpected += 1

    def _receive_data(self, content: bytes) -> None:
        if self.connected:
            self.inbound.append(content)
        elif len(self._early_data) < _EARLY_DATA:
            self._early_data.append(content)
        else:
            self.stats.overflowed += 1

    def _receive_alert(self, level: int, description: int) -> None:
        if description == AlertDescription.CLOSE_NOTIFY and self.connected:
            self._send_alert(AlertLevel.WARNING, AlertDescription.CLOSE_NOTIFY)
            self._end()
            self.events.append(DtlsClosed())
        elif level == AlertLevel.FATAL or description == AlertDescription.CLOSE_NOTIFY:
            self._fail(f"the peer ended the connection: {_alert_name(description)}", None)
        else:
            self.stats.unexpected += 1

    def _open_first(self, content_type: int, number: int, content: bytes, now: float) -> None:
        """Open a protected record, which tells what keys the peer has, or hold it back."""
        if self._ciphers and self._peer_changed_cipher:
            for cipher in self._ciphers:
                opened = cipher.reader.open(content_type, number, content, 0, len(content))
                if opened is not None:
                    self._settle(cipher)
                    self._receive_protected(content_type, opened, now)
                    return
        elif len(self._early_records) < _EARLY_RECORDS:
            self._early_records.append((content_type, number, content))
        else:
            self.stats.overflowed += 1

    def _open_early(self, now: float) -> None:
        """Open what was held back once there are keys and the peer has changed over."""
        if not self._ciphers or not self._peer_changed_cipher:
            return
        early, self._early_records = self._early_records, []
        for content_type, number, record in early:
            if self._reader is None:
                self._open_first(content_type, number, record, now)
                continue
            content = self._reader.open(content_type, number, record, 0, len(record))
            if content is not None and not self.closed:
                self._receive_protected(content_type, content, now)

    def _settle(self, cipher: _Cipher) -> None:
        self._ciphers = [cipher]
        self._writer, self._reader = cipher.writer, cipher.reader
        self._handshake.settle(cipher.secrets)
        self._reassembler.advance(self._handshake.settled)

    def _install_cipher(self) -> None:
        """Begin to write epoch 1 under the keys of the flight that goes out."""
        secrets = self._handshake.secrets
        if secrets is None:
            return
        cipher = next((each for each in self._ciphers if each.secrets is secrets), None)
        if cipher is None:
            cipher = self._make_cipher(secrets)
            self._ciphers.append(cipher)
        self._writer = cipher.writer

    def _make_cipher(self, secrets: Secrets) -> _Cipher:
        suite, keys = secrets.suite, secrets.traffic_keys()
        client, server = (keys.client_key, keys.client_iv), (keys.server_key, keys.server_iv)
        ours, theirs = (client, server) if self.is_client else (server, client)
        reader = protected_reader(suite, *theirs, self.stats)
        return _Cipher(secrets, protected_writer(suite, *ours), reader)

    # The handshake.

    def _receive_handshake(self, content: bytes, now: float, *, protected: bool) -> None:
        try:
            fragments = parse_fragments(content)
        except RemoteProtocolError:
            self.stats.malformed += 1
            return
        spent = self._flights_spent
        for fragment in fragments:
            self._receive_fragment(fragment, now, protected=protected)
            if self.closed or self._flights_spent != spent:
                return

    def _receive_fragment(self, fragment: Fragment, now: float, *, protected: bool) -> None:
        if protected != (fragment.type == HandshakeType.FINISHED):
            if protected:
                self._refuse_renegotiation()
            self.stats.unexpected += 1
        elif fragment.sequence < self._reassembler.next_sequence:
            self._receive_repetition(fragment, now)
        elif self.connected:
            self.stats.unexpected += 1
        elif self._reassembler.add(fragment):
            self._advance(now)

    def _receive_repetition(self, fragment: Fragment, now: float) -> None:
        """Answer the peer's retransmission with ours.

        The end of the last message stands for the whole flight, and not more than one answer goes
        out per half initial timeout, so that duplicates in the network are not multiplied.
        """
        self.stats.repeated += 1
        last = self._answered
        if last is None or (fragment.type, fragment.sequence) != (last.type, last.sequence):
            return
        is_end = fragment.offset + len(fragment.data) == fragment.length
        rested = now - self._flight_sent >= self._options.initial_timeout / 2
        if is_end and rested and self._flight:
            self._resend_flight(now)

    def _advance(self, now: float) -> None:
        """Hand flights that have become whole to the handshake."""
        handshake = self._handshake
        messages = self._reassembler.take(handshake.expected)
        if messages is None:
            return
        try:
            answer = handshake.receive(messages, now)
        except RemoteProtocolError as error:
            self._refuse(error, now)
            return
        if answer or handshake.settled > self._reassembler.next_sequence:
            self._refused_at = NEVER
        self._reassembler.advance(handshake.settled)
        self._install_cipher()
        if answer:
            self._answered = messages[-1]
            self._answer(answer, now)
        if handshake.complete:
            self._connect()
        else:
            self._open_early(now)
            if not self.closed:
                self._advance(now)

    def _answer(self, flight: Flight, now: float) -> None:
        self._flights_spent += 1
        if flight is self._flight:
            self.stats.repeated += 1
            if now - self._flight_sent >= self._options.initial_timeout / 2:
                self._resend_flight(now)
        else:
            self._send_flight(flight, now)

    def _refuse(self, error: RemoteProtocolError, now: float) -> None:
        """Drop a flight; fail if it cannot be noise."""
        self.stats.refused += 1
        self._flights_spent += 1
        self._last_trouble = str(error)
        alert, final = AlertDescription.DECODE_ERROR, False
        if isinstance(error, HandshakeRefused):
            alert, final = error.alert, error.final
        self._refused_at = min(self._refused_at, now)
        if final or now - self._refused_at >= _PATIENCE:
            self._fail(str(error), alert)

    def _connect(self) -> None:
        assert self._writer is not None
        self.connected = True
        self._seal = self._writer.seal
        self.srtp_profile = self._handshake.srtp_profile
        secrets = self._secrets = self._handshake.secrets
        self._handshake.secrets = None
        self._deadline = self._resend_at = NEVER
        self._reassembler.clear()
        if self.is_client:
            self._flight = ()  # the server's Finished says that it arrived
        if secrets is not None and self._options.key_log is not None:
            self._options.key_log(DtlsSecrets(secrets, self.is_client, self.srtp_profile))
        self.events.append(DtlsConnected())
        self.inbound += self._early_data
        self._early_data = []

    def _refuse_renegotiation(self) -> None:
        """Answer an authentic HelloRequest or ClientHello, once."""
        if self.connected and not self._renegotiation_refused:
            self._renegotiation_refused = True
            self._send_alert(AlertLevel.WARNING, AlertDescription.NO_RENEGOTIATION)

    # Sending.

    def _send_flight(self, flight: Flight, now: float) -> None:
        """Send a new flight, and keep it in case the peer misses it."""
        self._flight = flight
        self._timeouts = 0
        self._timeout = self._options.initial_timeout
        self._transmit(now)
        first = flight[0].message
        # A server keeps nothing alive for a client that has not shown a cookie (RFC 6347 4.2.4).
        waits = first is None or first.type != HandshakeType.HELLO_VERIFY_REQUEST
        self._resend_at = now + self._timeout if waits else NEVER

    def _resend_flight(self, now: float) -> None:
        self.stats.retransmissions += 1
        self._transmit(now)

    def _transmit(self, now: float) -> None:
        self._flight_sent = now
        first = self._flight[0].message
        if first is None or first.type not in _HELLOS:
            self._plain.version = DTLS_1_2
        mtu = self._options.mtu
        if self._timeouts >= _SHRINK_AFTER:
            mtu = max(SMALLEST_MTU, mtu // 2)
        self.out += build_datagrams(self._flight, mtu, self._plain, self._writer)

    def _send_alert(self, level: AlertLevel, description: AlertDescription) -> None:
        writer = self._writer or self._plain
        with contextlib.suppress(LocalProtocolError):  # used up keys protect no alert either
            self.out.append(writer.seal(ContentType.ALERT, bytes([level, description])))

    def _fail(self, reason: str, alert: AlertDescription | None) -> None:
        if alert is not None:
            self._send_alert(AlertLevel.FATAL, alert)
        self._end()
        self.events.append(DtlsAborted(reason))

    def _end(self) -> None:
        """Forget everything secret and stop."""
        self.closed = True
        self.connected = self._active = False
        self.srtp_profile = None
        self._deadline = self._resend_at = NEVER
        self._flight = ()
        self._secrets = self._handshake.secrets = None
        self._writer = self._reader = self._seal = None
        self._ciphers = []
        self._reassembler.clear()
        self._early_records = []
        self._early_data = []


def _explain_alert(description: int) -> str:
    if description == AlertDescription.HANDSHAKE_FAILURE:
        return "handshake_failure: the peer may have no certificate with an ECDSA key, or no AEAD"
    return _alert_name(description)


def _alert_name(description: int) -> str:
    try:
        return AlertDescription(description).name.lower()
    except ValueError:
        return f"alert {description}"
