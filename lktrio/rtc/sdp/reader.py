"""Reading session descriptions: every line goes into a field of the model, or is kept as text.

Theory of operation: a description is a list of lines ``letter=value``; lines up to the first ``m=``
are about the session, the rest about one section each. :func:`read_description` sorts every line
into a field of :class:`SessionDescription` or :class:`MediaDescription`; what has no field of its
own is kept as text, so nothing is lost. An attribute of the session that sections inherit
(credentials, fingerprints, setup, direction, header extensions, connection) is copied into the
sections that do not have their own: readers look only at the section. Writers may set it at either
place.

A known attribute with a malformed value makes the whole description malformed; the message of the
error names the line by its number and attribute, never its value (it may be a password).

A section with port 0 is out of use, unless it says ``a=bundle-only`` and is in a BUNDLE group.

Implements: RFC 8866 (SDP), RFC 9143 (BUNDLE), RFC 8829 section 5 (JSEP's use of it), RFC 8839 (ICE
attributes; the candidates stay text here, see :mod:`lktrio.rtc.ice.candidate`), RFC 8841 (data
channels), RFC 8842 and RFC 8122 (DTLS), RFC 5761 (rtcp-mux), RFC 5506 (rtcp-rsize), RFC 5576
(ssrc), and the attributes of :mod:`lktrio.rtc.sdp.attributes`.
"""

from __future__ import annotations

from collections.abc import Callable

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import MAX_PORT
from lktrio.rtc.sdp.attributes import (
    DIRECTIONS,
    MAX_PAYLOAD_TYPE,
    MAX_UINT32,
    MAX_UINT64,
    SETUP_ROLES,
    STATIC_PAYLOAD_TYPES,
    Fingerprint,
    Group,
    HeaderExtension,
    Msid,
    Rid,
    RtpCodec,
    Simulcast,
    SsrcGroup,
    integer,
    one_word,
    words,
)
from lktrio.rtc.sdp.description import (
    NO_ADDRESS,
    MediaDescription,
    Origin,
    SessionDescription,
    SharedAttributes,
)
from lktrio.rtc.sdp.writer import MEDIA_ORDER, SESSION_ORDER, rank

__all__ = ["MAX_LINES", "MAX_SECTIONS", "MAX_SIZE", "read_description"]

MAX_SIZE = 1024 * 1024
"""Characters of a description that are accepted; a section has one to three thousand."""
MAX_SECTIONS = 512
"""Sections of a description that are accepted: two for each participant of a large room."""
MAX_LINES = 1024
"""Lines of one section, and of the session part, that are accepted; browsers write up to 300."""
_MAX_SIMULCAST = 8  # lines of a section; LiveKit's server writes one per direction
_MAX_WILDCARDS = 16  # rtcp-fb lines for all payload types of a section


def read_description(text: str) -> SessionDescription:
    """Read a description; lines may end in CRLF or LF.

    Args:
        text: At most ``MAX_SIZE`` characters, ``MAX_SECTIONS`` sections and ``MAX_LINES`` lines
            in each.

    Raises:
        RemoteProtocolError: The text is not a session description, or exceeds a limit.
    """
    return _Reader(text).run()


