"""A call goes on over lost links: media, data, tracks and events of those who stay in it."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.events import (
    ActiveSpeakersChanged,
    Disconnected,
    LocalTrackRepublished,
    LocalTrackUnpublished,
    ParticipantConnected,
    ParticipantDisconnected,
    Reconnected,
    Reconnecting,
    TrackSubscribed,
    TrackUnsubscribed,
)
from lktrio.media import OPUS, EncodedFrame
from lktrio.room import (
    ConnectionState,
    DisconnectReason,
    ReconnectKind,
    ReconnectPolicy,
    RoomOptions,
    SimulateScenario,
)
from tests.support.calls import Side, go_on, open_call
from tests.support.servers import VERSIONS, RoomServer, expect, until

pytestmark = pytest.mark.virtual_time
DEADLINE = 120.0


def _check_resumed(side: Side) -> None:
    assert side.data == list(range(side.data[0], side.data[0] + len(side.data)))
    assert side.tracks == 1
    assert not side.told(TrackUnsubscribed)


@VERSIONS
async def test_a_cut_of_the_signalling_costs_nothing(
    server: RoomServer, options: RoomOptions
) -> None:
    async with open_call(server, options) as (alice, bob):
        sid = alice.room.local_participant.sid
        events = alice.room.events(Reconnecting, Reconnected, replay=False)
        await alice.room.simulate(SimulateScenario.SIGNAL_RECONNECT)
        assert await expect(events, Reconnecting) == Reconnecting(ReconnectKind.RESUME, 1)
        assert alice.state() is ConnectionState.RECONNECTING
        assert await expect(events, Reconnected) == Reconnected(ReconnectKind.RESUME)
        assert alice.state() is ConnectionState.CONNECTED
        await go_on(alice, bob)
        assert alice.room.local_participant.sid == sid
        for side in (alice, bob):
            _check_resumed(side)
            assert len(side.told(ParticipantConnected)) == 1
            assert not side.told(ParticipantDisconnected)
        # With two connections LiveKit's server looks for a new path for what it sends, and loses
        # what it sends meanwhile.
        for side in (bob,) if server.real and not options.single_peer_connection else (alice, bob):
            numbers = side.numbers()
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


_RESUMED = (
    SimulateScenario.DISCONNECT_SIGNAL_ON_RESUME,
    SimulateScenario.DISCONNECT_SIGNAL_ON_RESUME_NO_MESSAGES,
)


@VERSIONS
async def test_a_resume_that_breaks_is_tried_again(
    server: RoomServer, options: RoomOptions
) -> None:
    for scenario in _RESUMED:
        async with open_call(server, options) as (alice, bob):
            events = alice.room.events(Reconnecting, Reconnected, replay=False)
            await alice.room.simulate(scenario)
            await trio.sleep(0.1)
            await alice.room.simulate(SimulateScenario.SIGNAL_RECONNECT)
            await expect(events, Reconnecting, lambda event: event.attempt == 2)
            assert (await expect(events, Reconnected)).kind is ReconnectKind.RESUME, scenario
            await go_on(alice, bob)
            for side in (alice, bob):
                _check_resumed(side)


_RESTARTED = (SimulateScenario.NODE_FAILURE, SimulateScenario.MIGRATION)


@VERSIONS
async def test_a_lost_session_begins_anew_under_the_same_tracks(
    server: RoomServer, options: RoomOptions
) -> None:
    for scenario in _RESTARTED:
        async with open_call(server, options) as (alice, bob):
            me = alice.room.local_participant
            sid, [publication] = me.sid, me.track_publications.values()
            track_sid = publication.sid
            events = alice.room.events(LocalTrackRepublished, Reconnected, replay=False)
            await alice.room.simulate(scenario)
            republished = await expect(events, LocalTrackRepublished)
            assert republished.publication is publication, scenario
            assert republished.previous_sid == track_sid, scenario
            assert (await expect(events, Reconnected)).kind is ReconnectKind.RESTART, scenario
            assert me.sid != sid, scenario
            assert me.track_publications == {publication.sid: publication}, scenario
            await go_on(alice, bob)
            # To alice, who came back, nothing has changed but a gap.
            assert alice.tracks == 1, scenario
            assert not alice.told(TrackUnsubscribed), scenario
            assert not alice.told(ParticipantDisconnected), scenario
            assert not alice.told(LocalTrackUnpublished), scenario
            gaps = [frame for frame in alice.frames if frame.discontinuity]
            assert gaps, scenario
            times = [frame.timestamp for frame in alice.frames]
            assert times == sorted(set(times)), scenario
            # The others see her once: she has left and is there again.
            await until(lambda: len(bob.told(ParticipantConnected)) == 2)
            assert len(bob.told(ParticipantDisconnected)) == 1, scenario
            assert list(bob.room.remote_participants) == ["alice"], scenario
            for side in (alice, bob):
                assert side.data == sorted(set(side.data)), scenario


async def test_somebody_seems_to_speak(server: RoomServer) -> None:
    async with (
        server.join("alice") as alice,
        server.join("bob") as bob,
        alice.local_participant.publish_track(OPUS) as track,
    ):
        await track.wait_subscribed()  # only subscribers are told
        events = bob.events(ActiveSpeakersChanged, replay=False)
        await alice.simulate(SimulateScenario.SPEAKER_UPDATE, 1)
        told = await expect(events, ActiveSpeakersChanged)
        assert [speaker.identity for speaker in told.speakers] == ["alice"]
        assert (await expect(events, ActiveSpeakersChanged)).speakers == ()
        assert alice.state is bob.state is ConnectionState.CONNECTED


async def test_who_is_sent_away_does_not_come_back(server: RoomServer) -> None:
    async with server.join("alice") as alice:
        events = alice.events(Reconnecting, Disconnected, replay=False)
        await alice.simulate(SimulateScenario.SERVER_LEAVE)
        end = await expect(events, object)
        assert end == Disconnected(DisconnectReason.SERVER_SHUTDOWN)
        assert alice.state is ConnectionState.DISCONNECTED


async def test_what_was_asked_for_holds_afterwards(server: RoomServer) -> None:
    """Subscriptions and settings, also those that were asked for while there was no link."""
    for scenario in (SimulateScenario.SIGNAL_RECONNECT, SimulateScenario.NODE_FAILURE):
        await check_what_was_asked_for(server, scenario)


async def check_what_was_asked_for(server: RoomServer, scenario: SimulateScenario) -> None:
    async with (
        server.join("alice") as alice,
        server.join("bob") as bob,
        bob.local_participant.publish_track(OPUS, name="unwanted"),
        bob.local_participant.publish_track(OPUS, name="held") as sent,
        alice.local_participant.publish_track(OPUS) as ours,
    ):
        received = await alice.wait_for(
            TrackSubscribed, lambda event: event.publication.name == "held"
        )
        await bob.wait_for(TrackSubscribed)
        held = received.publication
        unwanted = received.participant.get_track_publication(name="unwanted")
        assert unwanted is not None
        await unwanted.set_subscribed(False)
        events = alice.events(Reconnecting, Reconnected, TrackUnsubscribed, replay=False)
        await expect(events, TrackUnsubscribed)
        news = alice.events(TrackSubscribed, replay=False)
        await alice.simulate(scenario)
        await expect(events, Reconnecting)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(held.set_enabled, False)
            nursery.start_soon(ours.mute)
            await expect(events, Reconnected)

        def is_muted() -> bool:
            there = bob.remote_participants.get("alice")
            tracks = list(there.track_publications.values()) if there is not None else []
            return bool(tracks) and all(one.muted for one in tracks)

        await until(is_muted)
        voice = b"\xfc" + bytes(9)
        async with received.track.frames() as frames:
            for number in range(100):
                await sent.send(EncodedFrame(voice, number / 50, 1 / 50))
            heard = 0
            with trio.move_on_after(0.2):
                async for frame in frames:  # some may be the silence that the server sends
                    heard += frame.data == voice
            assert heard < 50, scenario  # the real server waits a moment with settings
        assert held.subscribed, scenario
        assert not unwanted.subscribed, scenario
        with trio.move_on_after(0.1):
            assert (await news.receive()).publication is not unwanted, scenario
        await unwanted.set_subscribed(True)
        await until(lambda: unwanted.subscribed)


async def test_a_track_whose_negotiation_was_cut_off_is_published(server: RoomServer) -> None:
    """Of the time for it most has passed when the link is back, and the server is slow then."""
    if server.faults is None:
        pytest.skip("the real server answers offers")
    policy = ReconnectPolicy(delays=(8.0, 1.0))
    async with server.join("alice", RoomOptions(reconnect=policy)) as alice:
        cut = False

        def drop_answers(_: str, response: proto.SignalResponse) -> proto.SignalResponse | None:
            return response if response.answer is None or cut else None

        server.faults.on_response = drop_answers
        async with trio.open_nursery() as nursery:

            async def publish() -> None:
                async with alice.local_participant.publish_track(OPUS, name="late"):
                    nursery.cancel_scope.cancel()

            nursery.start_soon(publish)
            await trio.sleep(5)
            await alice.simulate(SimulateScenario.SIGNAL_RECONNECT)
            cut, server.faults.delay = True, 0.5
        assert nursery.cancel_scope.cancelled_caught
