"""Opus in Ogg files (RFC 7845).

Theory of operation: a logical stream begins with two packets on pages of their own, *OpusHead*
and *OpusTags*; every packet after them is an Opus packet. Time is the granule position: samples
at 48 kHz up to the end of the last packet that ends on a page, so packets in between are placed
by the durations that they state themselves. The first ``pre_skip`` samples are not to be heard,
and the granule position of the last page may cut samples off the end.

Reading, streams of other codecs beside the first Opus stream are passed over, and a stream that
follows the first (a *chain*) goes on where that ended, whether or not its last page is there. What
is no page, or a damaged one, is passed over up to the next page, as players do; so are packets of
which a part is lost. The granule position tells how long the hole is. Writing, one page holds about
a second. The granule position may only count samples of packets that are there (RFC 7845 §4.1),
so gaps in time, as DTX and loss leave them, are filled with packets of empty frames, which ask
the decoder to conceal them; the sound that follows stays in its place.
"""

from __future__ import annotations

import os
import struct

from lktrio._version import __version__
from lktrio.errors import ContainerError, LocalProtocolError, RemoteProtocolError
from lktrio.media.codec import OPUS
from lktrio.media.container import MAX_FRAME_SIZE, Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame
from lktrio.media.ogg import (
    CAPTURE_PATTERN,
    MAX_SEGMENTS,
    OggPage,
    build_page,
    read_page,
    segments,
)
from lktrio.rtc.payload.opus import CLOCK_RATE, MAX_PACKET_SAMPLES, frame_samples, packet_samples

__all__ = ["DEFAULT_PRE_SKIP", "OggOpusDemuxer", "OggOpusMuxer"]

DEFAULT_PRE_SKIP = 312
"""Samples at 48 kHz by which libopus delays sound when it encodes for communication."""

MAX_GAP = 24 * 3600.0
"""Longest pause between two frames that is filled, in seconds."""

_HEAD_MAGIC = b"OpusHead"
_TAGS_MAGIC = b"OpusTags"
_HEAD = struct.Struct("<8sBBHIhB")  # magic version channels pre-skip rate gain mapping family
_TEXT_LENGTH = struct.Struct("<I")
_STREAM_COUNTS = 2  # bytes behind the head of mapping family 1: streams, coupled streams
_INCOMPATIBLE_VERSION = 0xF0  # bits of the version that change the format (RFC 7845 §5.1)
_UNKNOWN_GRANULE = -1
_HEADERS = 2  # packets before the first one of sound
_SEQUENCES = 0xFFFFFFFF  # numbers of pages are taken modulo one more
_MAX_OTHERS = 64  # streams beside the one that is read whose content is remembered
_PAGE_SAMPLES = CLOCK_RATE  # pages of about one second
_MAX_PACKET = 61_440  # more than 48 frames of 1275 bytes with their lengths (RFC 6716 §3.4)
_CODE_3 = 0x03  # in the TOC: the next byte counts the frames, here all of them empty

_OTHER_CODECS = {
    b"\x01vorbis": "Vorbis",
    b"\x7fFLAC": "FLAC",
    b"Speex  ": "Speex",
    b"\x80theora": "Theora",
    b"OVP80": "VP8",
}


