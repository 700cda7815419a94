"""Offer and answer: from transceivers to session descriptions and back.

Theory of operation (RFC 8829): one side makes an offer that lists a section for every
transceiver, plus one for the data channels; the other answers section by section. A section
never changes its place or its mid, and is never removed. Everything is bundled on one transport
(RFC 9143), so credentials, fingerprint and candidates are the same everywhere.

The negotiator holds the sections and the state of the exchange; the transport's parameters are
passed in for each description and read out of the peer's. It implements what RFC 8829 calls
``stable``, ``have-local-offer`` and ``have-remote-offer``. LiveKit gives each peer connection one
offerer for life, so offers never collide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from lktrio._protocol_errors import LocalProtocolError, RemoteProtocolError
from lktrio.rtc.capabilities import CodecCapability, MediaCapabilities, MediaKind
from lktrio.rtc.sdp import (
    Direction,
    Fingerprint,
    Group,
    HeaderExtension,
    MediaDescription,
    Origin,
    Rid,
    RtpCodec,
    SessionDescription,
    SetupRole,
    Simulcast,
    SsrcGroup,
)
from lktrio.rtc.transceiver import Transceiver, intersect, reverse, sends

__all__ = ["DEFAULT_SCTP_PORT", "Negotiator", "RemoteTransport", "TransportParameters"]

DEFAULT_SCTP_PORT = 5000  # RFC 8841
_DATA_FORMAT = "webrtc-datachannel"
_DATA_PROTOCOL = "UDP/DTLS/SCTP"


@dataclass(frozen=True, slots=True)
class TransportParameters:
    """Our side of the transport, as it goes into a description."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprint: Fingerprint
    setup: SetupRole
    candidates: tuple[str, ...] = ()
    end_of_candidates: bool = False
    ice_lite: bool = False
    max_message_size: int = 262_144


