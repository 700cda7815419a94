"""RTP end to end through ICE, DTLS-SRTP and UDP on loopback, beside aiortc on asyncio.

``python -m tests.bench.bench_rtp``. Each stack runs sender and receiver in one process of its own.
Bursts of packets are sent as long as fewer than a window of them are under way, so that neither
side drowns; what counts is CPU time of the process per packet that was received. aiortc's figure
holds what its sender and its transport do, up to its RTP router; ours goes on to the jitter buffer,
reception statistics, congestion feedback and frames. The exit status is 1 if lktrio
takes more than a third for bursts of a frame of good video, a fifth for bursts of ten, or more than
aiortc for packets that go alone.
"""

from __future__ import annotations

import asyncio
import datetime
import json
import os
import subprocess
import sys
import time
from functools import partial
from typing import Any

import trio

from tests.bench.comparing import in_turns, judge

ROUNDS = 5
PACKETS = 10_000
BURSTS = {20: 1 / 3, 10: 0.2, 1: 1.0}
"""Packets that are sent at once, and the goal: 20 are a frame of video of 5 Mbit/s at 30 frames per
second, 10 of half as much, and 1 is audio."""
WINDOW = 200
PAYLOAD = bytes(1100)
SSRC = 0x01020304


# lktrio


async def run_lktrio(size: int) -> float:
    from lktrio.net.driver import PeerDriver
    from lktrio.rtc.dtls import Certificate
    from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
    from lktrio.rtc.streams import MediaReceived
    from lktrio.rtc.transport import TransportState

    received = 0
    arrived = trio.Event()

    def on_receiver_event(event: PeerEvent) -> None:
        nonlocal received, arrived
        if isinstance(event, MediaReceived):
            packets, event.stream.packets = event.stream.packets, []
            frames, event.stream.frames = event.stream.frames, []
            received += max(len(packets), len(frames))
            arrived.set()

    def make(handler: Any) -> tuple[Peer, PeerDriver]:
        peer = Peer(
            PeerConfig(),
            certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
            random=os.urandom,
            ntp_offset=time.time() - trio.current_time(),
        )
        return peer, PeerDriver(peer, handler, ["127.0.0.1"])

    sender, sender_driver = make(lambda event: None)
    receiver, receiver_driver = make(on_receiver_event)
    transceiver = sender.add_transceiver("audio", "sendonly")
    sender.set_local_track(transceiver, "-", "track")
    async with trio.open_nursery() as nursery:
        await nursery.start(sender_driver.run)
        await nursery.start(receiver_driver.run)
        receiver.set_offer(sender.create_offer(trio.current_time()), trio.current_time())
        sender.set_answer(receiver.create_answer(trio.current_time()), trio.current_time())
        sender_driver.flush()
        receiver_driver.flush()
        with trio.fail_after(10):
            while {sender.state, receiver.state} != {TransportState.CONNECTED}:
                await trio.sleep(0.005)
        stream = sender.outbound(transceiver, "audio/opus")
        begun = time.process_time()
        sent = 0
        while received < PACKETS:
            if sent - received < WINDOW:
                now = trio.current_time()
                burst = range(sent, sent + size)
                sender.send([stream.send_payload(PAYLOAD, n * 960, False, now) for n in burst])
                sender_driver.flush()
                sent += size
                await trio.lowlevel.checkpoint()
            else:
                arrived = trio.Event()
                with trio.move_on_after(0.5) as lost:
                    await arrived.wait()
                if lost.cancelled_caught:
                    sent = received
        used = time.process_time() - begun
        nursery.cancel_scope.cancel()
    return used / received * 1e6


# aiortc


async def run_aiortc(size: int) -> float:
    import aioice.ice
    from aiortc import RTCCertificate, RTCIceGatherer, RTCIceTransport
    from aiortc.rtcdtlstransport import RTCDtlsTransport
    from aiortc.rtp import HeaderExtensionsMap, RtpPacket

    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]
    received = 0

    class Receiver:
        async def _handle_rtp_packet(self, packet: Any, arrival_time_ms: int) -> None:
            nonlocal received
            received += 1

        async def _handle_rtcp_packet(self, packet: Any) -> None: ...

        def _handle_disconnect(self) -> None: ...

    sides = []
    for _ in range(2):
        gatherer = RTCIceGatherer(iceServers=[])
        await gatherer.gather()
        ice = RTCIceTransport(gatherer)
        sides.append((ice, RTCDtlsTransport(ice, [RTCCertificate.generateCertificate()])))
    (ice_a, dtls_a), (ice_b, dtls_b) = sides
    ice_a._connection.ice_controlling = True
    ice_b._connection.ice_controlling = False
    for one, other in ((ice_a, ice_b), (ice_b, ice_a)):
        for candidate in other.iceGatherer.getLocalCandidates():
            await one.addRemoteCandidate(candidate)
        await one.addRemoteCandidate(None)
    await asyncio.gather(
        ice_a.start(ice_b.iceGatherer.getLocalParameters()),
        ice_b.start(ice_a.iceGatherer.getLocalParameters()),
    )
    await asyncio.gather(
        dtls_a.start(dtls_b.getLocalParameters()), dtls_b.start(dtls_a.getLocalParameters())
    )
    extensions = HeaderExtensionsMap()
    dtls_b._rtp_router.register_receiver(Receiver(), ssrcs=[SSRC], payload_types=[96], mid=None)
    begun = time.process_time()
    sent = 0
    quiet = 0
    while received < PACKETS:
        if sent - received < WINDOW:
            for number in range(sent, sent + size):
                packet = RtpPacket(
                    payload_type=96,
                    sequence_number=number & 0xFFFF,
                    timestamp=number * 960 & 0xFFFFFFFF,
                    ssrc=SSRC,
                    payload=PAYLOAD,
                )
                await dtls_a._send_rtp(packet.serialize(extensions))
            sent += size
            quiet = 0
        else:
            before = received
            await asyncio.sleep(0)
            quiet = quiet + 1 if received == before else 0
            if quiet > 2000:
                sent = received
    used = time.process_time() - begun
    await asyncio.gather(dtls_a.stop(), dtls_b.stop())
    await asyncio.gather(ice_a.stop(), ice_b.stop())
    return used / received * 1e6


RUNNERS = {
    "lktrio": lambda burst: trio.run(run_lktrio, burst),
    "aiortc": lambda burst: asyncio.run(run_aiortc(burst)),
}


def measure(stack: str, burst: int) -> float:
    """CPU microseconds per received packet, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.bench_rtp", stack, str(burst)]
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(json.loads(result.stdout.splitlines()[-1]))


def main() -> int:
    if len(sys.argv) > 1:
        print(json.dumps(RUNNERS[sys.argv[1]](int(sys.argv[2]))))
        return 0
    missed = False
    for burst, goal in BURSTS.items():
        sides = {stack: partial(measure, stack, burst) for stack in RUNNERS}
        times = in_turns(sides, ROUNDS)
        what = f"RTP packet, end to end, {burst} at once"
        ours, theirs = times["lktrio"], times["aiortc"]
        missed |= judge("media", what, "us of CPU", ours, "aiortc", theirs, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
