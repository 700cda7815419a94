from __future__ import annotations

import struct
from pathlib import Path

import pytest

from lktrio.errors import ContainerError
from lktrio.media.codec import OPUS
from lktrio.media.container import MAX_FRAME_SIZE, MediaInfo
from lktrio.media.frame import EncodedFrame
from lktrio.media.ogg import build_page, checksum
from lktrio.media.ogg_opus import OggOpusDemuxer
from tests.media import oracle
from tests.media.feeding import info_of, read

DATA = Path(__file__).parents[1] / "data" / "media"

SILENCE = b"\xf8\xff\xfe"  # 20 ms
HEAD = b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
TAGS = b"OpusTags" + bytes(8)


class Stream:
    """Builds a logical stream page by page."""

    def __init__(self, serial: int = 1, head: bytes = HEAD, tags: bytes = TAGS) -> None:
        self.serial, self.sequence, self.data = serial, 0, b""
        self.page(head, granule=0, first=True)
        self.page(tags, granule=0)

    def page(
        self, *packets: bytes, granule: int, first: bool = False, last: bool = False
    ) -> Stream:
        self.data += build_page(
            packets,
            granule=granule,
            serial=self.serial,
            sequence=self.sequence,
            first=first,
            last=last,
        )
        self.sequence += 1
        return self

    def raw_page(self, table: bytes, body: bytes, granule: int, flags: int = 0) -> Stream:
        """A page with any segment table, to split packets over pages."""
        plain = build_page([b""], granule=granule, serial=self.serial, sequence=self.sequence)
        head = plain[:5] + bytes((flags,)) + plain[6:22] + bytes(4) + bytes((len(table),))
        page = head + table + body
        crc = checksum(page)
        self.data += page[:22] + struct.pack("<I", crc) + page[26:]
        self.sequence += 1
        return self


def frames_of(data: bytes) -> list[EncodedFrame]:
    return read(OggOpusDemuxer("a.ogg"), data)


def times(frames: list[EncodedFrame]) -> list[float]:
    return [round(frame.timestamp, 6) for frame in frames]


def test_every_packet_is_the_one_that_another_reader_finds() -> None:
    recordings: tuple[tuple[float, str, dict[str, str]], ...] = (
        (1.0, "mono", {}),
        (1.013, "mono", {}),  # samples are cut off the end
        (1.0, "stereo", {}),
        (0.3, "mono", {"frame_duration": "2.5"}),
        (0.5, "stereo", {"frame_duration": "5"}),
        (1.0, "mono", {"frame_duration": "60"}),
        (2.0, "mono", {"frame_duration": "120"}),
        (3.0, "mono", {"application": "voip"}),
    )
    for recording in recordings:
        data = oracle.ogg(*recording)
        for chunk in (None, 1000, 1) if recording[0] == 1.0 else (777,):
            check_with_another_reader(recording, data, chunk)


def check_with_another_reader(
    recording: tuple[float, str, dict[str, str]], data: bytes, chunk: int | None
) -> None:
    _, layout, options = recording
    demuxer = OggOpusDemuxer("a.ogg")
    frames = read(demuxer, data, chunk)
    expected = oracle.packets(data)
    pre_skip = 120 if options.get("frame_duration") in ("2.5", "5") else 312
    info = MediaInfo(OPUS, channels=1 + (layout == "stereo"), pre_skip=pre_skip)
    assert demuxer.info == info, recording
    assert [frame.data for frame in frames] == [packet.data for packet in expected], recording
    for frame, packet in zip(frames, expected, strict=True):
        assert packet.timestamp is not None
        assert packet.duration is not None
        # The oracle counts from the first sample to be heard, we from the first packet.
        begin = float(packet.timestamp) + pre_skip / 48000
        assert frame.timestamp == pytest.approx(begin, abs=1e-9), recording
        assert frame.duration == pytest.approx(float(packet.duration), abs=1e-9), recording
        assert frame.keyframe, recording
    assert (demuxer.skipped, demuxer.holes) == (0, 0), recording


def test_frames_are_placed_by_the_durations_of_those_before_them() -> None:
    stream = Stream().page(SILENCE, b"\xfb\x03", SILENCE, granule=100 * 960)
    assert times(frames_of(stream.data)) == [0, 0.02, 0.08]
    assert [frame.duration for frame in frames_of(stream.data)] == [0.02, 0.06, 0.02]


def test_time_skips_over_a_hole_between_pages_but_never_back() -> None:
    stream = Stream().page(SILENCE, granule=960).page(SILENCE, granule=10 * 960)
    stream.page(SILENCE, granule=5 * 960).page(SILENCE, granule=12 * 960)
    assert times(frames_of(stream.data)) == [0, 0.18, 0.2, 0.22]


def test_a_page_whose_time_is_less_than_its_packets_does_no_harm() -> None:
    stream = Stream().page(SILENCE, granule=1).page(SILENCE, granule=961)
    assert times(frames_of(stream.data)) == [0, 0.02]


