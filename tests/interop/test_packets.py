"""Chat, telephone tones, transcriptions and agents between LiveKit's own clients and ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lktrio import media
from lktrio.events import ChatReceived, DtmfReceived, TranscriptionReceived
from lktrio.room import AgentState, TranscriptionSegment
from tests.interop.support.browser import needs_browser, open_browser
from tests.interop.support.child import open_child
from tests.interop.support.participant import Participant, open_participant
from tests.interop.support.reports import Program
from tests.support.servers import SERVERS, open_server

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
LONG = "grüß dich, 世界! " * 4000

on_each_server = pytest.mark.parametrize("which", SERVERS)
browser = pytest.param("browser", marks=needs_browser)
with_each_client = pytest.mark.parametrize("client", ["python", browser])


@asynccontextmanager
async def open_call(
    which: str, client: str, profile: Path
) -> AsyncGenerator[tuple[Participant, Program], None]:
    """Our participant and another client, both of them agents, who may do all of this."""
    opened = open_browser(profile) if client == "browser" else open_child("official_client")
    with trio.fail_after(LIMIT):
        async with open_server(which) as server, opened as other:
            mine, theirs = (
                server.token(name, kind="agent", can_update_own_metadata=True)
                for name in ("me", "other")
            )
            async with open_participant(server.url, mine) as participant:
                await other.order("join", url=server.url, token=theirs, single_peer_connection=True)
                await participant.room.wait_for_agent(identity="other")
                yield participant, other


@on_each_server
@with_each_client
async def test_chat_and_transcriptions_in_streams(which: str, client: str, tmp_path: Path) -> None:
    async with open_call(which, client, tmp_path / "profile") as (participant, other):
        them = participant.room.remote_participants["other"]
        me = participant.room.local_participant
        for text in ("short", LONG):
            await other.order("send_text", text=text, topic="lk.chat", attributes={"a": "b"})
            told = await participant.wait_event(ChatReceived, lambda e, t=text: e.message.text == t)  # type: ignore[misc]
            assert told.participant is them
            assert told.message.attributes["a"] == "b"
        attributes = {
            "lk.segment_id": "s1",
            "lk.transcription_final": "false",
            "lk.transcribed_track_id": "TR_x",
        }
        for text, final in (("hel", "false"), ("hello", "true")):
            attributes["lk.transcription_final"] = final
            await other.order(
                "send_text", text=text, topic="lk.transcription", attributes=attributes
            )
            segment = TranscriptionSegment("s1", text, final == "true")
            said = await participant.wait_event(
                TranscriptionReceived,
                lambda e, wanted=segment: e.segments == (wanted,),  # type: ignore[misc]
            )
            assert (said.participant, said.sender, said.track_sid) == (them, them, "TR_x")
        await other.order("serve_streams", topic="lk.chat")
        await other.order("serve_streams", topic="lk.transcription")
        message = await me.send_chat_message(LONG)
        got = await other.wait("text_stream", id=message.id, topic="lk.chat")
        assert (got["size"], got["identity"]) == (len(LONG.encode()), "me")
        await me.edit_chat_message("changed", message)
        await other.wait("text_stream", id=message.id, size=len("changed"))
        await me.publish_transcription(
            TranscriptionSegment("s2", "so", final=False), track_sid="TR_y"
        )
        got = await other.wait("text_stream", topic="lk.transcription")
        assert {**attributes, **got["attributes"]} == {
            "lk.segment_id": "s2",
            "lk.transcription_final": "false",
            "lk.transcribed_track_id": "TR_y",
        }


@on_each_server
@with_each_client
async def test_tones_and_transcriptions_in_packets(which: str, client: str, tmp_path: Path) -> None:
    async with open_call(which, client, tmp_path / "profile") as (participant, other):
        them = participant.room.remote_participants["other"]
        me = participant.room.local_participant
        for code, digit in ((7, "7"), (10, "*"), (15, "D")):
            await other.order("dtmf", code=code, digit=digit)
            tone = await participant.wait_event(DtmfReceived, lambda e, c=code: e.code == c)  # type: ignore[misc]
            assert (tone.digit, tone.participant) == (digit, them)
            await me.publish_dtmf(digit)
            await other.wait("dtmf", identity="me", code=code, digit=digit)
        async with me.publish_track(media.OPUS, name="mic") as track:
            sid = track.publication.sid
            await other.wait("published", sid=sid) if client == "python" else await other.wait(
                "subscribed", sid=sid
            )
            segments = [
                TranscriptionSegment("s1", "good", final=True, language="en", end_time=1.5),
                TranscriptionSegment("s2", "morn", final=False, language="en"),
            ]
            await me.publish_transcription(segments, track_sid=sid, form="packet")
            got = await other.wait("transcription")
            assert (got["identity"], got["sid"]) == ("me", sid)
            assert got["segments"] == [["s1", "good", True, "en"], ["s2", "morn", False, "en"]]
            if client == "python":  # livekit-client has no way to send one
                times = {"start_time": 250, "end_time": 1500, "language": "de"}
                said = {"id": "s3", "text": "so", "final": True, **times}
                await other.order("transcribe", identity="me", sid=sid, segments=[said])
                event = await participant.wait_event(TranscriptionReceived)
                assert event.segments == (
                    TranscriptionSegment("s3", "so", True, "de", start_time=0.25, end_time=1.5),
                )
                assert event.participant is me
                assert (event.sender, event.track_sid) == (them, sid)


@on_each_server
@pytest.mark.parametrize("client", [browser])
async def test_chat_in_packets(which: str, client: str, tmp_path: Path) -> None:
    """As earlier applications have it, and for both kinds of readers at once."""
    async with open_call(which, client, tmp_path / "profile") as (participant, other):
        me = participant.room.local_participant
        await other.order("chat", text="one", edited="two")
        first = await participant.wait_event(ChatReceived, lambda e: e.message.text == "one")
        second = await participant.wait_event(ChatReceived, lambda e: e.message.text == "two")
        assert (first.message.id, first.message.timestamp) == (
            second.message.id,
            second.message.timestamp,
        )
        assert (first.message.edited_at, second.message.edited_at is None) == (None, False)
        await other.order("serve_streams", topic="lk.chat")
        message = await me.send_chat_message("three", form="both")
        await me.edit_chat_message("four", message, form="both")
        for text, edited in (("three", False), ("four", True)):
            await other.wait("chat", id=message.id, text=text, edited=edited, identity="me")
            await other.wait("text_stream", id=message.id, size=len(text), identity="me")


@on_each_server
@with_each_client
async def test_agents_see_each_others_state(which: str, client: str, tmp_path: Path) -> None:
    async with open_call(which, client, tmp_path / "profile") as (participant, other):
        room = participant.room
        agent = await room.wait_for_agent()
        assert agent is room.remote_participants["other"]
        await other.order("attributes", attributes={"lk.agent.state": "thinking"})
        assert await room.wait_for_agent(state=AgentState.THINKING) is agent
        await room.local_participant.set_agent_state(AgentState.LISTENING)
        await other.wait("attributes", identity="me", changed={"lk.agent.state": "listening"})
