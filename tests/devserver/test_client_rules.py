"""Some clients get neither to send nor to see codecs that they handle badly.

Whatever clients see is the same on the embedded server as on a real one, if there is one.
"""

from __future__ import annotations

from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio.devserver import open_dev_server
from lktrio.devserver.client_rules import _RULES, client_configuration
from lktrio.devserver.codecs import OFFERED_CODECS
from lktrio.devserver.connection import capabilities
from lktrio.devserver.user_agent import with_user_agent
from lktrio.rtc.sdp import MediaDescription, SessionDescription
from tests.devserver.caller import Caller, Mode, open_caller
from tests.devserver.client import joined, open_client
from tests.devserver.places import open_place
from tests.interop.support.servers import SERVERS

AV1, VP9, H264 = "video/AV1", "video/VP9", "video/H264"
JS = proto.ClientInfo.SDK.JS
LIMIT = 20
FIREFOX = proto.ClientInfo(protocol=17, browser="Firefox", os="Linux")
SAFARI = proto.ClientInfo(protocol=17, browser="Safari", browser_version="18.4")
XIAOMI = proto.ClientInfo(protocol=17, os="android", device_model="Xiaomi 2201117TI")

on_each_server = pytest.mark.parametrize("which", SERVERS)
in_each_mode = pytest.mark.parametrize("mode", ["v1", "v0"])


def disabled(
    configuration: proto.ClientConfiguration | None,
) -> tuple[list[str], list[str]] | None:
    """What is disabled altogether, and what for publishing."""
    if configuration is None:
        return None
    found = configuration.disabled_codecs
    assert found is not None
    return [codec.mime for codec in found.codecs], [codec.mime for codec in found.publish]


RULES: list[tuple[dict[str, Any], tuple[list[str], list[str]] | None]] = [
    ({}, None),
    ({"browser": "Chrome", "browser_version": "120", "os": "Linux"}, None),
    ({"browser": "Safari"}, ([AV1], [])),
    ({"browser": "sAFARI", "browser_version": "18.3"}, ([AV1], [])),
    ({"browser": "Safari", "browser_version": "18.3.0"}, ([AV1], [])),
    ({"browser": "Safari", "browser_version": "9.1"}, ([AV1], [])),
    ({"browser": "Safari", "browser_version": "18.3.0-beta"}, ([AV1], [])),
    ({"browser": "Safari", "browser_version": "18.3.1"}, ([AV1], [VP9])),
    ({"browser": "Safari", "browser_version": "18.4"}, ([AV1], [VP9])),
    ({"browser": "Safari", "browser_version": "26"}, ([AV1], [VP9])),
    ({"browser": "Safari", "browser_version": "9.1.2.3"}, ([AV1], [VP9])),  # compared as text
    ({"browser": "Mobile Safari", "browser_version": "18.4"}, None),
    ({"browser": "Firefox", "os": "LINUX"}, ([], [H264])),
    ({"browser": "Firefox", "os": "Android"}, ([], [H264])),
    ({"browser": "Firefox Mobile", "os": "Android"}, ([], [H264])),
    ({"browser": "Firefox", "os": "Windows"}, None),
    ({"browser": "Firefox"}, None),
    ({"device_model": "Xiaomi 2201117TI", "os": "Android"}, ([], [H264])),
    ({"device_model": "Xiaomi 2201117TI"}, None),
    ({"device_model": "Xiaomi 2201117TI", "os": "android", "browser": "Safari"}, ([], [H264])),
]


@pytest.mark.parametrize(("said", "expected"), RULES)
def test_what_a_client_says_decides(
    said: dict[str, Any], expected: tuple[list[str], list[str]] | None
) -> None:
    assert disabled(client_configuration(proto.ClientInfo(**said))) == expected


def test_every_rule_is_about_codecs_that_there_are() -> None:
    named = {mime for rule in _RULES for mime in (*rule.codecs, *rule.publish)}
    assert named <= set(OFFERED_CODECS)


