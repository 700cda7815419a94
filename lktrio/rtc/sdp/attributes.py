"""The values of SDP attributes: one small class each, with its parser and its text form.

Theory of operation: an attribute line is ``a=name`` or ``a=name:value``. The classes here know the
grammar of one value and nothing about where the line stands; :mod:`lktrio.rtc.sdp.reader` knows
the lines. Every ``parse`` takes the text behind the colon and returns the value or raises
:class:`~lktrio.errors.RemoteProtocolError`; ``str(value)`` gives text that parses to an equal
value. Whitespace between words is normalised to one space, everything else is kept.

Implements: RFC 4585 section 4 (rtcp-fb), RFC 5576 (ssrc-group), RFC 5888 (group),
RFC 8122 (fingerprint), RFC 8285 (extmap), RFC 8830 (msid), RFC 8851 (rid), RFC 8853 (simulcast),
RFC 8866 section 6.6 (rtpmap) and 6.15 (fmtp).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lktrio._protocol_errors import RemoteProtocolError

__all__ = [
    "STATIC_PAYLOAD_TYPES",
    "Direction",
    "Fingerprint",
    "Group",
    "HeaderExtension",
    "Msid",
    "Rid",
    "RtpCodec",
    "SetupRole",
    "Simulcast",
    "SsrcGroup",
]

Direction: TypeAlias = Literal["sendrecv", "sendonly", "recvonly", "inactive"]
"""Who may send media in a section, seen from the author of the description (RFC 8866, 6.7)."""

SetupRole: TypeAlias = Literal["actpass", "active", "passive", "holdconn"]
"""Who starts the DTLS handshake (RFC 8842): ``active`` is the DTLS client."""

DIRECTIONS: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "sendonly",
    "recvonly": "recvonly",
    "inactive": "inactive",
}
SETUP_ROLES: dict[str, SetupRole] = {
    "actpass": "actpass",
    "active": "active",
    "passive": "passive",
    "holdconn": "holdconn",
}

MAX_PAYLOAD_TYPE = 127  # RFC 3550 section 5.1: seven bits
MAX_EXTENSION_ID = 4351  # RFC 8285 section 7: 4096-4351 ask the answerer to choose
MAX_UINT32 = 2**32 - 1
MAX_UINT64 = 2**64 - 1
_MAX_DIGITS = 20  # 2**64 - 1 has twenty
_MAX_CHANNELS = 255

STATIC_PAYLOAD_TYPES: dict[int, tuple[str, int]] = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    13: ("CN", 8000),
    15: ("G728", 8000),
    18: ("G729", 8000),
}
"""Audio payload types that mean something without an ``a=rtpmap`` (RFC 3551 table 4)."""


def words(value: str) -> list[str]:
    """Split at spaces; other white space belongs to a word."""
    return [word for word in value.split(" ") if word]


def one_word(value: str) -> str:
    """Return the only word of ``value``."""
    found = words(value)
    if len(found) != 1:
        raise RemoteProtocolError("expected one word")
    return found[0]


def integer(text: str, maximum: int) -> int:
    """Read a decimal number from 0 to ``maximum``; no sign, no other alphabets' digits."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise RemoteProtocolError("expected a decimal number")
    number = int(text)
    if number > maximum:
        raise RemoteProtocolError(f"a number is larger than {maximum}")
    return number


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The hash of the certificate that the DTLS peer will present (RFC 8122 section 5)."""

    algorithm: str
    """Lower-case name of the hash, such as ``sha-256``."""
    value: str
    """Upper-case hexadecimal bytes joined by colons."""

    @classmethod
    def parse(cls, value: str) -> Fingerprint:
        """Read the text behind ``a=fingerprint:``."""
        found = words(value)
        if len(found) != 2:
            raise RemoteProtocolError("a fingerprint is an algorithm and a value")
        return cls(found[0].lower(), found[1].upper())

    def __str__(self) -> str:
        return f"{self.algorithm} {self.value}"


@dataclass(frozen=True, slots=True)
class Group:
    """Sections that belong together (RFC 5888), in practice those of one BUNDLE (RFC 9143)."""

    semantics: str
    mids: tuple[str, ...]

    @classmethod
    def parse(cls, value: str) -> Group:
        """Read the text behind ``a=group:``."""
        found = words(value)
        if not found:
            raise RemoteProtocolError("a group has no semantics")
        return cls(found[0], tuple(found[1:]))

    def __str__(self) -> str:
        return " ".join((self.semantics, *self.mids))


@dataclass(frozen=True, slots=True)
class HeaderExtension:
    """The number that stands for an RTP header extension in the packets (RFC 8285 section 5)."""

    id: int
    """1-14 for the one-byte form, up to 255 for the two-byte form."""
    uri: str
    direction: Direction | None = None
    """None: as the section."""
    parameters: str = ""
    """The extension's own attributes, as text."""

    @classmethod
    def parse(cls, value: str) -> HeaderExtension:
        """Read the text behind ``a=extmap:``."""
        found = words(value)
        if len(found) < 2:
            raise RemoteProtocolError("an extmap is a number and a URI")
        number, slash, direction = found[0].partition("/")
        if slash and direction not in DIRECTIONS:
            raise RemoteProtocolError("unknown direction of a header extension")
        identifier = integer(number, MAX_EXTENSION_ID)
        return cls(identifier, found[1], DIRECTIONS.get(direction), " ".join(found[2:]))

    def __str__(self) -> str:
        direction = f"/{self.direction}" if self.direction else ""
        parameters = f" {self.parameters}" if self.parameters else ""
        return f"{self.id}{direction} {self.uri}{parameters}"


