"""A subscriber gets one simulcast layer at a time, changed on keyframes only, as one stream."""

from __future__ import annotations

import itertools

import pytest

from lktrio import proto
from lktrio.devserver.preferences import TrackSettings
from lktrio.rtc.payload.vp8 import Vp8Descriptor
from lktrio.rtc.rtcp import SenderReport
from lktrio.rtc.rtp import RtpPacket
from tests.support.forwarding import KEYFRAME, SETTINGS, Scene


def test_video_begins_with_a_keyframe_that_is_asked_for() -> None:
    scene = Scene(("",))
    scene.bind()
    assert scene.asked == [""]
    assert scene.send("", 0.0) == 0
    assert scene.firsts == 0
    assert scene.send("", 0.1, key=True) == 1
    assert scene.send("", 0.2) == 1
    assert scene.firsts == 1
    assert [packet["index"] for packet in scene.sink.sent] == [1000, 1001]


def test_audio_begins_at_once() -> None:
    scene = Scene(("",), kind="audio")
    scene.bind()
    assert scene.send("", 0.0) == 1
    assert scene.asked == []


def test_a_keyframe_that_does_not_come_is_asked_for_again() -> None:
    scene = Scene(("",))
    scene.bind()
    scene.down.choose(0.5)
    assert scene.asked == [""]
    scene.down.choose(1.5)
    assert scene.asked == ["", ""]


def test_the_highest_layer_that_flows_is_taken() -> None:
    scene = Scene(("f", "h", "q"))
    assert [layer.rid for layer in scene.track.primary.layers] == ["q", "h", "f"]
    scene.send("q", 0.0)
    scene.send("h", 0.0)
    scene.bind(0.1)
    assert scene.asked == ["h"]
    assert scene.send("q", 0.2, key=True) == 0
    assert scene.send("h", 0.2, key=True) == 1


def test_a_higher_layer_takes_over_with_its_keyframe() -> None:
    scene = Scene(("q", "h", "f"))
    scene.send("q", 0.0)
    scene.bind(0.0)
    scene.send("q", 0.1, key=True, picture=10)
    scene.send("f", 0.2)
    scene.down.choose(0.2)
    assert scene.asked == ["q", "f"]
    assert scene.send("q", 0.3, picture=11) == 1  # until then the picture goes on
    assert scene.send("f", 0.3) == 0
    assert scene.send("f", 0.4, key=True, picture=900) == 1
    assert scene.send("q", 0.4, picture=12) == 0
    assert scene.send("f", 0.5, picture=901) == 1
    sent = scene.sink.sent
    assert [packet["index"] for packet in sent] == [1000, 1001, 1002, 1003]
    pictures = [Vp8Descriptor.parse(packet["payload"])[0].picture_id for packet in sent]
    assert pictures == [10, 11, 12, 13]
    steps = [
        (later["timestamp"] - earlier["timestamp"]) & 0xFFFFFFFF
        for earlier, later in itertools.pairwise(sent)
    ]
    assert all(0 < step <= 0.25 * 90_000 for step in steps)


def test_when_a_layer_stops_a_lower_one_goes_on() -> None:
    scene = Scene(("q", "h", "f"))
    scene.send("f", 0.0)
    scene.bind(0.0)
    scene.send("f", 0.1, key=True)
    for tenth in range(15):
        scene.send("q", 0.2 + tenth / 10)
    scene.down.choose(1.6)
    assert scene.asked[-1] == "q"
    assert scene.send("q", 1.7, key=True) == 1


