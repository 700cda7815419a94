"""A participant of LiveKit's own Python SDK (libwebrtc) in a process of its own.

See `jsonlines` for how it is spoken to. It reports what happens in the room, and of each track that
it receives how much came and what it looked or sounded like.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Coroutine
from typing import Any

from livekit import rtc

from tests.interop.support.jsonlines import report, serve_commands
from tests.interop.support.signals import contrast, frequency, loudness, moving_picture, tone

RATE = 48_000
CHUNK = RATE // 50
PICTURES_PER_SECOND = 15
REPORT_EVERY = 0.25  # seconds

SOURCES = {
    "microphone": rtc.TrackSource.SOURCE_MICROPHONE,
    "camera": rtc.TrackSource.SOURCE_CAMERA,
}
SCENARIOS = {
    "signal-reconnect": "SIMULATE_SIGNAL_RECONNECT",
    "full-reconnect": "SIMULATE_FULL_RECONNECT",
}
CODECS = {"VP8": rtc.VideoCodec.VP8, "H264": rtc.VideoCodec.H264}


class Client:
    """One stay in a room after the other."""

    def __init__(self) -> None:
        self.room = rtc.Room()
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.data_tracks: dict[str, Any] = {}
        self.listen_to_room()

    def listen_to_room(self) -> None:
        room = self.room
        room.on("participant_connected", lambda p: report("connected", identity=p.identity))
        room.on("participant_disconnected", lambda p: report("left", identity=p.identity))
        room.on("track_published", lambda pub, p: report("published", **track_facts(pub, p)))
        room.on("track_unpublished", lambda pub, p: report("unpublished", **track_facts(pub, p)))
        room.on("track_subscribed", self.on_subscribed)
        room.on("track_unsubscribed", self.on_unsubscribed)
        room.on("track_muted", lambda p, pub: report("muted", **track_facts(pub, p)))
        room.on("track_unmuted", lambda p, pub: report("unmuted", **track_facts(pub, p)))
        room.on("local_track_subscribed", lambda track: report("heard", name=track.name))
        room.on("active_speakers_changed", on_speakers)
        room.on("data_received", on_data)
        room.on("sip_dtmf_received", on_tone)
        room.on("transcription_received", on_transcription)
        room.on("participant_attributes_changed", on_attributes)
        room.on("data_track_published", self.on_data_track)
        room.on("reconnecting", lambda: report("reconnecting"))
        room.on("reconnected", lambda: report("reconnected"))
        room.on("disconnected", lambda reason: report("disconnected", reason=reason))

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks[name] = task
        task.add_done_callback(on_task_done)

    def stop(self, name: str) -> None:
        task = self.tasks.pop(name, None)
        if task is not None:
            task.cancel()

    # Receiving

    def on_subscribed(self, track: Any, publication: Any, participant: Any) -> None:
        facts = track_facts(publication, participant)
        report("subscribed", **facts)
        is_audio = track.kind == rtc.TrackKind.KIND_AUDIO
        receive = self.listen if is_audio else self.watch
        self.start(publication.sid, receive(track, facts))

    def on_unsubscribed(self, track: Any, publication: Any, participant: Any) -> None:
        self.stop(publication.sid)
        report("unsubscribed", **track_facts(publication, participant))

    async def listen(self, track: Any, facts: dict[str, Any]) -> None:
        stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        samples, heard = 0, b""
        try:
            async for event in stream:
                data = bytes(event.frame.data)
                heard += data
                if len(heard) >= RATE * 2 * REPORT_EVERY:
                    samples += len(heard) // 2
                    report(
                        "audio",
                        **facts,
                        seconds=samples / RATE,
                        frequency=frequency(heard, RATE),
                        loudness=loudness(heard),
                    )
                    heard = b""
        finally:
            await stream.aclose()

    async def watch(self, track: Any, facts: dict[str, Any]) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        loop = asyncio.get_running_loop()
        frames, rows, due = 0, set(), 0.0
        try:
            async for event in stream:
                frame = event.frame
                frames += 1
                if loop.time() >= due:
                    due = loop.time() + REPORT_EVERY
                    start = frame.height // 2 * frame.width
                    row = bytes(frame.data[start : start + frame.width])
                    rows.add(row)
                    report(
                        "video",
                        **facts,
                        frames=frames,
                        width=frame.width,
                        height=frame.height,
                        contrast=contrast(row),
                        different=len(rows),
                    )
        finally:
            await stream.aclose()

    # Commands

    async def handle(self, command: dict[str, Any]) -> None:
        do, number = command.pop("do"), command.pop("number", None)
        try:
            await getattr(self, "do_" + do)(**command)
        except Exception as error:  # noqa: BLE001 - the test decides what it makes of it
            report("error", number=number, error=f"{type(error).__name__}: {error}")
        else:
            report("done", number=number)

    async def do_join(self, url: str, token: str, key: str = "", **options: Any) -> None:
        if key:
            keys = rtc.KeyProviderOptions(shared_key=key.encode())
            options["encryption"] = rtc.E2EEOptions(key_provider_options=keys)
        await self.room.connect(url, token, rtc.RoomOptions(**options))
        present = sorted(self.room.remote_participants)
        local = self.room.local_participant
        report("joined", identity=local.identity, sid=local.sid, present=present)

    async def do_publish_tone(self, hertz: float, name: str = "mic", **options: Any) -> None:
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track(name, source)
        publish = rtc.TrackPublishOptions(source=SOURCES["microphone"], **options)
        publication = await self.room.local_participant.publish_track(track, publish)
        self.start(name, play_tone(source, hertz))
        report("published_ours", name=name, sid=publication.sid)

    async def do_publish_picture(
        self, width: int, height: int, name: str = "cam", codec: str = "VP8", **options: Any
    ) -> None:
        source = rtc.VideoSource(width, height)
        track = rtc.LocalVideoTrack.create_video_track(name, source)
        publish = rtc.TrackPublishOptions(
            source=SOURCES["camera"], video_codec=CODECS[codec], **options
        )
        publication = await self.room.local_participant.publish_track(track, publish)
        self.start(name, show_pictures(source, width, height))
        report("published_ours", name=name, sid=publication.sid)

    def local_publication(self, name: str) -> Any:
        publications = self.room.local_participant.track_publications.values()
        return next(publication for publication in publications if publication.name == name)

    async def do_unpublish(self, name: str) -> None:
        await self.room.local_participant.unpublish_track(self.local_publication(name).sid)
        self.stop(name)

    async def do_mute(self, name: str) -> None:
        self.local_publication(name).track.mute()

    async def do_unmute(self, name: str) -> None:
        self.local_publication(name).track.unmute()

    async def do_data(
        self, size: int, reliable: bool, topic: str = "", to: tuple[str, ...] = (), count: int = 1
    ) -> None:
        for number in range(count):
            await self.room.local_participant.publish_data(
                number.to_bytes(4, "big") + bytes(index % 251 for index in range(size - 4)),
                reliable=reliable,
                topic=topic,
                destination_identities=list(to),
            )

    async def do_attributes(self, attributes: dict[str, str]) -> None:
        await self.room.local_participant.set_attributes(attributes)

    # Streams

    async def do_serve_streams(self, topic: str) -> None:
        self.room.register_text_stream_handler(
            topic, lambda reader, sender: self.start(reader.info.stream_id, read(reader, sender))
        )
        self.room.register_byte_stream_handler(
            topic, lambda reader, sender: self.start(reader.info.stream_id, read(reader, sender))
        )

    async def do_send_text(self, text: str, **options: Any) -> None:
        info = await self.room.local_participant.send_text(text, **to_options(options))
        report("sent_stream", id=info.stream_id)

    async def do_send_file(self, path: str, **options: Any) -> None:
        info = await self.room.local_participant.send_file(path, **to_options(options))
        report("sent_stream", id=info.stream_id)

    async def do_stream_text(
        self, pieces: list[str], at_end: dict[str, str], reason: str = "", **options: Any
    ) -> None:
        writer = await self.room.local_participant.stream_text(**to_options(options))
        for piece in pieces:
            await writer.write(piece)
        await writer.aclose(attributes=at_end, reason=reason)
        report("sent_stream", id=writer.info.stream_id)

    async def do_stream_bytes(
        self, pieces: list[str], at_end: dict[str, str], reason: str = "", **options: Any
    ) -> None:
        writer = await self.room.local_participant.stream_bytes(**to_options(options))
        for piece in pieces:
            await writer.write(base64.b64decode(piece))
        await writer.aclose(attributes=at_end, reason=reason)
        report("sent_stream", id=writer.info.stream_id)

    # Messages

    async def do_dtmf(self, code: int, digit: str) -> None:
        await self.room.local_participant.publish_dtmf(code=code, digit=digit)

    async def do_transcribe(self, identity: str, sid: str, segments: list[dict[str, Any]]) -> None:
        transcription = rtc.Transcription(
            participant_identity=identity,
            track_sid=sid,
            segments=[rtc.TranscriptionSegment(**segment) for segment in segments],
        )
        await self.room.local_participant.publish_transcription(transcription)

    # Calls

    async def do_serve_rpc(self) -> None:
        for method in (echo, fail, refuse, linger):
            self.room.local_participant.register_rpc_method(method.__name__, method)

    async def do_call(self, to: str, method: str, payload: str, seconds: float = 10.0) -> None:
        try:
            answer = await self.room.local_participant.perform_rpc(
                destination_identity=to, method=method, payload=payload, response_timeout=seconds
            )
        except rtc.RpcError as error:
            report("rpc_error", code=error.code, message=error.message, data=error.data or "")
        else:
            report("answer", size=len(answer), digest=hashlib.sha256(answer.encode()).hexdigest())

    # Data tracks

    def on_data_track(self, track: Any) -> None:
        self.start(track.info.sid, read_track(track))

    async def do_publish_data_track(self, name: str) -> None:
        track = await self.room.local_participant.publish_data_track(name=name)
        self.data_tracks[name] = track
        report("data_track_ours", name=name, sid=track.info.sid)

    async def do_push(self, name: str, content: str, user_timestamp: str | None = None) -> None:
        number = None if user_timestamp is None else int(user_timestamp)
        frame = rtc.DataTrackFrame(base64.b64decode(content), number)
        self.data_tracks[name].try_push(frame)

    async def do_unpublish_data_track(self, name: str) -> None:
        await self.data_tracks.pop(name).unpublish()

    async def do_simulate(self, scenario: str) -> None:
        kind = rtc.SimulateScenarioKind.Value(SCENARIOS[scenario])
        await self.room.simulate_scenario(kind)

    async def do_leave(self) -> None:
        for name in list(self.tasks):
            self.stop(name)
        await self.room.disconnect()
        report("gone")


async def echo(call: Any) -> str:
    report("called", identity=call.caller_identity, seconds=call.response_timeout)
    return str(call.payload)


async def fail(call: Any) -> str:
    raise ZeroDivisionError


async def refuse(call: Any) -> str:
    raise rtc.RpcError(1234, "no, thank you", "because")


async def linger(call: Any) -> str:
    await asyncio.sleep(60)
    return ""


async def play_tone(source: Any, hertz: float) -> None:
    position = 0
    while True:  # capture_frame waits while the source has a second of sound
        data = tone(hertz, RATE, position, CHUNK)
        await source.capture_frame(rtc.AudioFrame(data, RATE, 1, CHUNK))
        position += CHUNK


async def show_pictures(source: Any, width: int, height: int) -> None:
    number = 0
    loop = asyncio.get_running_loop()
    start = loop.time()
    while True:
        data = moving_picture(width, height, number)
        source.capture_frame(rtc.VideoFrame(width, height, rtc.VideoBufferType.I420, data))
        number += 1
        await asyncio.sleep(start + number / PICTURES_PER_SECOND - loop.time())


def to_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a stream as the SDK names them."""
    names = {"to": "destination_identities", "mime": "mime_type", "total": "total_size"}
    return {names.get(name, name): value for name, value in options.items()}


