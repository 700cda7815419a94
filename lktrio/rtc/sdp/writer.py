"""Writing session descriptions: the lines of each part, in one canonical order.

Theory of operation: the mirror image of :mod:`lktrio.rtc.sdp.reader`; reading what was written
gives an equal description. The order is that of RFC 8866 section 5 for the letters and, for
attributes, close to what browsers and LiveKit's server write. Readers must not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.sdp.attributes import RtpCodec
from lktrio.rtc.sdp.description import (
    NO_ADDRESS,
    MediaDescription,
    SessionDescription,
    SharedAttributes,
)

__all__ = ["MEDIA_ORDER", "SESSION_ORDER", "rank", "write_description"]

SESSION_ORDER = "vosiuepcbtrzka"  # RFC 8866 section 5
MEDIA_ORDER = "micbka"


def write_description(session: SessionDescription) -> str:
    """The text of a description, lines ended by CRLF.

    Raises:
        LocalProtocolError: A section has no codec or format, or a text contains a line end; the
            message says which.
    """
    parts = [_session_lines(session), *(_section_lines(media) for media in session.media)]
    return "".join(map(_join, parts))


def rank(order: str, line: str) -> int:
    """Where a line stands by its letter; unknown letters come last."""
    return order.find(line[0]) % (len(order) + 1)


def _join(lines: Iterable[str]) -> str:
    every = list(lines)
    text = "\r\n".join([*every, ""])
    if not text.count("\r") == text.count("\n") == len(every):
        broken = next(line for line in every if "\r" in line or "\n" in line)
        raise LocalProtocolError(f"a text of a description contains a line end: {broken[:40]!r}")
    return text


def _session_lines(session: SessionDescription) -> Iterator[str]:
    timing = SESSION_ORDER.index("t")
    yield from ("v=0", f"o={session.origin}", f"s={session.name}")
    yield from (line for line in session.other_lines if rank(SESSION_ORDER, line) < timing)
    if session.connection is not None:
        yield f"c={session.connection}"
    yield f"t={session.timing}"
    yield from (line for line in session.other_lines if rank(SESSION_ORDER, line) >= timing)
    yield from (f"a=group:{group}" for group in session.groups)
    if session.ice_lite:
        yield "a=ice-lite"
    yield from _shared_lines(session)
    if session.direction:
        yield f"a={session.direction}"
    yield from _attribute_lines(session)


def _section_lines(media: MediaDescription) -> Iterator[str]:
    connection = MEDIA_ORDER.index("c")
    yield f"m={media.kind} {media.port} {media.protocol} {' '.join(_formats(media))}"
    yield from (line for line in media.other_lines if rank(MEDIA_ORDER, line) < connection)
    yield f"c={media.connection or NO_ADDRESS}"
    yield from (line for line in media.other_lines if rank(MEDIA_ORDER, line) > connection)
    if media.rtcp is not None:
        yield f"a=rtcp:{media.rtcp}"
    yield from (f"a={candidate}" for candidate in media.candidates)
    if media.end_of_candidates:
        yield "a=end-of-candidates"
    if media.mid is not None:
        yield f"a=mid:{media.mid}"
    yield from _shared_lines(media)
    yield f"a={media.direction}"
    yield from _transport_lines(media)
    for codec in media.codecs:
        yield from _codec_lines(codec)
    yield from _source_lines(media)
    yield from _attribute_lines(media)


def _formats(media: MediaDescription) -> list[str]:
    formats = [str(codec.payload_type) for codec in media.codecs] if media.is_rtp else media.formats
    if not formats and media.port:
        raise LocalProtocolError(f"the {media.kind} section {media.mid!r} has no codec or format")
    return formats or ["0"]


def _shared_lines(part: SharedAttributes) -> Iterator[str]:
    if part.ice_ufrag is not None:
        yield f"a=ice-ufrag:{part.ice_ufrag}"
    if part.ice_pwd is not None:
        yield f"a=ice-pwd:{part.ice_pwd}"
    if part.ice_options:
        yield f"a=ice-options:{' '.join(part.ice_options)}"
    yield from (f"a=fingerprint:{fingerprint}" for fingerprint in part.fingerprints)
    if part.setup:
        yield f"a=setup:{part.setup}"
    if part.extmap_allow_mixed:
        yield "a=extmap-allow-mixed"
    yield from (f"a=extmap:{extension}" for extension in part.extensions)


def _transport_lines(media: MediaDescription) -> Iterator[str]:
    if media.sctp_port is not None:
        yield f"a=sctp-port:{media.sctp_port}"
    if media.max_message_size is not None:
        yield f"a=max-message-size:{media.max_message_size}"
    if media.bundle_only:
        yield "a=bundle-only"
    if media.rtcp_mux:
        yield "a=rtcp-mux"
    if media.rtcp_rsize:
        yield "a=rtcp-rsize"


def _codec_lines(codec: RtpCodec) -> Iterator[str]:
    if codec.name:
        yield f"a=rtpmap:{codec.payload_type} {codec.rtpmap}"
    if codec.parameters:
        yield f"a=fmtp:{codec.payload_type} {codec.fmtp}"
    yield from (f"a=rtcp-fb:{codec.payload_type} {kind}" for kind in codec.feedback)


def _source_lines(media: MediaDescription) -> Iterator[str]:
    yield from (f"a=msid:{msid}" for msid in media.msids)
    yield from (f"a=ssrc-group:{group}" for group in media.ssrc_groups)
    for ssrc, attributes in media.ssrcs.items():
        if not attributes:
            yield f"a=ssrc:{ssrc}"
        for name, value in attributes.items():
            yield f"a=ssrc:{ssrc} {name}" + ("" if value is None else f":{value}")
    yield from (f"a=rid:{rid}" for rid in media.rids)
    if media.simulcast:
        yield f"a=simulcast:{media.simulcast}"


def _attribute_lines(part: SharedAttributes) -> Iterator[str]:
    for name, value in part.attributes:
        yield f"a={name}" if value is None else f"a={name}:{value}"
