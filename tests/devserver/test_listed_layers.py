"""Publishers that list the SSRC of every simulcast layer, as those on pion do (the Go SDK, lk)."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.rtc.peer import Peer
from lktrio.rtc.rtp.extensions import MID_URI, REPAIRED_RID_URI, RID_URI
from tests.support.caller import DELTA, KEYFRAME, Caller, Published, open_caller
from tests.support.places import serve_place

pytestmark = pytest.mark.virtual_time

LIMIT = 20
_SENDER_LINES = ("a=msid:", "a=ssrc:", "a=ssrc-group:")


def as_pion(offer: str) -> str:
    """Describe the track ``film-low`` as a further layer of ``film``, in its section.

    The packets name no layer: the server goes by the list.
    """
    named = tuple(f" {uri}" for uri in (MID_URI, RID_URI, REPAIRED_RID_URI))
    lines = [line for line in offer.split("\r\n") if not line.endswith(named)]
    head, *sections = "\r\n".join(lines).split("m=")
    low = next(section for section in sections if " film-low" in section)
    film = next(section for section in sections if " film\r\n" in section)
    moved = [
        line.replace("film-low", "film")
        for line in low.splitlines()
        if line.startswith(_SENDER_LINES[1:])
    ]
    layers = ["a=rid:f send", "a=rid:q send", "a=simulcast:send f;q"]
    kept = [line for line in low.splitlines() if not line.startswith(_SENDER_LINES)]
    described = {
        low: "\r\n".join([*kept, ""]),
        film: film + "\r\n".join([*moved, *layers, ""]),
    }
    return head + "".join("m=" + described.get(section, section) for section in sections)


def publishes_like_pion(monkeypatch: pytest.MonkeyPatch, peer: Peer) -> None:
    create = peer.create_offer
    monkeypatch.setattr(peer, "create_offer", lambda now: as_pion(create(now)))


async def show(layers: dict[bytes, Published], receiver: Caller, sid: str, count: int) -> None:
    """Send both layers until so many frames have come."""
    answered = dict.fromkeys(layers, -1)
    while len(receiver.frames.get(sid, ())) < count:
        for name, layer in layers.items():
            start = KEYFRAME if layer.keyframes_asked > answered[name] else DELTA
            answered[name] = layer.keyframes_asked
            layer.send(start + name)
        await trio.sleep(0.01)


@pytest.mark.parametrize(("quality", "name"), [("LOW", b"low"), ("HIGH", b"film")])
async def test_who_asks_for_a_layer_gets_its_picture(
    monkeypatch: pytest.MonkeyPatch, quality: str, name: bytes
) -> None:
    with trio.fail_after(LIMIT):
        async with (
            serve_place() as server,
            open_caller(server, "alice") as alice,
            open_caller(server, "bob") as bob,
        ):
            await alice.wait(lambda: alice.publisher.remote_description is not None)
            low = Published(
                alice, alice.publisher.add_transceiver("video", "sendonly"), "video/VP8"
            )
            alice.publisher.set_local_track(low.transceiver, "stream", "film-low")
            alice.published.append(low)
            publishes_like_pion(monkeypatch, alice.publisher)
            film = await alice.publish("video/VP8", "film", width=640, height=360)
            wanted = proto.VideoQuality[quality]
            await bob.client.wait_update("alice", lambda info: len(info.tracks) == 1)
            settings = proto.UpdateTrackSettings(track_sids=[film.sid], quality=wanted)
            await bob.client.send(track_setting=settings)
            await show({b"low": low, b"film": film}, bob, film.sid, 20)
    pictures = [frame.data for frame in bob.frames[film.sid]]
    assert all(picture.endswith(name) for picture in pictures[-10:])