@on_each_server
@pytest.mark.parametrize("said", [said for said, _ in RULES])
async def test_the_join_response_tells_it(which: str, said: dict[str, Any]) -> None:
    client = proto.ClientInfo(protocol=17, **said)
    with trio.fail_after(LIMIT):
        async with (
            open_place(which) as server,
            open_caller(server, "alice", "v0", server.room, client_info=client) as alice,
        ):
            expected = disabled(client_configuration(client))
            assert disabled(alice.join.client_configuration) == expected
            allowed = {codec.mime for codec in alice.join.enabled_publish_codecs}
    unsent = set(expected[0] + expected[1]) if expected is not None else set[str]()
    assert allowed & set(OFFERED_CODECS) == set(OFFERED_CODECS) - unsent


_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
_IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
USER_AGENTS = [
    (f"{_MAC} Version/18.4 Safari/605.1.15", ([AV1], [VP9])),
    (f"{_MAC} Version/17.6.1 Safari/605.1.15", ([AV1], [])),
    (f"{_MAC} Chrome/120.0.0.0 Safari/537.36", None),
    (f"{_IPHONE} (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1", None),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", ([], [H264])),
    ("Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", None),
    ("Mozilla/5.0 (Android 13; Mobile; rv:120.0) Gecko/120.0 Firefox/120.0", ([], [H264])),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0", None),
    ("Mozilla/5.0 (X11; Linux x86_64; rv:60.0) Gecko/20100101 Firefox/60.0 SeaMonkey/2.53", None),
    ("", None),
]


@on_each_server
@pytest.mark.parametrize(("user_agent", "expected"), USER_AGENTS)
async def test_browsers_are_known_by_their_user_agent(
    which: str, user_agent: str, expected: tuple[list[str], list[str]] | None
) -> None:
    target = "/rtc?protocol=17&sdk=js&version=2.0"
    with trio.fail_after(LIMIT):
        async with open_place(which) as server:
            token = server.token("alice", server.room)
            async with open_client(server, token, target, user_agent=user_agent) as alice:
                join = await alice.wait_for("join")
    assert disabled(join.client_configuration) == expected


def test_what_a_client_says_goes_before_its_user_agent() -> None:
    text = f"{_MAC} Version/18.4 Safari/605.1.15"
    client = proto.ClientInfo(sdk=JS, browser="Firefox", os="Linux")
    assert with_user_agent(client, text) == client
    program = proto.ClientInfo(sdk=proto.ClientInfo.SDK.PYTHON)
    assert with_user_agent(program, text) == program
    browser = with_user_agent(proto.ClientInfo(sdk=JS), text)
    assert (browser.browser, browser.browser_version, browser.os) == ("Safari", "18.4", "")


def names(section: MediaDescription) -> set[str]:
    return {codec.name for codec in section.codecs} - {"rtx"}


def sections(sdp: str) -> list[MediaDescription]:
    return [section for section in SessionDescription.parse(sdp).media if section.kind == "video"]


def section_of(caller: Caller, mid: str | None, member: str = "answer") -> MediaDescription:
    """A section of the last description that the server sent."""
    described = [getattr(message, member) for message in caller.client.received]
    last = [description for description in described if description is not None][-1]
    return next(section for section in sections(last.sdp) if section.mid == mid)


async def publish(
    which: str, mode: Mode, client: proto.ClientInfo, codec: str, **fields: Any
) -> tuple[proto.TrackInfo, MediaDescription, list[MediaDescription]]:
    """Publish a track with a codec: its description, its section of the answer, and the others."""
    with trio.fail_after(LIMIT):
        async with (
            open_place(which) as server,
            open_caller(
                server,
                "alice",
                mode,
                server.room,
                video_codecs=capabilities().video_codecs,
                client_info=client,
            ) as alice,
        ):
            asked = [proto.SimulcastCodec(codec=codec, cid="film")]
            film = await alice.publish("video/VP8", "film", simulcast_codecs=asked, **fields)
            published = [m.track_published for m in alice.client.received]
            answer = next(message.track for message in published if message is not None)
            section = section_of(alice, film.transceiver.mid)
            answers = [m.answer for m in alice.client.received if m.answer is not None]
            others = [s for s in sections(answers[-1].sdp) if s.mid != section.mid]
    assert answer is not None
    return answer, section, others