class _Reader:
    """Reads one description, line by line."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_SIZE:
            raise RemoteProtocolError(f"a description is longer than {MAX_SIZE} characters")
        self.lines = text.replace("\r\n", "\n").split("\n")
        self.session = SessionDescription()
        self.section: _Section | None = None
        self.seen: set[str] = set()
        self.count = 1

    def run(self) -> SessionDescription:
        if self.lines[0] != "v=0":
            raise RemoteProtocolError("a description starts with v=0")
        for number, line in enumerate(self.lines[1:], 2):
            if line:
                try:
                    self.read_line(line)
                except RemoteProtocolError as error:
                    raise _located(number, line, error) from error
        if not {"o", "s"} <= self.seen:
            raise RemoteProtocolError("a description has an o= and an s= line")
        self.end_part()
        bundled = set(self.session.bundle)
        for media in self.session.media:
            media.bundle_only = media.bundle_only and media.port == 0 and media.mid in bundled
        return self.session

    def read_line(self, line: str) -> None:
        letter, value = line[0], line[2:]
        if line[1:2] != "=" or "\r" in line or "\0" in line:
            raise RemoteProtocolError("it is not letter=value")
        self.count += 1
        if letter == "m":
            self.start_section(value)
        elif self.count > MAX_LINES:
            raise RemoteProtocolError(f"a part has more than {MAX_LINES} lines")
        elif letter == "a":
            self.read_attribute(value)
        elif letter == "c":
            (self.section.media if self.section else self.session).connection = value
        elif self.section:
            self.section.media.other_lines.append(line)
        else:
            self.read_session_line(letter, value, line)

    def read_session_line(self, letter: str, value: str, line: str) -> None:
        again = letter in self.seen
        self.seen.add(letter)
        if letter in "vos" and (again or letter == "v"):
            raise RemoteProtocolError("the line stands twice")
        if letter == "o":
            self.session.origin = Origin.parse(value)
        elif letter == "s":
            self.session.name = value
        elif letter == "t" and not again:
            self.session.timing = value
        else:
            self.session.other_lines.append(line)

    def read_attribute(self, attribute: str) -> None:
        name, _, text = attribute.partition(":")
        section = self.section
        if section and (read_line := _SECTION_READERS.get(name)):  # most lines are about codecs
            if not read_line(section, text):
                section.media.attributes.append(_split_attribute(attribute))
        elif section and (read_media := _MEDIA_READERS.get(name)):
            read_media(section.media, text)
        elif not section and (read_session := _SESSION_READERS.get(name)):
            read_session(self.session, text)
        else:
            self.read_shared(name, text, attribute)

    def read_shared(self, name: str, text: str, attribute: str) -> None:
        part = self.section.media if self.section else self.session
        if read := _SHARED_READERS.get(name):
            read(part, text)
        elif name in DIRECTIONS:
            part.direction = DIRECTIONS[name]
        else:
            part.attributes.append(_split_attribute(attribute))

    def start_section(self, value: str) -> None:
        self.end_part()
        if len(self.session.media) == MAX_SECTIONS:
            raise RemoteProtocolError(f"a description has more than {MAX_SECTIONS} sections")
        self.section = _Section(value)
        self.section.media.direction = self.session.direction or "sendrecv"
        self.session.media.append(self.section.media)
        self.count = 1

    def end_part(self) -> None:
        if self.section is None:
            self.session.other_lines.sort(key=lambda line: rank(SESSION_ORDER, line))
            return
        self.section.finish()
        _inherit(self.session, self.section.media)


class _Section:
    """A section being read: the media plus what is looked up or kept until its end."""

    def __init__(self, value: str) -> None:
        found = words(value)
        if len(found) < 4:
            raise RemoteProtocolError("a section has a kind, a port, a protocol and formats")
        port = integer(found[1].partition("/")[0], MAX_PORT)
        self.media = MediaDescription(kind=found[0], port=port, protocol=found[2])
        self.codecs: dict[int, RtpCodec] = {}
        self.named: dict[str, RtpCodec] = {}
        self.wildcards: dict[str, None] = {}
        self.simulcast_lines = 0
        if self.media.is_rtp:
            numbers = dict.fromkeys(integer(word, MAX_PAYLOAD_TYPE) for word in found[3:])
            self.codecs = {number: RtpCodec(number) for number in numbers}
            self.named = {str(number): codec for number, codec in self.codecs.items()}
        else:
            self.media.formats = found[3:]

    def find(self, number: str) -> RtpCodec | None:
        """Look a payload type up among those of the section."""
        codec = self.named.get(number)
        if codec is None and self.media.is_rtp:
            codec = self.codecs.get(integer(number, MAX_PAYLOAD_TYPE))
        return codec

    def finish(self) -> None:
        """Complete the codecs, once all lines of the section are read."""
        for number, codec in self.codecs.items():
            if not codec.name and self.media.kind == "audio" and number in STATIC_PAYLOAD_TYPES:
                codec.name, codec.clock_rate = STATIC_PAYLOAD_TYPES[number]
            for kind in self.wildcards:
                codec.add_feedback(kind)
        self.media.codecs = list(self.codecs.values())
        # LiveKit's server repeats rids in a section that it re-used.
        self.media.rids = list(dict.fromkeys(self.media.rids))
        self.media.other_lines.sort(key=lambda line: rank(MEDIA_ORDER, line))


def _located(number: int, line: str, error: RemoteProtocolError) -> RemoteProtocolError:
    """The error of a line, with the place but never the value: it may be a password."""
    what = line[2:].partition(":")[0][:40] if line[0] == "a" else line[0]
    return RemoteProtocolError(f"line {number} of a description ({what!r}): {error}")


def _split_attribute(text: str) -> tuple[str, str | None]:
    name, colon, value = text.partition(":")
    return name, value if colon else None


def _inherit(session: SessionDescription, media: MediaDescription) -> None:
    """Give a section what only the session says."""
    media.connection = media.connection or session.connection or NO_ADDRESS
    if media.ice_ufrag is None and media.ice_pwd is None:
        media.ice_ufrag, media.ice_pwd = session.ice_ufrag, session.ice_pwd
    media.ice_options = media.ice_options or list(session.ice_options)
    media.fingerprints = media.fingerprints or list(session.fingerprints)
    media.setup = media.setup or session.setup
    media.extmap_allow_mixed = media.extmap_allow_mixed or session.extmap_allow_mixed
    own = {extension.id for extension in media.extensions}
    media.extensions += [extension for extension in session.extensions if extension.id not in own]


def _read_setup(part: SharedAttributes, value: str) -> None:
    role = SETUP_ROLES.get(one_word(value))
    if role is None:
        raise RemoteProtocolError("unknown DTLS role")
    part.setup = role


def _read_ssrc(media: MediaDescription, value: str) -> None:
    number, _, attribute = value.strip(" ").partition(" ")
    attributes = media.ssrcs.setdefault(integer(number, MAX_UINT32), {})
    if attribute:
        name, text = _split_attribute(attribute)
        attributes[name] = text


def _read_simulcast(section: _Section, value: str) -> bool:
    """Add to what another line said."""
    section.simulcast_lines += 1
    if section.simulcast_lines > _MAX_SIMULCAST:
        raise RemoteProtocolError(f"a section has more than {_MAX_SIMULCAST} simulcast lines")
    section.media.simulcast = (section.media.simulcast or Simulcast()) | Simulcast.parse(value)
    return True


def _read_rtpmap(section: _Section, value: str) -> bool:
    number, _, rest = value.strip(" ").partition(" ")
    codec = section.find(number)
    if codec:
        codec.read_rtpmap(rest)
    return codec is not None


def _read_fmtp(section: _Section, value: str) -> bool:
    number, _, rest = value.strip(" ").partition(" ")
    codec = section.find(number)
    if codec:
        codec.read_fmtp(rest)
    return codec is not None


def _read_feedback(section: _Section, value: str) -> bool:
    number, _, rest = value.strip(" ").partition(" ")
    kind = " ".join(words(rest))
    if number == "*":
        section.wildcards[kind] = None
        if len(section.wildcards) > _MAX_WILDCARDS:
            raise RemoteProtocolError("too many kinds of feedback for all payload types")
        return True
    codec = section.find(number)
    if codec:
        codec.add_feedback(kind)
    return codec is not None


def _reader(
    name: str, parse: Callable[[str], object] = one_word
) -> Callable[[SharedAttributes, str], None]:
    """Make a reader that sets one field."""

    def read(part: SharedAttributes, value: str) -> None:
        setattr(part, name, parse(value))

    return read


def _adder(name: str, parse: Callable[[str], object]) -> Callable[[SharedAttributes, str], None]:
    """Make a reader that appends to one list."""

    def read(part: SharedAttributes, value: str) -> None:
        getattr(part, name).append(parse(value))

    return read


def _flag(_: str) -> bool:
    return True


def _port(value: str) -> int:
    return integer(one_word(value), MAX_PORT)


def _size(value: str) -> int:
    return integer(one_word(value), MAX_UINT64)


_SHARED_READERS: dict[str, Callable[[SharedAttributes, str], None]] = {
    "ice-ufrag": _reader("ice_ufrag"),
    "ice-pwd": _reader("ice_pwd"),
    "ice-options": _reader("ice_options", words),
    "fingerprint": _adder("fingerprints", Fingerprint.parse),
    "setup": _read_setup,
    "extmap": _adder("extensions", HeaderExtension.parse),
    "extmap-allow-mixed": _reader("extmap_allow_mixed", _flag),
}
_SESSION_READERS: dict[str, Callable[[SessionDescription, str], None]] = {
    "group": _adder("groups", Group.parse),
    "ice-lite": _reader("ice_lite", _flag),
}
_MEDIA_READERS: dict[str, Callable[[MediaDescription, str], None]] = {
    "mid": _reader("mid"),
    "msid": _adder("msids", Msid.parse),
    "ssrc": _read_ssrc,
    "ssrc-group": _adder("ssrc_groups", SsrcGroup.parse),
    "rid": _adder("rids", Rid.parse),
    "candidate": _adder("candidates", "candidate:{}".format),
    "end-of-candidates": _reader("end_of_candidates", _flag),
    "rtcp": _reader("rtcp", str),
    "bundle-only": _reader("bundle_only", _flag),
    "rtcp-mux": _reader("rtcp_mux", _flag),
    "rtcp-rsize": _reader("rtcp_rsize", _flag),
    "sctp-port": _reader("sctp_port", _port),
    "max-message-size": _reader("max_message_size", _size),
}
_SECTION_READERS: dict[str, Callable[[_Section, str], bool]] = {
    "rtpmap": _read_rtpmap,
    "fmtp": _read_fmtp,
    "rtcp-fb": _read_feedback,
    "simulcast": _read_simulcast,
}
"""These return False for a payload type that the section does not list."""
