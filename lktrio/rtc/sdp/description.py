"""What a session description says: the model that is read, written and negotiated.

A :class:`SessionDescription` has one :class:`MediaDescription` for each section; both share the
attributes that may stand at either place. What has no field of its own is kept as text
(``attributes``, ``other_lines``), so that nothing is lost between reading and writing. The values
of single attributes are those of :mod:`lktrio.rtc.sdp.attributes`, the text is read by
:mod:`lktrio.rtc.sdp.reader` and written by :mod:`lktrio.rtc.sdp.writer`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.sdp.attributes import (
    MAX_UINT64,
    Direction,
    Fingerprint,
    Group,
    HeaderExtension,
    Msid,
    Rid,
    RtpCodec,
    SetupRole,
    Simulcast,
    SsrcGroup,
    integer,
    words,
)

__all__ = ["NO_ADDRESS", "MediaDescription", "Origin", "SessionDescription", "SharedAttributes"]

NO_ADDRESS = "IN IP4 0.0.0.0"  # RFC 8829 section 5.2.1: what is not known yet


@dataclass(frozen=True, slots=True)
class Origin:
    """The ``o=`` line: who made the description, and its version."""

    session_id: int = 0
    """Constant for a peer connection, 64 bits at most."""
    session_version: int = 0
    """Grows with every new description of the session."""
    username: str = "-"
    address: str = NO_ADDRESS
    """Network type, address type and address; of no use in WebRTC."""

    @classmethod
    def parse(cls, value: str) -> Origin:
        """Read the text behind ``o=``."""
        found = words(value)
        if len(found) != 6:
            raise RemoteProtocolError("an origin has six words")
        identifier, version = (integer(word, MAX_UINT64) for word in found[1:3])
        return cls(identifier, version, found[0], " ".join(found[3:]))

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.session_version} {self.address}"


@dataclass(slots=True, kw_only=True)
class SharedAttributes:
    """Attributes that may stand in the session part or in a section."""

    connection: str | None = None
    """The ``c=`` line; written as ``IN IP4 0.0.0.0`` in a section where it is None."""
    ice_ufrag: str | None = None
    ice_pwd: str | None = field(default=None, repr=False)
    ice_options: list[str] = field(default_factory=list[str])
    """Such as ``trickle``; unknown ones are kept."""
    fingerprints: list[Fingerprint] = field(default_factory=list[Fingerprint])
    setup: SetupRole | None = None
    extensions: list[HeaderExtension] = field(default_factory=list[HeaderExtension])
    extmap_allow_mixed: bool = False
    """One-byte and two-byte header extensions may be mixed (RFC 8285 section 6)."""
    attributes: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, str | None]])
    """Attributes without a field of their own, in order."""
    other_lines: list[str] = field(default_factory=list[str])
    """Whole lines that are neither attributes nor have a field, such as ``b=AS:512``."""

    def extension_id(self, uri: str) -> int | None:
        """The number of a header extension, or None when it is not negotiated."""
        return next((extension.id for extension in self.extensions if extension.uri == uri), None)


@dataclass(slots=True, kw_only=True)
class MediaDescription(SharedAttributes):
    """One section (``m=``): media of one kind, or the data channels."""

    kind: str
    """``audio``, ``video`` or ``application``."""
    port: int = 9
    """0: the section is rejected or stopped, unless it is ``bundle_only``. 9: real addresses come
    with ICE."""
    protocol: str = "UDP/TLS/RTP/SAVPF"
    formats: list[str] = field(default_factory=list[str])
    """The formats of a section that is not RTP: ``["webrtc-datachannel"]``."""
    mid: str | None = None
    """The name of the section in BUNDLE groups, candidates and RTP."""
    direction: Direction = "sendrecv"
    """Of no meaning for data channels."""
    msids: list[Msid] = field(default_factory=list[Msid])
    codecs: list[RtpCodec] = field(default_factory=list[RtpCodec])
    """The payload types of an RTP section, the preferred one first."""
    ssrcs: dict[int, dict[str, str | None]] = field(
        default_factory=dict[int, dict[str, "str | None"]]
    )
    """Attributes (``cname``, ``msid``, ...) by SSRC."""
    ssrc_groups: list[SsrcGroup] = field(default_factory=list[SsrcGroup])
    rids: list[Rid] = field(default_factory=list[Rid])
    simulcast: Simulcast | None = None
    candidates: list[str] = field(default_factory=list[str])
    """``candidate:…`` lines without the ``a=``."""
    end_of_candidates: bool = False
    rtcp: str | None = None
    """The ``a=rtcp`` line, of no use with rtcp-mux."""
    rtcp_mux: bool = False
    rtcp_rsize: bool = False
    bundle_only: bool = False
    """Offered with port 0, to be used only within its BUNDLE group (RFC 9143 section 6). Of no
    meaning in answers."""
    sctp_port: int | None = None
    max_message_size: int | None = None
    """Bytes that the author accepts in one data channel message; 0: any size."""

    @property
    def is_rtp(self) -> bool:
        """Whether the section carries RTP, so that its formats are payload types."""
        return "RTP/" in self.protocol

    @property
    def rejected(self) -> bool:
        """Whether the section is out of use. ``inactive`` is another thing: it may come back."""
        return self.port == 0 and not self.bundle_only

    @property
    def msid(self) -> Msid | None:
        """The first msid, or None."""
        return self.msids[0] if self.msids else None

    @property
    def track_id(self) -> str | None:
        """The track that the section carries, or None.

        The second word of the msid, else its only word; where there is no msid line, the msid of
        the first SSRC that has one (plan-B style, still written next to it by many peers).
        """
        msid = self.msid or next(self._ssrc_msids(), None)
        return (msid.track_id or msid.stream_id) if msid else None

    def _ssrc_msids(self) -> Iterator[Msid]:
        for attributes in self.ssrcs.values():
            if words(value := attributes.get("msid") or ""):
                yield Msid.parse(value)

    def codec(self, payload_type: int) -> RtpCodec | None:
        """The codec of a payload type, or None."""
        return next((codec for codec in self.codecs if codec.payload_type == payload_type), None)


@dataclass(slots=True, kw_only=True)
class SessionDescription(SharedAttributes):
    """A whole description, such as an offer or an answer."""

    origin: Origin = field(default_factory=Origin)
    name: str = "-"
    timing: str = "0 0"
    groups: list[Group] = field(default_factory=list[Group])
    ice_lite: bool = False
    direction: Direction | None = None
    """The direction of sections that have none; None: ``sendrecv``."""
    media: list[MediaDescription] = field(default_factory=list[MediaDescription])
    """The sections, in order. A section never changes its place."""

    @property
    def bundle(self) -> tuple[str, ...]:
        """The mids of the first BUNDLE group (RFC 9143), empty when there is none."""
        return next((group.mids for group in self.groups if group.semantics == "BUNDLE"), ())
