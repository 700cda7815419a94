"""The code in the documentation runs, on the embedded server, and does what is said about it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing

from docs.snippets import media as media_page
from docs.snippets import (
    rooms,
    server_api,
    simulated,
    statistics,
    testing,
    tokens,
    tutorial,
)
from lktrio import Room, TranscriptionSegment, api, events, media, open_room
from lktrio.api import LiveKitAPI
from lktrio.auth import AccessToken, VideoGrants, verify_token
from lktrio.devserver import DevServer, open_dev_server
from lktrio.media import EncodedFrame, samples

ROOM = "demo"
PATIENCE = 30.0


@asynccontextmanager
async def two_people() -> AsyncGenerator[tuple[DevServer, Room, Room], None]:
    with trio.fail_after(PATIENCE):
        async with (
            open_dev_server() as server,
            open_room(server.url, server.token("alice", ROOM)) as alice,
            open_room(server.url, server.token("bob", ROOM)) as bob,
        ):
            yield server, alice, bob


@pytest.fixture
async def short(tmp_path: Path) -> Path:
    """Half a second of sound."""
    path = tmp_path / "short.ogg"
    async with (
        media.open_reader(samples.AUDIO) as reader,
        media.open_writer(path, reader.codec) as out,
    ):
        for _ in range(25):
            await out.send(await reader.receive())
    return path


async def read(path: Path) -> list[EncodedFrame]:
    async with media.open_reader(path) as reader:
        return [frame async for frame in reader]


# The tutorial


async def test_joining(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_people() as (server, _, _):
        await tutorial.join(server.url, server.token("carol", ROOM))
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "this is demo, and I am carol"
    assert sorted(out.splitlines()[1:]) == ["alice is here", "bob is here"]


async def test_publishing_and_recording(tmp_path: Path, short: Path) -> None:
    target = tmp_path / "recorded.ogg"
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:
        nursery.start_soon(tutorial.record, bob, str(target))
        await trio.testing.wait_all_tasks_blocked()
        await tutorial.publish(alice, str(short))
    recorded, published = await read(target), await read(short)
    assert len(recorded) > 10  # the first ones are sent before anybody listens
    sent = [frame.data for frame in published]
    start = sent.index(recorded[0].data)
    assert [frame.data for frame in recorded] == sent[start : start + len(recorded)]


async def test_asking() -> None:
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:
        questions = bob.events(events.DataReceived)

        async def answer() -> None:
            question = await questions.receive()
            assert (question.data, question.topic) == (b"why?", "question")
            await bob.local_participant.publish_data("who knows", topic="rumour")
            await bob.local_participant.publish_data("because", topic="answer")

        nursery.start_soon(answer)
        assert await tutorial.ask(alice, "why?") == b"because"


async def wait_active(
    joined: trio.abc.ReceiveChannel[events.ParticipantActive], identity: str
) -> None:
    async for event in joined:
        if event.participant.identity == identity:
            break
    await trio.testing.wait_all_tasks_blocked()


async def test_doing_two_things_at_once(tmp_path: Path, short: Path) -> None:
    target = tmp_path / "recorded.ogg"
    async with two_people() as (server, alice, _), trio.open_nursery() as nursery:
        joined = alice.events(events.ParticipantActive)
        nursery.start_soon(
            tutorial.play_and_record,
            server.url,
            server.token("carol", ROOM),
            str(short),
            str(target),
        )
        await wait_active(joined, "carol")
        await tutorial.publish(alice, str(short))
    assert await read(target)


# Rooms


async def test_working_in_a_room(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_people() as (server, alice, bob), trio.open_nursery() as nursery:
        joined = alice.events(events.ParticipantActive)
        nursery.start_soon(rooms.work_in_a_room, server.url, server.token("carol", ROOM))
        await wait_active(joined, "carol")
        async with bob.local_participant.publish_track(media.OPUS, name="mic") as track:
            await track.mute()
        async with open_room(server.url, server.token("dora", ROOM)):
            await alice.local_participant.publish_data("hello", topic="chat")
            await alice.local_participant.publish_data("hidden", topic="other")
        async with LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.send_data(
                api.SendDataRequest(room=ROOM, data=b"the end is near", topic="chat")
            )
            await lk.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    lines = capsys.readouterr().out.splitlines()
    for line in ("dora joined", "alice: hello", "the server: the end is near"):
        assert line in lines
    assert "that was all: room_deleted" in lines
    assert "the room ended: room_deleted" in lines


async def test_staying_for_a_minute() -> None:
    async with two_people() as (server, alice, _), trio.open_nursery() as nursery:
        joined = alice.events(events.ParticipantActive)
        nursery.start_soon(rooms.listen_for_a_minute, server.url, server.token("carol", ROOM))
        await wait_active(joined, "carol")
        async with LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.delete_room(api.DeleteRoomRequest(room=ROOM))


async def test_relaying() -> None:
    async with two_people() as (server, alice, _), trio.open_nursery() as nursery:
        here, there = server.token("relay", ROOM), server.token("relay", "other")
        async with open_room(server.url, server.token("carol", "other")) as carol:
            heard, joined = (
                carol.events(events.DataReceived),
                carol.events(events.ParticipantActive),
            )
            nursery.start_soon(rooms.relay, server.url, here, there)
            await wait_active(joined, "relay")
            await alice.local_participant.publish_data(b"news", topic="t")
            message = await heard.receive()
            assert (message.data, message.topic) == (b"news", "t")
            async with LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
                await lk.room.delete_room(api.DeleteRoomRequest(room=ROOM))


async def test_greeting_everybody() -> None:
    async with two_people() as (server, alice, bob), trio.open_nursery() as nursery:
        nursery.start_soon(rooms.greet_everybody, alice)
        assert (await bob.wait_for(events.DataReceived)).data == b"hello"
        async with open_room(server.url, server.token("carol", ROOM)) as carol:
            assert (await carol.wait_for(events.DataReceived)).data == b"hello"
        nursery.cancel_scope.cancel()


async def test_telling_of_the_link(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_people() as (_, alice, _bob), trio.open_nursery() as nursery:
        nursery.start_soon(rooms.tell_of_the_link, alice)
        for scenario in ("signal_reconnect", "node_failure"):
            again = alice.events(events.Reconnected, replay=False)
            await alice.simulate(scenario)
            await again.receive()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    printed = capsys.readouterr().out
    assert "the link is lost: resume, try 1" in printed
    assert "back, as if nothing had happened" in printed
    assert "back, as PA_" in printed


async def test_talking_in_streams(tmp_path: Path) -> None:
    heard: list[str] = []
    told: list[str] = []
    (tmp_path / "file").write_bytes(bytes(1000))
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:
        nursery.start_soon(rooms.talk_in_streams, alice, [])
        nursery.start_soon(rooms.talk_in_streams, bob, heard)
        while len(heard) < 2:
            await trio.sleep(0.02)
        await rooms.send_with_progress(alice, tmp_path / "file", told)
        nursery.cancel_scope.cancel()
    assert heard == ["alice: hello", "alice: one two three"]
    assert told[-1] == "1000 of 1000 bytes"


async def test_calling_each_other() -> None:
    async with two_people() as (_, alice, bob):
        answers = await rooms.call_each_other(alice, bob)
    assert answers == ["alice: HELLO", 0.25, "division by zero"]


async def test_reading_a_sensor() -> None:
    async with two_people() as (_, alice, bob):
        assert await rooms.read_a_sensor(alice, bob) == [b"20.1", b"20.3"]
        encoding, definition = await rooms.describe_frames(alice, bob)
        assert encoding == "json"
        assert definition.startswith(b'{"type": "array"')


async def test_chat_keys_and_captions(capsys: pytest.CaptureFixture[str]) -> None:
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:
        nursery.start_soon(rooms.answer_the_chat, bob)
        nursery.start_soon(rooms.show_captions, bob)
        me = alice.local_participant
        news = alice.events(events.ChatReceived)
        question = await me.send_chat_message("hello")
        first = (await news.receive()).message
        await me.edit_chat_message("bye", question)
        second = (await news.receive()).message
        assert (first.text, first.reply_to_id) == ("you said: hello", question.id)
        assert (second.text, second.id) == ("you said: bye", first.id)
        for final in (False, True):
            await me.publish_transcription(TranscriptionSegment("1", "so", final=final))
        for digit in "12#":
            await me.publish_dtmf(digit)
        assert await rooms.ask_for_a_number(bob) == "12"
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert capsys.readouterr().out == "alice: so\n"


async def test_sending_while_it_lasts() -> None:
    async with two_people() as (server, alice, bob), trio.open_nursery() as nursery:
        reasons: list[str] = []

        async def send() -> None:
            reasons.append(await rooms.send_while_it_lasts(alice))

        heard = bob.events(events.DataReceived)
        nursery.start_soon(send)
        assert (await heard.receive()).data == b"tick"
        async with LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.delete_room(api.DeleteRoomRequest(room=ROOM))
    assert reasons == ["room_deleted"]


# Tokens


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("LIVEKIT_API_KEY", "key")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "secret")
    return "key", "secret"


def test_making_a_token(keys: tuple[str, str]) -> None:
    claims = verify_token(tokens.make_token(), keys)
    assert (claims.identity, claims.name, claims.attributes) == (
        "alice",
        "Alice",
        {"language": "en"},
    )
    assert claims.video.may_publish_source("microphone")
    assert not claims.video.may_publish_source("camera")
    assert tokens.may_publish(tokens.make_token())


def test_making_a_token_with_an_agent(keys: tuple[str, str]) -> None:
    config = verify_token(tokens.make_token_with_agent(), keys).room_config
    assert config is not None
    assert [agent.agent_name for agent in config.agents] == ["helper"]


def test_verifying_with_an_older_key() -> None:
    grants = VideoGrants(room_join=True, room=ROOM, can_publish=False)
    token = AccessToken(identity="a", video=grants).to_jwt("older-key", "older-secret")
    assert not tokens.may_publish(token)


async def test_fetching_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    from lktrio import auth

    async with open_dev_server() as server:

        async def fetch(_request: auth.TokenRequest) -> auth.ConnectionDetails:
            await trio.lowlevel.checkpoint()
            token = server.token("alice", ROOM)
            return auth.ConnectionDetails(server_url=server.url, participant_token=token)

        def endpoint(url: str, *, headers: dict[str, str]) -> auth.TokenSource:
            assert (url, headers) == ("https://example.org", {"Authorization": "Bearer session"})
            return auth.TokenSource.custom(fetch)

        monkeypatch.setattr(auth.TokenSource, "endpoint", endpoint)
        assert await tokens.join_with_fetched_token("https://example.org") == ROOM


# Server APIs


async def test_making_a_room() -> None:
    async with open_dev_server() as server:
        made = await server_api.make_room(server.url, server.api_key, server.api_secret)
        assert (made.name, made.max_participants, made.empty_timeout) == ("demo", 20, 600)


async def test_saying_goodbye() -> None:
    async with (
        two_people() as (server, alice, _),
        LiveKitAPI(server.url, server.api_key, server.api_secret) as lk,
    ):
        assert await server_api.say_goodbye(lk, ROOM, "alice")
        assert await alice.wait_closed() == "participant_removed"
        assert not await server_api.say_goodbye(lk, ROOM, "nobody")


# Media


async def test_counting_keyframes() -> None:
    assert await media_page.count_keyframes(str(samples.VIDEO)) == 3


async def test_forwarding(short: Path) -> None:
    async with (
        two_people() as (server, alice, bob),
        open_room(server.url, server.token("carol", "other")) as carol,
        open_room(server.url, server.token("bob", "other")) as bob_there,
        trio.open_nursery() as nursery,
    ):
        tracks, further = (room.events(events.TrackSubscribed) for room in (bob, carol))
        async with alice.local_participant.publish_track(media.OPUS, name="mic") as track:
            nursery.start_soon(media_page.forward, await tracks.receive(), bob_there)
            event = await further.receive()
            assert event.publication.name == "mic"
            frames = event.track.frames()
            sent = await read(short)
            for frame in sent:
                await track.send(frame)
            received = await frames.receive()
            assert received.data in [frame.data for frame in sent]


async def test_recording(short: Path, tmp_path: Path) -> None:
    sent, recording = await read(short), media.Recording()
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:
        tracks = bob.events(events.TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            event = await tracks.receive()
            nursery.start_soon(media_page.record, event.track, recording, tmp_path)
            for frame in sent:
                await track.send(frame)
    found = await read(tmp_path / f"alice-{track.sid}.ogg")
    assert [frame.data for frame in found] == [frame.data for frame in sent]
    assert recording.zero is not None


async def test_measuring_loudness(short: Path) -> None:
    pytest.importorskip("av", reason="PyAV is not installed")
    loudest: list[int] = []
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:

        async def measure(event: events.TrackSubscribed) -> None:
            loudest.append(await media_page.loudness(event.track))

        tracks = bob.events(events.TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            nursery.start_soon(measure, await tracks.receive())
            for frame in await read(short):
                await track.send(frame)
    assert 1000 < loudest[0] <= 32768


# Testing


async def test_the_test_of_the_documentation() -> None:
    await testing.test_greeting()


@pytest.mark.virtual_time
async def test_calls_on_a_simulated_network() -> None:
    await simulated.test_greeting_from_behind_a_nat()
    await simulated.test_a_lost_server_ends_the_room()


# Statistics


async def test_reporting(capsys: pytest.CaptureFixture[str], short: Path) -> None:
    async with two_people() as (_, alice, bob), trio.open_nursery() as nursery:
        latest = statistics.LatestStats(bob)
        nursery.start_soon(latest.keep_up)
        nursery.start_soon(statistics.report, bob)
        await alice.local_participant.publish_file(short)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
        assert latest.stats.connections
    assert "publisher: udp, " in capsys.readouterr().out


async def test_logging_packets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_dev_server() as server:
        with trio.move_on_after(0.5):
            await statistics.logged(server.url, server.token("alice", ROOM))
    assert Path("call.pcapng").stat().st_size > 1000