@pytest.mark.parametrize(
    ("settings", "rid"),
    [
        (TrackSettings(quality=proto.VideoQuality.LOW), "q"),
        (TrackSettings(quality=proto.VideoQuality.MEDIUM), "h"),
        (TrackSettings(quality=proto.VideoQuality.HIGH), "f"),
        (TrackSettings(width=300, height=170), "q"),
        (TrackSettings(width=500, height=300), "h"),
        (TrackSettings(width=4000, height=3000), "f"),
    ],
)
def test_the_subscriber_says_how_much_it_wants_to_see(settings: TrackSettings, rid: str) -> None:
    scene = Scene(("q", "h", "f"))
    sizes = ((320, 180), (640, 360), (1280, 720))
    scene.track.info.layers = [
        proto.VideoLayer(quality=proto.VideoQuality(number), width=width, height=height)
        for number, (width, height) in enumerate(sizes)
    ]
    for name in ("q", "h", "f"):
        scene.send(name, 0.0)
    scene.bind(0.0, settings)
    assert scene.asked == [rid]


def test_disabled_tracks_are_held_and_resume_without_a_gap() -> None:
    scene = Scene(("",))
    scene.bind()
    scene.send("", 0.0, key=True)
    scene.down.apply(TrackSettings(disabled=True), 0.1)
    assert scene.send("", 0.2) == 0
    scene.down.apply(SETTINGS, 1.0)
    assert len(scene.asked) == 2
    assert scene.send("", 1.1) == 0
    assert scene.send("", 1.2, key=True) == 1
    first, second = scene.sink.sent
    assert second["index"] == first["index"] + 1
    assert second["timestamp"] - first["timestamp"] == pytest.approx(1.2 * 90_000, abs=2)


def test_packets_of_nothing_but_padding_are_left_out() -> None:
    scene = Scene(("",))
    scene.bind()
    scene.send("", 0.0, key=True)
    for _ in range(1000):
        assert scene.send("", 0.0, padding=True) == 0
    assert scene.send("", 0.1) == 1
    assert [packet["index"] for packet in scene.sink.sent] == [1000, 1001]


def test_layers_are_aligned_by_their_sender_reports() -> None:
    scene = Scene(("q", "f"))
    second = 1 << 32
    scene.layers["q"].stream.sender_report = SenderReport(1, 10 * second, 5_000, 0, 0)
    scene.layers["f"].stream.sender_report = SenderReport(2, 11 * second, 700_000, 0, 0)
    scene.send("q", 0.0)
    scene.bind(0.0)

    def packet(rid: str, timestamp: int, index: int) -> RtpPacket:
        payload = Vp8Descriptor(True, picture_id=1).serialize() + KEYFRAME
        return RtpPacket(96, index, timestamp, 1, payload, marker=True, index=index)

    scene.down.forward(scene.layers["q"], [packet("q", 5_000 + 90_000, 1)], 1.0)
    scene.layers["f"].last_packet = 1.1
    scene.down.choose(1.1)
    scene.down.forward(scene.layers["f"], [packet("f", 700_000 + 9_000, 1)], 1.1)
    first, other = scene.sink.sent
    assert other["timestamp"] - first["timestamp"] == 9_000  # captured 100 ms later


def test_reports_are_in_the_time_of_the_publisher() -> None:
    scene = Scene(("",))
    scene.bind()
    scene.send("", 5.0, key=True)
    stream = scene.layers[""].stream
    stream.sender_report = SenderReport(1, (2_208_988_800 + 1_000) << 32, 50_000, 0, 0)
    scene.down.set_clock(1_002.0, 77.0)
    assert scene.sink.clock == (50_000 + 180_000, 77.0)


def test_a_request_of_the_subscriber_goes_to_the_publisher() -> None:
    scene = Scene(("q", "h"))
    scene.send("h", 0.0)
    scene.bind(0.0)
    scene.send("h", 0.1, key=True)
    scene.down.on_keyframe_requested(0.2)
    assert scene.asked == ["h", "h"]


@pytest.mark.parametrize("rids", [("2", "1", "0"), ("low", "mid", "top")])
def test_other_names_of_layers_are_understood(rids: tuple[str, ...]) -> None:
    scene = Scene(rids)
    assert [layer.spatial for layer in scene.track.primary.layers] == [0, 1, 2]
    assert [layer.rid for layer in scene.track.primary.layers] == list(rids)