async def read(reader: Any, sender: str) -> None:
    """Read a stream and tell what was in it, and what its end was."""
    kind = "text_stream" if isinstance(reader, rtc.TextStreamReader) else "byte_stream"
    content, pieces, error = b"", 0, ""
    try:
        async for piece in reader:
            content += piece.encode() if isinstance(piece, str) else piece
            pieces += 1
    except rtc.StreamError as failure:
        error = str(failure)
    info = reader.info
    report(
        kind,
        id=info.stream_id,
        identity=sender,
        topic=info.topic,
        mime=info.mime_type,
        total=info.size,
        attributes=info.attributes,
        attached=getattr(info, "attachments", []),
        name=getattr(info, "name", ""),
        size=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        pieces=pieces,
        error=error,
    )


async def read_track(track: Any) -> None:
    """Read a data track to its end and tell what comes."""
    facts = {"name": track.info.name, "identity": track.publisher_identity}
    report("data_track", sid=track.info.sid, **facts)
    async for frame in track.subscribe(buffer_size=1000):
        report(
            "data_frame",
            size=len(frame.payload),
            digest=hashlib.sha256(frame.payload).hexdigest(),
            user_timestamp=None if frame.user_timestamp is None else str(frame.user_timestamp),
            **facts,
        )
    report("data_track_ended", **facts)


