"""A whole call over IPv4 and over IPv6: signalling, host candidates, media and data."""

from __future__ import annotations

import socket

import pytest
import trio

import lktrio
from lktrio import events, media
from lktrio.media import samples


def has(address: str) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


@pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_media_and_data_cross(address: str, single: bool) -> None:
    if not has(address):
        pytest.skip(f"this machine has no {address}")
    options = lktrio.RoomOptions(single_peer_connection=single)
    async with media.open_reader(samples.AUDIO) as reader:
        sent = [await reader.receive() for _ in range(25)]
    with trio.fail_after(20):
        async with (
            lktrio.devserver.open_dev_server(host=address) as server,
            lktrio.open_room(server.url, server.token("alice", "demo"), options) as alice,
            lktrio.open_room(server.url, server.token("bob", "demo"), options) as bob,
        ):
            assert (f"[{address}]" if ":" in address else address) in server.url
            data = bob.events(events.DataReceived)
            tracks = bob.events(events.TrackSubscribed)
            await alice.local_participant.publish_data(b"over here")
            assert (await data.receive()).data == b"over here"
            async with alice.local_participant.publish_track(media.OPUS, name="sound") as track:
                frames = (await tracks.receive()).track.frames()
                await track.wait_subscribed()
                for frame in sent:
                    await track.send(frame)
                received = [await frames.receive() for _ in sent]
            assert [frame.data for frame in received] == [frame.data for frame in sent]