@on_each_server
@in_each_mode
@pytest.mark.parametrize(
    ("client", "codec", "answered"),
    [
        (XIAOMI, "h264", {"VP8", "VP9", "AV1"}),
        (FIREFOX, "h264", {"VP8"}),  # it would take another one, whatever comes first
        (SAFARI, "vp9", {"VP8", "H264"}),
    ],
    ids=["xiaomi", "firefox", "safari"],
)
async def test_answers_leave_out_what_a_client_may_not_send(
    which: str, mode: Mode, client: proto.ClientInfo, codec: str, answered: set[str]
) -> None:
    layers = [proto.VideoLayer(quality=proto.VideoQuality.HIGH, width=640, height=480)]
    info, section, others = await publish(which, mode, client, codec, layers=layers)
    assert [found.mime_type for found in info.codecs] == ["video/VP8"]
    assert [layer.width for layer in info.codecs[0].layers] == [640]
    assert names(section) & set(ALL) == answered
    assert section.codecs[0].name == "VP8"
    unseen = {"AV1"} if client is SAFARI else set[str]()
    for other in others:  # to receive in
        assert names(other) & set(ALL) == set(ALL) - unseen


ALL = ("VP8", "H264", "VP9", "AV1")


@pytest.mark.parametrize("codec", ["x/y", "/", "video", "video/h265", "audio/opus", "red", "é"])
@pytest.mark.parametrize("kind", [proto.TrackType.AUDIO, proto.TrackType.VIDEO])
async def test_in_place_of_a_codec_that_is_none_a_track_gets_one_of_its_kind(
    kind: proto.TrackType, codec: str
) -> None:
    asked = [proto.SimulcastCodec(codec=codec, cid="it")]
    with trio.fail_after(LIMIT):
        async with open_dev_server() as server, joined(server, "alice") as alice:
            request = proto.AddTrackRequest(cid="it", type=kind, simulcast_codecs=asked)
            await alice.send(add_track=request)
            track = (await alice.wait_for("track_published")).track
    expected = "audio/opus" if kind is proto.TrackType.AUDIO else "video/VP8"
    assert [found.mime_type for found in track.codecs] == [expected]


@on_each_server
@in_each_mode
async def test_others_may_send_everything(which: str, mode: Mode) -> None:
    info, section, _ = await publish(which, mode, proto.ClientInfo(protocol=17), "h264")
    assert [codec.mime_type for codec in info.codecs] == ["video/h264"]
    assert section.codecs[0].name == "H264"
    assert names(section) >= set(ALL)


@on_each_server
async def test_offers_leave_out_what_a_client_may_not_receive(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_place(which) as server,
            open_caller(server, "alice", "v0", server.room) as alice,
            open_caller(server, "bob", "v0", server.room, client_info=SAFARI) as bob,
        ):
            film = await alice.publish("video/VP8", "film")
            await bob.wait(lambda: film.sid in bob.mids.values())
            mid = next(mid for mid, sid in bob.mids.items() if sid == film.sid)
            offered = names(section_of(bob, mid, "offer"))
    assert offered & set(ALL) == {"VP8", "H264", "VP9"}


@on_each_server
@in_each_mode
async def test_a_track_in_a_codec_that_a_client_may_not_receive_is_refused(
    which: str, mode: Mode
) -> None:
    codecs = capabilities().video_codecs
    with trio.fail_after(LIMIT):
        async with (
            open_place(which) as server,
            open_caller(server, "alice", "v0", server.room, video_codecs=codecs) as alice,
            open_caller(
                server, "bob", mode, server.room, video_codecs=codecs, client_info=SAFARI
            ) as bob,
        ):
            asked = [proto.SimulcastCodec(codec="av1", cid="film")]
            film = await alice.publish("video/AV1", "film", simulcast_codecs=asked)
            answer = await bob.client.wait_for("subscription_response")
    assert answer.track_sid == film.sid
    assert answer.err == proto.SubscriptionError.SE_CODEC_UNSUPPORTED
