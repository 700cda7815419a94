"""An aiortc peer connection in a process of its own; see `jsonlines` for how it is spoken to."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from typing import Any

import aioice.ice
import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from tests.interop.support.jsonlines import report, serve_commands
from tests.interop.support.signals import frequency, loudness, moving_picture, tone

aioice.ice.get_host_addresses = lambda **_: ["127.0.0.1"]

TONE = 440.0
REPORT_EVERY = 25  # frames


class Tone(AudioStreamTrack):
    """A sine tone, 20 ms at a time."""

    async def recv(self) -> Any:
        frame: Any = await super().recv()
        frame.planes[0].update(tone(TONE, frame.sample_rate, frame.pts, frame.samples))
        return frame


class Bar(VideoStreamTrack):
    """A bar that wanders through a small picture."""

    width, height, number = 160, 120, 0

    async def recv(self) -> Any:
        pts, time_base = await self.next_timestamp()
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        picture = moving_picture(self.width, self.height, self.number)
        start = 0
        for plane in frame.planes:
            rows = b"".join(
                picture[start + row * plane.width : start + (row + 1) * plane.width].ljust(
                    plane.line_size, b"\0"
                )
                for row in range(plane.height)
            )
            plane.update(rows)
            start += plane.width * plane.height
        frame.pts, frame.time_base = pts, time_base
        self.number += 1
        return frame


class Endpoint:
    """The peer connection and what is reported about it."""

    def __init__(self) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channels: dict[str, Any] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.pc.on("connectionstatechange", self.on_state)
        self.pc.on("datachannel", self.adopt)
        self.pc.on("track", self.on_track)

    def on_state(self) -> None:
        report("state", state=self.pc.connectionState)

    def adopt(self, channel: Any) -> None:
        label = channel.label
        self.channels[label] = channel
        channel.on("message", lambda message: self.on_message(label, message))
        channel.on("open", lambda: report("channel", label=label, state="open"))
        channel.on("close", lambda: report("channel", label=label, state="closed"))
        if channel.readyState == "open":
            report(
                "channel",
                label=label,
                state="open",
                ordered=channel.ordered,
                retransmits=channel.maxRetransmits,
            )

    def on_message(self, label: str, message: str | bytes) -> None:
        data = message.encode() if isinstance(message, str) else message
        report(
            "message",
            label=label,
            text=isinstance(message, str),
            size=len(data),
            digest=hashlib.sha256(data).hexdigest(),
            head=data[:40].hex(),
        )

    def on_track(self, track: MediaStreamTrack) -> None:
        consume = self.watch if track.kind == "video" else self.listen
        task = asyncio.ensure_future(consume(track))
        self.tasks.add(task)
        track.on("ended", lambda: report("ended", kind=track.kind))

    async def listen(self, track: MediaStreamTrack) -> None:
        count, heard = 0, b""
        while True:
            frame: Any = await track.recv()
            count += 1
            channels = len(frame.layout.channels)
            heard += bytes(frame.planes[0])[: frame.samples * channels * 2]
            if count % REPORT_EVERY == 0:
                report(
                    "audio",
                    frames=count,
                    frequency=frequency(heard, frame.sample_rate, channels),
                    loudness=loudness(heard),
                )
                heard = b""

    async def watch(self, track: MediaStreamTrack) -> None:
        prints: list[int] = []
        while True:
            frame: Any = await track.recv()
            plane = frame.planes[0]
            shown = bytes(plane)
            size = plane.line_size
            rows = (shown[row * size : row * size + plane.width] for row in range(plane.height))
            prints.append(zlib.crc32(b"".join(rows)))
            if len(prints) % REPORT_EVERY == 0:
                report(
                    "video",
                    frames=len(prints),
                    width=frame.width,
                    height=frame.height,
                    prints=prints,
                )

    async def handle(self, command: dict[str, Any]) -> None:
        await getattr(self, "do_" + command.pop("do"))(**command)

    async def do_channel(self, label: str, **options: Any) -> None:
        self.adopt(self.pc.createDataChannel(label, **options))

    async def do_send_media(self, kind: str, mime: str, rtx: bool = True) -> None:
        transceiver = self.pc.addTransceiver(Tone() if kind == "audio" else Bar())
        codecs = RTCRtpSender.getCapabilities(kind).codecs
        wanted = {mime, "video/rtx"} if rtx else {mime}
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType in wanted])
        transceiver.direction = "sendonly"

    async def do_both_ways(self, kind: str) -> None:
        for transceiver in self.pc.getTransceivers():
            if transceiver.kind == kind:
                transceiver.direction = "sendrecv"

    async def do_receive_media(self, kind: str) -> None:
        self.pc.addTransceiver(kind, direction="recvonly")

    async def do_offer(self) -> None:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        report("description", type="offer", sdp=self.pc.localDescription.sdp)

    async def do_take(self, type: str, sdp: str) -> None:  # noqa: A002 - the name on the wire
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, type))
        if type == "offer":
            await self.pc.setLocalDescription(await self.pc.createAnswer())
            report("description", type="answer", sdp=self.pc.localDescription.sdp)

    async def do_send(self, label: str, text: str | None = None, data: str = "") -> None:
        self.channels[label].send(bytes.fromhex(data) if text is None else text)

    async def do_close_channel(self, label: str) -> None:
        self.channels[label].close()

    async def do_stats(self) -> None:
        entries = (await self.pc.getStats()).values()
        report("stats", entries=[_plain(vars(entry)) for entry in entries])

    async def do_close(self) -> None:
        await self.pc.close()
        report("closed")


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if isinstance(value, int | str)}


async def main() -> None:
    endpoint = Endpoint()
    await serve_commands(endpoint.handle)
    for task in endpoint.tasks:
        task.cancel()
    await endpoint.pc.close()


if __name__ == "__main__":
    asyncio.run(main())