def test_samples_behind_the_end_are_cut_off() -> None:
    stream = Stream().page(SILENCE, SILENCE, granule=1920)
    stream.page(SILENCE, SILENCE, SILENCE, granule=1920 + 1000, last=True)
    frames = frames_of(stream.data)
    assert times(frames) == [0, 0.02, 0.04, 0.06]
    assert frames[-1].duration == pytest.approx(40 / 48000)


def test_a_single_page_can_be_cut_too() -> None:
    frames = frames_of(Stream().page(SILENCE, SILENCE, granule=1000, last=True).data)
    assert [(frame.timestamp, frame.duration) for frame in frames] == [
        (0, 0.02),
        (0.02, pytest.approx(40 / 48000)),
    ]


def test_a_packet_can_go_on_over_pages() -> None:
    packet = b"\xf8" + bytes(700)
    stream = Stream()
    stream.raw_page(b"\x03\xff", SILENCE + packet[:255], granule=960)
    stream.raw_page(b"\xff", packet[255:510], granule=-1, flags=1)
    stream.raw_page(b"\xbf\x03", packet[510:] + SILENCE, granule=3 * 960, flags=1)
    assert [frame.data for frame in frames_of(stream.data)] == [SILENCE, packet, SILENCE]
    assert times(frames_of(stream.data)) == [0, 0.02, 0.04]


def test_tags_can_go_on_over_pages() -> None:
    tags = TAGS + bytes(100_000)
    stream = Stream()
    stream.data, stream.sequence = stream.data[: stream.data.index(b"OggS", 1)], 1
    for start in range(0, len(tags), 255 * 255):
        part = tags[start : start + 255 * 255]
        table = b"\xff" * (len(part) // 255) + (
            bytes((len(part) % 255,)) if len(part) < 255 * 255 else b""
        )
        stream.raw_page(table, part, granule=0 if len(table) < 255 else -1, flags=bool(start))
    stream.page(SILENCE, granule=960)
    assert times(frames_of(stream.data)) == [0]


def test_streams_of_other_codecs_are_passed_over() -> None:
    opus = Stream(serial=1).page(SILENCE, granule=960).page(SILENCE, granule=1920, last=True)
    video = Stream(serial=2, head=b"\x80theora", tags=b"\x81theora").page(b"x", granule=1)
    pages = [
        build_page([b"\x80theora"], granule=0, serial=2, sequence=0, first=True),
        opus.data,
        video.data[28 + 7 :],
    ]
    assert times(frames_of(b"".join(pages))) == [0, 0.02]


def test_a_stream_behind_the_end_of_the_first_goes_on_where_that_ended() -> None:
    first = Stream(serial=1).page(SILENCE, SILENCE, granule=1440, last=True)
    second = Stream(serial=2).page(SILENCE, SILENCE, granule=50_000 + 1920)
    assert times(frames_of(first.data + second.data)) == [0, 0.02, 0.03, 0.05]


def test_a_file_without_sound_is_empty() -> None:
    demuxer = OggOpusDemuxer("a.ogg")
    assert read(demuxer, Stream().data) == []
    assert demuxer.info == MediaInfo(OPUS, channels=1, pre_skip=312)
    assert frames_of(Stream().page(granule=0, last=True).data) == []


def test_other_mapping_families_are_taken_if_they_mean_one_track() -> None:
    head = HEAD[:9] + b"\x02" + HEAD[10:18] + b"\x01" + b"\x01\x01\x00\x01"
    assert info_of(OggOpusDemuxer("a"), Stream(head=head).data).channels == 2


def test_what_cannot_be_read_is_named_with_its_place() -> None:
    cases = (
        (Stream(head=HEAD[:18]).data, "cut off OpusHead"),
        (Stream(head=HEAD[:8] + b"\x10" + HEAD[9:]).data, "version 16"),
        (Stream(head=HEAD[:9] + b"\x00" + HEAD[10:]).data, "0 channels"),
        (Stream(head=HEAD[:9] + b"\x06" + HEAD[10:18] + b"\x01\x04\x02").data, "6 channels"),
        (Stream(head=HEAD[:18] + b"\xff\x02\x00").data, "mapping family 255"),
        (Stream(tags=b"OpusTrash").data, "no OpusTags"),
        (Stream(head=b"\x01vorbis").data, "with Vorbis; only Opus"),
        (Stream(head=b"\x7fFLAC").data, "with FLAC"),
        (Stream(head=b"what").data, "with an unknown codec"),
        (Stream().data[47:], "with no beginning"),
        (Stream().raw_page(b"\xff", bytes(255), granule=-1).data, "ends within a packet"),
        (Stream().data[:-1], "ends within an Ogg page"),
        (Stream().data[:47], "before the headers"),
        (b"", "before the headers"),
        (bytes(1000), "before the headers of an Opus stream; 1000 bytes are damaged"),
    )
    for data, complaint in cases:
        with pytest.raises(ContainerError, match=rf"^a\.ogg: .*{complaint}.*, at byte \d+$"):
            frames_of(data)