@dataclass(frozen=True, slots=True)
class RemoteTransport:
    """The peer's side of the transport, as read from its description."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprints: tuple[Fingerprint, ...]
    setup: SetupRole
    candidates: tuple[str, ...]
    end_of_candidates: bool
    ice_lite: bool
    data_channels: bool
    """Whether the peer described a section for data channels and did not reject it."""
    max_message_size: int
    """Bytes of one data channel message that it accepts; 65,536 if it did not say (RFC 8841)."""


@dataclass(slots=True)
class _Section:
    """A place in the descriptions: a transceiver, the data channels, or nothing we support."""

    mid: str
    kind: str
    transceiver: Transceiver | None = None

    @property
    def is_data(self) -> bool:
        return self.kind == "application"


class Negotiator:
    """The sections of one peer connection.

    Args:
        capabilities: What we can send and receive.
        session_id: A random number for the ``o=`` line.
    """

    def __init__(self, capabilities: MediaCapabilities, session_id: int) -> None:
        self.capabilities = capabilities
        self.transceivers: list[Transceiver] = []
        self.state: Literal["stable", "have-local-offer", "have-remote-offer"] = "stable"
        self.wants_data_channels = False
        """Whether our offers describe a section for data channels."""
        self.local: SessionDescription | None = None
        self.remote: SessionDescription | None = None
        self._sections: list[_Section] = []
        self._session_id = session_id
        self._version = 0

    def add_transceiver(
        self,
        kind: MediaKind,
        direction: Direction,
        codecs: tuple[CodecCapability, ...] | None = None,
    ) -> Transceiver:
        """Add a transceiver; it is described from the next offer on."""
        chosen = self.capabilities.codecs(kind) if codecs is None else codecs
        transceiver = Transceiver(kind, direction, chosen)
        self.transceivers.append(transceiver)
        return transceiver

    def remove_transceiver(self, transceiver: Transceiver) -> None:
        """Forget a transceiver that has no section yet.

        Raises:
            LocalProtocolError: It has one; sections keep their places.
        """
        if transceiver.mid is not None:
            raise LocalProtocolError("a transceiver that was described cannot be removed")
        self.transceivers.remove(transceiver)

    # Offers of ours

    def create_offer(self, transport: TransportParameters) -> SessionDescription:
        """Describe all sections and wait for the answer; an unanswered offer is replaced.

        Raises:
            LocalProtocolError: An offer of the peer waits for our answer.
        """
        self.check_can_offer()
        self._append_sections()
        offer = self._description(transport)
        for section in self._sections:
            offer.media.append(self._offer_section(section, transport))
        self._finish(offer, transport)
        self.local = offer
        self.state = "have-local-offer"
        return offer

    def check_can_offer(self) -> None:
        """Look for what ``create_offer`` would refuse.

        Raises:
            LocalProtocolError: An offer of the peer waits for our answer.
        """
        if self.state == "have-remote-offer":
            raise LocalProtocolError("cannot make an offer: one of the peer waits for its answer")

    def cancel_offer(self) -> None:
        """Withdraw an unanswered offer (a rollback); its sections keep their places."""
        if self.state == "have-local-offer":
            self.state = "stable"

    def _append_sections(self) -> None:
        placed = {id(section.transceiver) for section in self._sections}
        for transceiver in self.transceivers:
            if id(transceiver) not in placed:
                transceiver.mid = self._next_mid()
                self._sections.append(_Section(transceiver.mid, transceiver.kind, transceiver))
        if self.wants_data_channels and not any(section.is_data for section in self._sections):
            self._sections.append(_Section(self._next_mid(), "application"))

    def _next_mid(self) -> str:
        taken = {section.mid for section in self._sections}
        number = len(self._sections)
        while str(number) in taken:
            number += 1
        return str(number)

    def apply_answer(self, answer: SessionDescription) -> None:
        """Take over the peer's answer.

        Raises:
            RemoteProtocolError: It does not answer the sections that were offered.
            LocalProtocolError: No offer is under way.
        """
        if self.state != "have-local-offer" or self.local is None:
            raise LocalProtocolError("an answer came, but no offer of ours waits for one")
        for described in answer.media:
            described.bundle_only = False  # port 0 in an answer is a refusal (RFC 9143 section 7.3)
        self._check_same_sections(answer)
        for section, described in zip(self._sections, answer.media, strict=True):
            if section.transceiver is not None:
                self._apply_answer_section(section.transceiver, described)
        self.remote = answer
        self.state = "stable"

    def _check_same_sections(self, answer: SessionDescription) -> None:
        if len(answer.media) != len(self._sections):
            raise RemoteProtocolError(
                f"the answer has {len(answer.media)} sections, the offer {len(self._sections)}"
            )
        for section, described in zip(self._sections, answer.media, strict=True):
            same_mid = described.mid == section.mid or described.rejected
            if described.kind != section.kind or not same_mid:
                raise RemoteProtocolError(
                    f"the answer describes {described.kind} as {described.mid!r} "
                    f"where {section.kind} {section.mid!r} was offered"
                )

    def _apply_answer_section(self, transceiver: Transceiver, answer: MediaDescription) -> None:
        transceiver.remote = answer
        wanted = transceiver.direction
        allowed: Direction = "inactive" if answer.rejected else reverse(answer.direction)
        transceiver.current_direction = intersect(wanted, allowed)
        transceiver.codecs = transceiver.select_codecs(answer.codecs)
        offered = self._offered_extensions(transceiver)
        answered = {extension.id: extension.uri for extension in answer.extensions}
        transceiver.extension_ids = {
            uri: number for uri, number in offered.items() if answered.get(number) == uri
        }

    # Offers of the peer

    def apply_offer(self, offer: SessionDescription) -> list[Transceiver]:
        """Take over the peer's offer; transceivers are made for sections that are new.

        Returns:
            The new transceivers. They receive; give them a ``local_track`` and another direction
            before ``create_answer`` to send in them.

        Raises:
            RemoteProtocolError: Sections were removed, moved or changed their kind.
            LocalProtocolError: An exchange is already under way.
        """
        if self.state == "have-local-offer":
            raise LocalProtocolError("an offer came while one of ours waits for its answer")
        self._check_grown(offer)
        added = [self._place(described) for described in offer.media[len(self._sections) :]]
        for section, described in zip(self._sections, offer.media, strict=True):
            if section.transceiver is not None:
                self._apply_offer_section(section.transceiver, described)
        self.remote = offer
        self.state = "have-remote-offer"
        return [transceiver for transceiver in added if transceiver is not None]

    def _check_grown(self, offer: SessionDescription) -> None:
        if len(offer.media) < len(self._sections):
            raise RemoteProtocolError("the offer removes sections")
        for section, described in zip(self._sections, offer.media, strict=False):
            if described.kind != section.kind or described.mid != section.mid:
                raise RemoteProtocolError(
                    f"the offer changes section {section.mid!r} to {described.mid!r}"
                )
        mids = [described.mid for described in offer.media]
        if None in mids or len(set(mids)) != len(mids):
            raise RemoteProtocolError("the sections of an offer need different mids")

    def _place(self, described: MediaDescription) -> Transceiver | None:
        assert described.mid is not None  # checked before any section is placed
        section = _Section(described.mid, described.kind)
        self._sections.append(section)
        if described.kind not in ("audio", "video"):
            return None
        kind: MediaKind = "audio" if described.kind == "audio" else "video"
        transceiver = self.add_transceiver(kind, "recvonly")
        transceiver.mid = section.mid
        section.transceiver = transceiver
        return transceiver

    def _apply_offer_section(self, transceiver: Transceiver, offer: MediaDescription) -> None:
        transceiver.remote = offer
        transceiver.codecs = transceiver.select_codecs(offer.codecs)
        supported = self.capabilities.extensions(transceiver.kind)
        transceiver.extension_ids = {
            extension.uri: extension.id
            for extension in offer.extensions
            if extension.uri in supported
        }

    def create_answer(self, transport: TransportParameters) -> SessionDescription:
        """Answer the peer's offer; afterwards the exchange is complete.

        Raises:
            LocalProtocolError: There is no offer to answer.
        """
        if self.state != "have-remote-offer" or self.remote is None:
            raise LocalProtocolError("there is no offer to answer")
        answer = self._description(transport)
        for section, offered in zip(self._sections, self.remote.media, strict=True):
            answer.media.append(self._answer_section(section, offered, transport))
        self._finish(answer, transport)
        self.local = answer
        self.state = "stable"
        return answer

    def _answer_section(
        self, section: _Section, offered: MediaDescription, transport: TransportParameters
    ) -> MediaDescription:
        transceiver = section.transceiver
        if section.is_data and not offered.rejected:
            return _data_section(section.mid, transport)
        if transceiver is None or offered.rejected or not transceiver.codecs:
            if transceiver is not None:
                transceiver.current_direction = "inactive"
            return _rejected(offered)
        allowed = reverse(offered.direction)
        transceiver.current_direction = intersect(transceiver.direction, allowed)
        described = self._media_section(transceiver, transceiver.current_direction, transport)
        described.codecs = list(transceiver.codecs)
        described.extensions = _extension_lines(transceiver.extension_ids)
        rids = transceiver.remote_rids
        if rids and offered.simulcast is not None:
            described.rids = [Rid(rid, "recv") for rid in rids]
            described.simulcast = Simulcast(recv=tuple((rid,) for rid in rids))
        return described

    # Parts of descriptions

    def _description(self, transport: TransportParameters) -> SessionDescription:
        self._version += 1
        return SessionDescription(
            origin=Origin(self._session_id, self._version),
            ice_lite=transport.ice_lite,
            extmap_allow_mixed=True,
            attributes=[("msid-semantic", " WMS *")],
        )

    def _finish(self, description: SessionDescription, transport: TransportParameters) -> None:
        bundled = [m.mid for m in description.media if not m.rejected and m.mid is not None]
        description.groups = [Group("BUNDLE", tuple(bundled))]
        first = next((m for m in description.media if not m.rejected), None)
        if first is not None:
            first.candidates = list(transport.candidates)
            first.end_of_candidates = transport.end_of_candidates

    def _offer_section(self, section: _Section, transport: TransportParameters) -> MediaDescription:
        if section.is_data:
            return _data_section(section.mid, transport)
        transceiver = section.transceiver
        if transceiver is None or transceiver.stopped:
            return _stopped(section)
        described = self._media_section(transceiver, transceiver.direction, transport)
        described.codecs = self._offered_codecs(transceiver)
        described.extensions = _extension_lines(self._offered_extensions(transceiver))
        return described

    def _offered_codecs(self, transceiver: Transceiver) -> list[RtpCodec]:
        lists = [capability.offer() for capability in transceiver.capabilities]
        return [codec for group in lists for codec in group]

    def _offered_extensions(self, transceiver: Transceiver) -> dict[str, int]:
        ids = self.capabilities.extension_ids
        return {uri: ids[uri] for uri in self.capabilities.extensions(transceiver.kind)}

    def _media_section(
        self, transceiver: Transceiver, direction: Direction, transport: TransportParameters
    ) -> MediaDescription:
        described = MediaDescription(
            kind=transceiver.kind,
            mid=transceiver.mid,
            direction=direction,
            rtcp_mux=True,
            rtcp_rsize=True,
        )
        _add_transport(described, transport)
        if sends(direction) and transceiver.local_track is not None:
            _add_track(described, transceiver)
        return described


def read_transport(description: SessionDescription) -> RemoteTransport:
    """Read the peer's transport from its description.

    Raises:
        RemoteProtocolError: Credentials or fingerprint are missing or differ between sections,
            or every section is rejected.
    """
    used = [section for section in description.media if not section.rejected]
    if not used:
        raise RemoteProtocolError("every section of the description is rejected")
    # Bundled sections may leave the transport to one of them (RFC 9143 section 7.1.3).
    credentials = dict.fromkeys((s.ice_ufrag, s.ice_pwd) for s in used)
    credentials.pop((None, None), None)
    if len(credentials) > 1:
        raise RemoteProtocolError("sections with different ICE credentials cannot be bundled")
    ufrag, pwd = next(iter(credentials), (None, None))
    if ufrag is None or pwd is None:
        raise RemoteProtocolError("the description has no ICE credentials")
    fingerprints = tuple(dict.fromkeys(f for section in used for f in section.fingerprints))
    if not fingerprints:
        raise RemoteProtocolError("the description has no certificate fingerprint")
    data = next((section for section in used if section.kind == "application"), None)
    setups: list[SetupRole] = [section.setup for section in used if section.setup is not None]
    return RemoteTransport(
        ufrag=ufrag,
        pwd=pwd,
        fingerprints=fingerprints,
        setup=setups[0] if setups else "actpass",
        candidates=tuple(candidate for section in used for candidate in section.candidates),
        end_of_candidates=any(section.end_of_candidates for section in used),
        ice_lite=description.ice_lite,
        data_channels=data is not None,
        max_message_size=_message_limit(data),
    )


def _message_limit(data: MediaDescription | None) -> int:
    if data is None or data.max_message_size is None:
        return 65_536  # RFC 8841 section 6
    return data.max_message_size or 2**31  # 0 means any size


def _add_transport(described: MediaDescription, transport: TransportParameters) -> None:
    described.ice_ufrag = transport.ufrag
    described.ice_pwd = transport.pwd
    described.ice_options = ["trickle"]
    described.fingerprints = [transport.fingerprint]
    described.setup = transport.setup


def _add_track(described: MediaDescription, transceiver: Transceiver) -> None:
    track = transceiver.local_track
    assert track is not None  # the caller has looked
    attributes: dict[str, str | None] = {"cname": track.cname, "msid": str(track.msid)}
    described.msids = [track.msid]
    described.ssrcs[track.ssrc] = attributes
    if track.rtx_ssrc is not None:
        described.ssrcs[track.rtx_ssrc] = dict(attributes)
        described.ssrc_groups = [SsrcGroup("FID", (track.ssrc, track.rtx_ssrc))]


def _extension_lines(ids: dict[str, int]) -> list[HeaderExtension]:
    return [HeaderExtension(number, uri) for uri, number in ids.items()]


def _data_section(mid: str, transport: TransportParameters) -> MediaDescription:
    described = MediaDescription(
        kind="application",
        protocol=_DATA_PROTOCOL,
        formats=[_DATA_FORMAT],
        mid=mid,
        sctp_port=DEFAULT_SCTP_PORT,
        max_message_size=transport.max_message_size,
    )
    _add_transport(described, transport)
    return described


def _rejected(offered: MediaDescription) -> MediaDescription:
    return MediaDescription(
        kind=offered.kind,
        port=0,
        protocol=offered.protocol,
        formats=list(offered.formats),
        mid=offered.mid,
        direction="inactive",
        codecs=list(offered.codecs[:1]),
    )


def _stopped(section: _Section) -> MediaDescription:
    codecs: Sequence[CodecCapability] = (
        section.transceiver.capabilities if section.transceiver is not None else ()
    )
    return MediaDescription(
        kind=section.kind,
        port=0,
        mid=section.mid,
        direction="inactive",
        codecs=[codecs[0].offer()[0]] if codecs else [RtpCodec(0, "PCMU", 8000)],
    )
