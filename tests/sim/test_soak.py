"""A long call with media, messages and ICE restarts leaves nothing behind for each packet.

Sizes are for a test; the same call was run over a million packets.
"""

from __future__ import annotations

import gc
import tracemalloc

from lktrio.testing import LinkProfile
from tests.support.peer_call import Call, opus_frames, vp8_frames

MISERABLE = LinkProfile(latency=0.02, loss=0.02, jitter=0.01, duplicate=0.01, reorder=0.01)
STEP = 0.02


class LongCall(Call):
    """A call that goes on and on over a bad network."""

    def __init__(self) -> None:
        super().__init__(MISERABLE, seed=4)
        video, audio = self.publish("video"), self.publish("audio")
        peer = self.offerer.peer
        self.reliable = peer.create_data_channel("reliable")
        self.lossy = peer.create_data_channel("lossy", ordered=False, max_retransmits=0)
        self.connect()
        assert self.network.run(5, until=lambda: self.lossy.state == "open")
        self.video = peer.outbound(video, "video/VP8")
        self.audio = peer.outbound(audio, "audio/opus")
        self.pictures, self.sound = vp8_frames(60, 9000), opus_frames(1)[0]
        self.step = 0

    def talk(self, datagrams: int) -> None:
        until = self.network.sent + datagrams
        while self.network.sent < until:
            self._talk_once()

    def _talk_once(self) -> None:
        now, peer, step = self.network.now, self.offerer.peer, self.step
        if step % 2 == 0:
            picture = self.pictures[step // 2 % len(self.pictures)]
            peer.send(self.video.send_frame(picture, 1500 * step, now))
        peer.send(self.audio.send_frame(self.sound, 960 * step, now))
        if step % 5 == 0:
            self.reliable.send(bytes(3000), now)
            self.lossy.send(bytes(500), now)
        if step % 200 == 199:
            self.negotiate(ice_restart=True)
        self.offerer.push()
        self.network.run(STEP)
        self.step += 1
        for host in (self.offerer, self.answerer):
            host.frames.clear()
            host.events.clear()


def test_memory_is_flat_and_no_packet_leaves_a_cycle() -> None:
    call = LongCall()
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        call.talk(3000)  # fills what is bounded: histories, windows, statistics
        gc.collect()
        before, restarts = tracemalloc.get_traced_memory()[0], call.step // 200
        call.talk(2500)
        after, restarts = tracemalloc.get_traced_memory()[0], call.step // 200 - restarts
        # What a restart replaces refers to itself: a pair to its generation, and back.
        assert gc.collect() <= 60 * restarts + 10
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 400_000, "the packets had two megabytes"