@dataclass(frozen=True, slots=True)
class Msid:
    """Names of the media stream and the track that a section carries (RFC 8830)."""

    stream_id: str
    """``-`` stands for no stream. LiveKit's server writes ``PA_…|TR_…`` or ``PA_…|camera``."""
    track_id: str | None = None
    """LiveKit: the ``cid`` of AddTrackRequest towards the server, ``TR_…`` from it."""

    @classmethod
    def parse(cls, value: str) -> Msid:
        """Read the text behind ``a=msid:``.

        The track is the last word: LiveKit's stream names are free text and may contain spaces.
        """
        found = words(value)
        if not found:
            raise RemoteProtocolError("an msid is empty")
        if len(found) == 1:
            return cls(found[0])
        return cls(" ".join(found[:-1]), found[-1])

    def __str__(self) -> str:
        return self.stream_id if self.track_id is None else f"{self.stream_id} {self.track_id}"


@dataclass(frozen=True, slots=True)
class SsrcGroup:
    """SSRCs that belong together (RFC 5576 section 4.2), such as FID: a stream and its RTX."""

    semantics: str
    ssrcs: tuple[int, ...]

    @classmethod
    def parse(cls, value: str) -> SsrcGroup:
        """Read the text behind ``a=ssrc-group:``."""
        found = words(value)
        if not found:
            raise RemoteProtocolError("an ssrc-group has no semantics")
        return cls(found[0], tuple(integer(word, MAX_UINT32) for word in found[1:]))

    def __str__(self) -> str:
        return " ".join((self.semantics, *map(str, self.ssrcs)))


@dataclass(frozen=True, slots=True)
class Rid:
    """A name for one encoding of a section (RFC 8851)."""

    id: str
    direction: Literal["send", "recv"]
    restrictions: str = ""
    """Such as ``pt=96;max-width=1280``; empty when there are none."""

    @classmethod
    def parse(cls, value: str) -> Rid:
        """Read the text behind ``a=rid:``."""
        found = words(value)
        if len(found) < 2 or found[1] not in ("send", "recv"):
            raise RemoteProtocolError("a rid is a name and a direction")
        direction: Literal["send", "recv"] = "send" if found[1] == "send" else "recv"
        return cls(found[0], direction, " ".join(found[2:]))

    def __str__(self) -> str:
        return " ".join(filter(None, (self.id, self.direction, self.restrictions)))