def track_facts(publication: Any, participant: Any) -> dict[str, Any]:
    return {
        "identity": participant.identity,
        "name": publication.name,
        "sid": publication.sid,
        "kind": "audio" if publication.kind == rtc.TrackKind.KIND_AUDIO else "video",
        "mime": publication.mime_type,
        "simulcast": publication.simulcasted,
    }


def on_data(packet: Any) -> None:
    report(
        "data",
        identity=None if packet.participant is None else packet.participant.identity,
        size=len(packet.data),
        digest=hashlib.sha256(packet.data).hexdigest(),
        number=int.from_bytes(packet.data[:4], "big"),
        topic=packet.topic,
        reliable=packet.kind == rtc.DataPacketKind.KIND_RELIABLE,
    )


def on_tone(tone: Any) -> None:
    identity = None if tone.participant is None else tone.participant.identity
    report("dtmf", identity=identity, code=tone.code, digit=tone.digit)


def on_transcription(segments: Any, participant: Any, publication: Any) -> None:
    report(
        "transcription",
        identity=None if participant is None else participant.identity,
        sid="" if publication is None else publication.sid,
        segments=[[one.id, one.text, one.final, one.language] for one in segments],
    )


def on_speakers(speakers: Any) -> None:
    report("speakers", identities=[speaker.identity for speaker in speakers])


def on_attributes(changed: Any, participant: Any) -> None:
    report("attributes", identity=participant.identity, changed=dict(changed))


def on_task_done(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        report("crash", error=repr(task.exception()))


async def main() -> None:
    client = Client()
    await serve_commands(client.handle)
    await client.do_leave()


if __name__ == "__main__":
    asyncio.run(main())