def test_damage_is_passed_over_and_counted() -> None:
    """What each file gives: times of the frames, bytes skipped, and holes."""
    junk, page = b"OggS" + bytes(700), Stream().page(SILENCE, granule=960).data
    two = Stream().page(SILENCE, granule=960).page(SILENCE, granule=1920).data
    torn = Stream().page(SILENCE, granule=960).raw_page(b"\xff", bytes(255), granule=-1, flags=4)
    lost = Stream().page(SILENCE, granule=960)
    lost.sequence += 1
    flipped = bytearray(two)
    flipped[len(page) + 28] ^= 1
    split = Stream().page(SILENCE, granule=960).raw_page(b"\xff", bytes(255), granule=-1)
    untagged = build_page([HEAD], granule=0, serial=1, sequence=0, first=True) + build_page(
        [SILENCE], granule=960, serial=1, sequence=2
    )
    chained = Stream(serial=2).page(SILENCE, granule=960, last=True).data
    bad_chain = Stream(serial=2, head=HEAD[:18]).page(SILENCE, granule=960).data
    cases: dict[str, tuple[bytes, list[float], int, int]] = {
        "zeros behind the end": (page + bytes(512), [0], 512, 0),
        "junk behind the end": (page + b"garbage", [0], 7, 0),
        "the beginning of a page behind the end": (page + b"Og", [0], 2, 0),
        "junk that looks like a page": (two[:-31] + junk + two[-31:], [0, 0.02], 704, 0),
        "a page that is lost": (lost.page(SILENCE, granule=2880).data, [0, 0.04], 0, 1),
        "a damaged page": (bytes(flipped) + bytes(3), [0], len(flipped) - len(page) + 3, 0),
        "a packet that is lost in part": (
            Stream().raw_page(b"\x01\x03", b"x" + SILENCE, granule=960, flags=1).data,
            [0],
            1,
            1,
        ),
        "a packet that does not go on": (split.page(SILENCE, granule=1920).data, [0, 0.02], 0, 1),
        "a stream that ends within a packet": (torn.data, [0], 0, 1),
        "packets that are not of Opus": (
            Stream().page(SILENCE, b"", b"\xfb\x00", SILENCE, granule=1920).data,
            [0, 0.02],
            2,
            1,
        ),
        "a page without a time": (
            Stream().page(SILENCE, granule=-1).page(SILENCE, granule=1920).data,
            [0, 0.02],
            0,
            1,
        ),
        "a page of the far future": (
            Stream().page(SILENCE, granule=960).page(SILENCE, granule=2**62).data,
            [0, 0.02],
            0,
            1,
        ),
        "a page that comes twice": (page + page[-31:], [0], 31, 0),
        "lost tags": (untagged, [0], 0, 1),
        "pages of an unknown stream": (page + Stream(serial=7).data[47:], [0], 44, 0),
        "a chain": (page + chained, [0, 0.02], 0, 0),
        "a chain that cannot be read": (page + bad_chain + chained, [0, 0.02], 75, 1),
    }
    for name, (data, expected, skipped, holes) in cases.items():
        for chunk in (None, 1):
            demuxer = OggOpusDemuxer("a.ogg")
            assert times(read(demuxer, data, chunk)) == expected, name
            assert (demuxer.skipped, demuxer.holes) == (skipped, holes), name


def test_files_that_players_play() -> None:
    """Frames, seconds, bytes skipped, and holes of each."""
    cases = {
        "ogg_chain_first_without_end": (202, 6.0265, 0, 0),
        "ogg_page_lost": (101, 3.0065, 0, 1),
        "ogg_zeros_at_end": (151, 3.0065, 512, 0),
    }
    for name, expected in cases.items():
        demuxer = OggOpusDemuxer(name)
        frames = read(demuxer, (DATA / f"{name}.opus").read_bytes(), 1000)
        end = round(frames[-1].timestamp + frames[-1].duration, 4)
        assert (len(frames), end, demuxer.skipped, demuxer.holes) == expected, name


def test_a_packet_of_more_than_8_mib_is_dropped_before_it_is_there() -> None:
    stream = Stream()
    demuxer = OggOpusDemuxer("a.ogg")
    body, fed = bytes(255 * 255), 0
    while demuxer.holes == 0:
        demuxer.feed(stream.data)
        stream.data = b""
        stream.raw_page(b"\xff" * 255, body, granule=-1, flags=bool(fed))
        fed += len(body)
        assert fed <= MAX_FRAME_SIZE + 2 * len(body)
    stream.data, stream.sequence = b"", stream.sequence - 1
    demuxer.feed(stream.page(SILENCE, granule=960).data)
    demuxer.finish()
    assert times(list(demuxer.frames)) == [0]