@dataclass(frozen=True, slots=True)
class Simulcast:
    """Which rids are sent and received at the same time (RFC 8853).

    Each direction lists streams; each stream lists alternatives, the preferred one first. A rid
    that starts paused keeps its ``~``. LiveKit never infers qualities from the order when the
    names are ``q``, ``h`` and ``f``.
    """

    send: tuple[tuple[str, ...], ...] = ()
    recv: tuple[tuple[str, ...], ...] = ()

    @property
    def send_rids(self) -> tuple[str, ...]:
        """The preferred rid of each sent stream, without pause marks."""
        return tuple(stream[0].removeprefix("~") for stream in self.send)

    @classmethod
    def parse(cls, value: str) -> Simulcast:
        """Read the text behind ``a=simulcast:``."""
        found = words(value)
        if len(found) not in (2, 4):
            raise RemoteProtocolError("a simulcast line lists a direction and its rids")
        lists = {
            direction: cls._parse_streams(streams)
            for direction, streams in zip(found[::2], found[1::2], strict=True)
        }
        if not lists.keys() <= {"send", "recv"} or len(lists) * 2 != len(found):
            raise RemoteProtocolError("unknown direction in a simulcast line")
        return cls(lists.get("send", ()), lists.get("recv", ()))

    @staticmethod
    def _parse_streams(text: str) -> tuple[tuple[str, ...], ...]:
        streams = [tuple(filter(None, stream.split(","))) for stream in text.split(";")]
        found = tuple(dict.fromkeys(filter(None, streams)))
        if not found:
            raise RemoteProtocolError("a simulcast line names no rid")
        return found

    def __or__(self, other: Simulcast) -> Simulcast:
        """The streams of both, each once."""
        return Simulcast(
            tuple(dict.fromkeys(self.send + other.send)),
            tuple(dict.fromkeys(self.recv + other.recv)),
        )

    def __str__(self) -> str:
        parts = [
            f"{direction} {';'.join(map(','.join, streams))}"
            for direction, streams in (("send", self.send), ("recv", self.recv))
            if streams
        ]
        return " ".join(parts)


@dataclass(slots=True)
class RtpCodec:
    """One payload type of a section: its ``rtpmap``, ``fmtp`` and ``rtcp-fb`` lines together."""

    payload_type: int
    """0-127."""
    name: str = ""
    """As written, such as ``opus`` or ``VP8``; compare without regard to case. Empty when the
    section lists the payload type without saying what it is."""
    clock_rate: int = 0
    """Hz."""
    channels: int = 1
    """1 for mono and for video."""
    parameters: dict[str, str | None] = field(default_factory=dict[str, str | None])
    """Of the ``fmtp`` line, in order. A parameter without ``=`` has the value None, such as
    ``111/111`` of RED."""
    feedback: list[str] = field(default_factory=list[str])
    """Such as ``nack``, ``nack pli``, ``ccm fir``, ``transport-cc``; wildcard lines included."""

    @property
    def fmtp(self) -> str:
        """The parameters as one text, empty when there are none."""
        pairs = self.parameters.items()
        return ";".join(name if value is None else f"{name}={value}" for name, value in pairs)

    @property
    def rtpmap(self) -> str:
        """Name, clock rate and channels as the ``rtpmap`` line has them."""
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.name}/{self.clock_rate}{channels}"

    @property
    def is_rtx(self) -> bool:
        """Whether it carries retransmissions of another payload type (RFC 4588)."""
        return self.name.lower() == "rtx"

    @property
    def apt(self) -> int | None:
        """The payload type that this RTX payload type repairs (RFC 4588), else None."""
        value = self.parameters.get("apt")
        if value is None or not value.isascii() or not value.isdigit() or len(value) > 3:
            return None
        return int(value)

    def read_rtpmap(self, text: str) -> None:
        """Take over ``name/clock rate[/channels]``."""
        parts = text.strip(" ").split("/")
        if not 2 <= len(parts) <= 3 or not parts[0] or " " in parts[0]:
            raise RemoteProtocolError("an rtpmap is a name and a clock rate")
        self.name = parts[0]
        self.clock_rate = integer(parts[1], MAX_UINT32)
        self.channels = integer(parts[2], _MAX_CHANNELS) if len(parts) == 3 else 1

    def read_fmtp(self, text: str) -> None:
        """Add the parameters of an ``fmtp`` line."""
        for item in text.split(";"):
            name, equals, value = item.strip(" ").partition("=")
            if name or equals:
                self.parameters[name.strip(" ")] = value.strip(" ") if equals else None

    def add_feedback(self, kind: str) -> None:
        """Add a kind of RTCP feedback if it is not there yet."""
        if kind not in self.feedback:
            self.feedback.append(kind)