class OggOpusDemuxer(Demuxer):
    """Reads an Ogg file with Opus; timestamps count from the first packet of the file."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._others: dict[int, str] = {}  # streams that are not read, and what they hold
        self._serial: int | None = None  # of the current Opus stream, None between streams
        self._sequence = 0
        self._headers = 0  # header packets read: 0 to 2
        self._found_info = MediaInfo(OPUS)  # from OpusHead, until OpusTags confirm it
        self._partial: bytearray | None = None  # a packet that goes on in the next page
        self._broken = False  # whether something is missing in the current page or before it
        self._position: int | None = None  # granule position reached in the current stream
        self._reached = 0  # samples from the first packet of the file to there

    def feed(self, data: bytes) -> None:
        """See `Demuxer.feed`."""
        self._buffer += data
        self._take_pages(0)

    def _take_pages(self, position: int) -> None:
        """Take the pages from a position of the buffer on, and pass over what is none."""
        try:
            while position < len(self._buffer):
                try:
                    page = read_page(self._buffer, position)
                except ValueError:
                    position = self._pass_over(position)
                    continue
                if page is None:
                    return
                self._take_page(page, position)
                position += page.size
        finally:
            self._consume(position)

    def _pass_over(self, position: int) -> int:
        """Leave what is at a position; returns where a page may begin behind it."""
        found = self._buffer.find(CAPTURE_PATTERN, position + 1)
        if found < 0:  # the pattern may have begun
            found = max(position + 1, len(self._buffer) - len(CAPTURE_PATTERN) + 1)
        self.skipped += found - position
        return found

    def _take_page(self, page: OggPage, where: int) -> None:
        if page.first and self._may_begin(page):
            self._begin_stream(page)
        elif page.serial != self._serial:
            self._leave_page(page, where)
            return
        elif page.sequence != self._sequence:
            if self._is_repeated(page):
                self.skipped += page.size
                return
            self._broken, self._partial = True, None
        if page.serial == self._serial:
            self._sequence = (page.sequence + 1) & _SEQUENCES
            self._take_packets(page, where)
            self.holes += self._broken
            self._broken = False

    def _may_begin(self, page: OggPage) -> bool:
        """Whether a first page is that of the next stream, not of one beside the current one."""
        if self._serial is None:
            return True
        return self._headers == _HEADERS and _is_head(page)

    def _begin_stream(self, page: OggPage) -> None:
        if not _is_head(page):
            self._note_other(page)
            return
        self._serial, self._sequence = page.serial, page.sequence
        self._headers, self._partial, self._position = 0, None, None

    def _note_other(self, page: OggPage) -> None:
        head = page.packets[0] if page.packets else b""
        name = next((name for magic, name in _OTHER_CODECS.items() if head.startswith(magic)), "")
        if len(self._others) < _MAX_OTHERS:
            self._others[page.serial] = name or "an unknown codec"

    def _leave_page(self, page: OggPage, where: int) -> None:
        """Pass over a page of another stream."""
        if page.first:
            self._note_other(page)
        elif self.info is None and self._serial is None:
            found = " and ".join(self._others.values()) or "no beginning"
            raise self._error(f"an Ogg file with {found}; only Opus can be read", where)
        elif page.serial not in self._others:
            self.skipped += page.size

    def _is_repeated(self, page: OggPage) -> bool:
        """Whether a page out of order was there before."""
        behind = (self._sequence - page.sequence) & _SEQUENCES <= _SEQUENCES // 2
        return behind and page.granule <= (self._position or 0)

    def _take_packets(self, page: OggPage, where: int) -> None:
        packets = self._whole_packets(page)
        try:
            while packets and self._headers < _HEADERS:
                self._take_header(packets, where)
        except ContainerError:
            if self.info is None:
                raise
            self._serial, self._broken = None, True  # a later stream that cannot be read
            return
        if packets:
            self._take_audio(packets, page)
        if page.last:
            self._broken |= self._partial is not None
            self._serial = self._partial = None

    def _whole_packets(self, page: OggPage) -> list[bytes]:
        """The packets that end on a page, without what is left of one whose beginning is lost."""
        packets = list(page.packets)
        if not packets:
            return packets
        if page.continued and self._partial is None:
            self._broken = True
            self.skipped += len(packets.pop(0))
        elif self._partial is not None and page.continued:
            self._partial += packets.pop(0)
            if packets or not page.unfinished:
                packets.insert(0, bytes(self._partial))
                self._partial = None
        else:
            self._broken |= self._partial is not None
            self._partial = None
        if page.unfinished and packets:
            self._partial = bytearray(packets.pop())
        self._limit_partial()
        return packets

    def _limit_partial(self) -> None:
        if self._partial is not None and len(self._partial) > MAX_FRAME_SIZE:
            self.skipped += len(self._partial)
            self._partial, self._broken = None, True

    def _take_header(self, packets: list[bytes], where: int) -> None:
        if self._headers == 0:
            self._read_head(packets.pop(0), where)
        elif packets[0].startswith(_TAGS_MAGIC):
            packets.pop(0)
            self.info = self.info or self._found_info
        elif self._broken:  # they are lost, and of no use here
            self.info = self.info or self._found_info
        else:
            raise self._error("no OpusTags behind OpusHead", where)
        self._headers += 1

    def _read_head(self, packet: bytes, where: int) -> None:
        if len(packet) < _HEAD.size:
            raise self._error("a cut off OpusHead", where)
        _, version, channels, pre_skip, _, _, family = _HEAD.unpack_from(packet)
        if version & _INCOMPATIBLE_VERSION:
            raise self._error(f"OpusHead of version {version}", where)
        streams = packet[_HEAD.size : _HEAD.size + _STREAM_COUNTS][:1]
        if not 1 <= channels <= 2 or (family != 0 and streams != b"\x01"):
            raise self._error(
                f"Opus with {channels} channels (mapping family {family}); a track has one or two",
                where,
            )
        self._found_info = MediaInfo(OPUS, channels=channels, pre_skip=pre_skip)

    def _take_audio(self, packets: list[bytes], page: OggPage) -> None:
        timed = self._timed(packets)
        total = sum(duration for _, duration in timed)
        begin = self._place_page(page, total)
        end = page.granule if page.last and page.granule >= 0 else begin + total
        for packet, duration in timed:
            heard = min(duration, end - begin)
            begin += duration
            if heard > 0:
                timestamp, self._reached = self._reached, self._reached + heard
                self.frames.append(
                    EncodedFrame(packet, timestamp / CLOCK_RATE, heard / CLOCK_RATE, keyframe=True)
                )
        self._position = begin

    def _timed(self, packets: list[bytes]) -> list[tuple[bytes, int]]:
        """The packets that are of Opus, each with its samples."""
        timed: list[tuple[bytes, int]] = []
        for packet in packets:
            try:
                timed.append((packet, packet_samples(packet)))
            except RemoteProtocolError:
                self.skipped += len(packet)
                self._broken = True
        return timed

    def _place_page(self, page: OggPage, total: int) -> int:
        """Granule position at which the first packet of a page begins."""
        begin = page.granule - total
        if page.granule == _UNKNOWN_GRANULE:  # although packets end there
            self._broken = True
            return self._position or 0
        if self._position is None:  # only the last page may lack samples, at its end
            return max(begin, 0) if page.last else begin
        if begin - self._position > MAX_GAP * CLOCK_RATE:
            self._broken = True
            return self._position
        if begin > self._position:  # time skips ahead over a hole
            self._reached += begin - self._position
        return max(begin, self._position)

    def finish(self) -> None:
        """See `Demuxer.finish`."""
        while self._buffer and (behind := self._buffer.find(CAPTURE_PATTERN, 1)) > 0:
            self.skipped += behind  # what looked like a page that is cut off
            self._take_pages(behind)
        cut_off = self._buffer.startswith(CAPTURE_PATTERN)
        if self.info is None and not cut_off:
            damage = f"; {self.skipped} bytes are damaged" if self.skipped else ""
            raise self._error(f"the file ends before the headers of an Opus stream{damage}")
        if cut_off:
            raise self._error("the file ends within an Ogg page", len(self._buffer))
        self.skipped += len(self._buffer)
        self._consume(len(self._buffer))
        if self._partial is not None:
            raise self._error("the file ends within a packet")


def _is_head(page: OggPage) -> bool:
    return bool(page.packets) and page.packets[0].startswith(_HEAD_MAGIC)


class OggOpusMuxer(Muxer):
    """Writes an Ogg file with one Opus stream.

    Args:
        start: See `Muxer`.
        channels: Channels that players are told to decode to, 1 or 2.
        pre_skip: Samples at 48 kHz that they leave out at the beginning.
        serial: Number of the logical stream, drawn at random by default.
    """

    def __init__(
        self,
        start: float | None = None,
        *,
        channels: int = 2,
        pre_skip: int = DEFAULT_PRE_SKIP,
        serial: int | None = None,
    ) -> None:
        super().__init__(start)
        if channels not in (1, 2) or not 0 <= pre_skip <= 0xFFFF:
            raise ValueError(f"Opus with {channels} channels and a pre-skip of {pre_skip}")
        self._serial = int.from_bytes(os.urandom(4), "big") if serial is None else serial
        self._sequence = 0
        self._head = self._header_pages(channels, pre_skip)
        self._packets: list[bytes] = []
        self._segments = 0
        self._page_samples = 0
        self._toc: int | None = None  # of the last packet
        self._position = 0  # end of the last packet, in samples from the start
        self._trimmed = 0  # samples at the end of the last packet that are not to be heard

    def _header_pages(self, channels: int, pre_skip: int) -> bytes:
        head = _HEAD.pack(_HEAD_MAGIC, 1, channels, pre_skip, CLOCK_RATE, 0, 0)
        vendor = f"lktrio {__version__}".encode()
        tags = _TAGS_MAGIC + _TEXT_LENGTH.pack(len(vendor)) + vendor + _TEXT_LENGTH.pack(0)
        return self._page([head], 0, first=True) + self._page([tags], 0)

    def _page(
        self, packets: list[bytes], granule: int, *, first: bool = False, last: bool = False
    ) -> bytes:
        page = build_page(
            packets,
            granule=granule,
            serial=self._serial,
            sequence=self._sequence,
            first=first,
            last=last,
        )
        self._sequence += 1
        return page

    def add(self, frame: EncodedFrame) -> bytes:
        """See `Muxer.add`."""
        samples = self._checked_samples(frame.data)
        gap = self._ticks(frame, CLOCK_RATE) - self._position
        if gap > MAX_GAP * CLOCK_RATE:
            raise LocalProtocolError(
                f"a frame begins {gap / CLOCK_RATE:.0f} s after the end of the one before it"
            )
        if self.start is None:
            self.start = frame.timestamp
        out, self._head = [self._head], b""
        toc = frame.data[0] if self._toc is None else self._toc
        out += self._conceal(toc, gap)
        out.append(self._append(frame.data, samples))
        self._toc = frame.data[0]
        heard = round(frame.duration * CLOCK_RATE)
        self._trimmed = samples - heard if 0 < heard < samples else 0
        self.written += 1
        return b"".join(out)

    def _checked_samples(self, packet: bytes) -> int:
        if len(packet) > _MAX_PACKET:
            raise LocalProtocolError(f"an Opus packet cannot have {len(packet)} bytes")
        try:
            return packet_samples(packet)
        except RemoteProtocolError as error:
            raise LocalProtocolError(f"not an Opus packet: {error}") from None

    def _conceal(self, toc: int, missing: int) -> list[bytes]:
        """Fill missing samples, as far as whole frames do; returns the pages that got full."""
        unit = frame_samples(toc)
        count, pages = missing // unit, list[bytes]()
        if missing > _PAGE_SAMPLES:  # hours of silence should not take long to write
            most = MAX_PACKET_SAMPLES // unit
            pages += self._repeat(bytes((toc | _CODE_3, most)), count // most, unit * most)
            count %= most
        return pages + self._repeat(bytes((toc & ~_CODE_3,)), count, unit)

    def _repeat(self, packet: bytes, count: int, samples: int) -> list[bytes]:
        """Put the same short packet on pages many times; returns the pages that got full."""
        pages: list[bytes] = []
        while count > 0:
            if self._segments == MAX_SEGMENTS:
                pages.append(self._turn_page())
            fill = min(count, MAX_SEGMENTS - self._segments)
            self._put([packet] * fill, fill, fill * samples)
            count -= fill
        return pages

    def _append(self, packet: bytes, samples: int) -> bytes:
        """Put a packet on the current page; returns the page before it if that was full."""
        count = len(segments(len(packet)))
        full = self._segments + count > MAX_SEGMENTS or self._page_samples >= _PAGE_SAMPLES
        page = self._turn_page() if full else b""
        self._put([packet], count, samples)
        return page

    def _put(self, packets: list[bytes], count: int, samples: int) -> None:
        self._packets += packets
        self._segments += count
        self._page_samples += samples
        self._position += samples

    def _turn_page(self) -> bytes:
        page = self._page(self._packets, self._position)
        self._packets, self._segments, self._page_samples = [], 0, 0
        return page

    def finish(self) -> bytes:
        """See `Muxer.finish`: the last page, which ends the stream."""
        head, self._head = self._head, b""
        return head + self._page(self._packets, self._position - self._trimmed, last=True)
