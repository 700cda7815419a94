"""Of VP9 and AV1 with spatial layers in one stream, subscribers get the layers they want."""

from __future__ import annotations

import dataclasses

import pytest

from lktrio import proto
from lktrio.devserver.preferences import TrackSettings
from lktrio.devserver.svc import (
    Av1Reader,
    FrameMark,
    SpatialSelector,
    read_vp9,
    starts_av1,
    starts_vp9,
)
from lktrio.rtc.rtp import RtpPacket
from tests.support.forwarding import Scene

LOW = TrackSettings(quality=proto.VideoQuality.LOW)
HIGH = TrackSettings(quality=proto.VideoQuality.HIGH)


def vp9(spatial: int, *, key: bool = False, begins: bool = True, ends: bool = True) -> bytes:
    """A payload with picture id and layer indices, in non-flexible mode (RFC 9628 section 4.2)."""
    flags = 0x80 | 0x20 | (0 if key else 0x40) | 0x08 * begins | 0x04 * ends
    return bytes((flags, 0x80, 1, spatial << 1, 7)) + b"data"


def packet(payload: bytes, **fields: object) -> RtpPacket:
    return dataclasses.replace(RtpPacket(98, 1, 0, 1, payload), **fields)  # type: ignore[arg-type]


def test_vp9_descriptors_tell_layers() -> None:
    assert read_vp9(packet(vp9(2, ends=False))) == FrameMark(2, True, False, False)
    assert read_vp9(packet(vp9(0, key=True, begins=False))) == FrameMark(0, False, True, True)
    assert read_vp9(packet(vp9(1, key=True))) == FrameMark(1, True, True, False)
    assert read_vp9(packet(bytes((0x08, 1)))) == FrameMark(0, True, False, True)  # no layers
    short = packet(bytes((0xA8, 0x05, 0x04)))  # a picture id of seven bits
    assert read_vp9(short) == FrameMark(2, True, False, False)
    assert [read_vp9(packet(cut)) for cut in (b"", b"\x80", b"\xa0\x05", b"\xa0\x85\x01")] == [
        None
    ] * 4


@pytest.mark.parametrize(
    ("payload", "starts"),
    [(vp9(0, key=True), True), (vp9(0, key=True, begins=False), False), (vp9(0), False)],
)
def test_vp9_begins_with_the_smallest_frame_of_a_keyframe(payload: bytes, starts: bool) -> None:
    assert starts_vp9(payload) is starts


def test_av1_begins_with_a_new_sequence() -> None:
    assert starts_av1(b"\x18\x0a")
    assert not starts_av1(b"\x10\x0a")
    assert not starts_av1(b"")


def structure(offset: int, steps: str) -> bytes:
    """The optional part of a dependency descriptor: its structure as far as layers need it."""
    bits = "10000" + f"{offset:06b}" + "00001" + steps + "11"
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def av1(template: int, *, more: bytes = b"") -> RtpPacket:
    """A frame in one packet."""
    return packet(b"\x10x", extensions={9: bytes((0xC0 | template, 0, 1)) + more})


def test_av1_descriptors_tell_layers_by_templates() -> None:
    read = Av1Reader(9)
    assert read(av1(1)) is None  # before any structure
    # templates: layer 0 twice, its next temporal layer, layer 1, its next temporal layer
    more = structure(62, "00" + "01" + "10" + "01")
    assert read(av1(62, more=more)) == FrameMark(0, True, True, True)
    numbers = (62, 63, 0, 1, 2)
    marks = [read(av1(number)) for number in numbers]
    assert [mark.spatial if mark else None for mark in marks] == [0, 0, 0, 1, 1]
    assert read(av1(3)) is None  # no such template
    assert read(packet(b"x", extensions={9: b"\xc0"})) is None
    assert read(packet(b"x")) is None


def test_hostile_structures_are_bounded() -> None:
    read = Av1Reader(9)
    read(av1(0, more=b"\x80" + bytes(250)))
    assert read(av1(63)) is not None
    read(av1(0, more=b"\x80"))
    assert read(av1(0)) is not None


def picture(select: SpatialSelector, target: int, *, key: bool = False, layers: int = 3) -> str:
    """Let a picture of frames of one packet each come; its forwarded layers, * for a marker."""
    text = ""
    for spatial in range(layers):
        marker = spatial == layers - 1
        chosen = select.select(packet(vp9(spatial, key=key), marker=marker), target)
        text += "" if chosen is None else f"{spatial}{'*' * chosen}"
    return text


def test_going_down_takes_a_picture_and_going_up_a_keyframe() -> None:
    select = SpatialSelector(read_vp9)
    assert picture(select, 2, key=True) == "012*"
    assert not select.wants_keyframe(2)
    assert picture(select, 0) == "0*"
    assert select.wants_keyframe(1)
    assert picture(select, 1) == "0*"
    assert picture(select, 1, key=True) == "01*"
    assert not select.wants_keyframe(1)
    assert picture(select, 2) == "01*"
    assert select.wants_keyframe(2)


def test_nothing_is_wanted_that_is_not_sent() -> None:
    select = SpatialSelector(read_vp9)
    assert picture(select, 2, key=True, layers=1) == "0*"
    assert not select.wants_keyframe(2)


def test_a_subscriber_goes_up_and_down_without_gaps() -> None:
    scene = Scene(("",), mime="video/VP9")
    scene.bind(0.0, LOW)
    assert scene.send_payload("", 0.1, vp9(0)) == 0
    for spatial in range(3):
        scene.send_payload("", 0.2, vp9(spatial, key=True), marker=spatial == 2)
    scene.down.apply(HIGH, 0.3)
    assert len(scene.asked) == 2
    for spatial in range(3):
        scene.send_payload("", 0.4, vp9(spatial, key=True), marker=spatial == 2)
    sent = scene.sink.sent
    assert [found["index"] for found in sent] == [1000, 1001, 1002, 1003]
    assert [found["marker"] for found in sent] == [True, False, False, True]
