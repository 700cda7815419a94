"""A participant of LiveKit's own SDK, run as a program: joins, publishes, serves RPC, until told.

Usage: ``python real_participant.py URL TOKEN``. Writes the id of its track when it is ready, then
one line for each event, and leaves when its input ends.
"""

from __future__ import annotations

import asyncio
import sys

from livekit import rtc


async def main(url: str, token: str) -> None:
    room = rtc.Room()

    @room.on("data_received")
    def on_data(packet: rtc.DataPacket) -> None:
        say(f"data {packet.data.decode()} {packet.topic}")

    @room.on("disconnected")
    def on_disconnected(reason: object) -> None:
        say(f"disconnected {reason}")

    await room.connect(url, token)

    @room.local_participant.register_rpc_method("greet")  # type: ignore[arg-type, unused-ignore]
    async def greet(call: rtc.RpcInvocationData) -> str:
        return f"hello {call.payload}"

    source = rtc.AudioSource(48_000, 1)
    track = rtc.LocalAudioTrack.create_audio_track("mic", source)
    publication = await room.local_participant.publish_track(track)
    say(publication.sid)
    feeding = asyncio.ensure_future(feed(source))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    feeding.cancel()
    await room.disconnect()


async def feed(source: rtc.AudioSource) -> None:
    """Silence: the server knows a track only once there is media."""
    while True:
        await source.capture_frame(rtc.AudioFrame(bytes(960), 48_000, 1, 480))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
