"""A call goes on over lost links: media, data, tracks and events of those who stay in it."""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.events import (
    Disconnected,
    LocalTrackRepublished,
    LocalTrackUnpublished,
    ParticipantConnected,
    ParticipantDisconnected,
    Reconnected,
    Reconnecting,
    TrackUnsubscribed,
)
from lktrio.media import OPUS
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


async def test_who_is_sent_away_does_not_come_back(server: RoomServer) -> None:
    async with server.join("alice") as alice:
        events = alice.events(Reconnecting, Disconnected, replay=False)
        await alice.simulate(SimulateScenario.SERVER_LEAVE)
        end = await expect(events, object)
        assert end == Disconnected(DisconnectReason.SERVER_SHUTDOWN)
        assert alice.state is ConnectionState.DISCONNECTED


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
