"""The server does wrong what a test wants it to."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio.devserver import DevServer, open_dev_server
from lktrio.errors import JoinRejected
from lktrio.events import (
    DataReceived,
    Disconnected,
    ParticipantConnected,
    Reconnected,
    Reconnecting,
)
from lktrio.room import ReconnectKind, Room, RoomOptions, connect_room
from lktrio.testing import SimulatedHost, SimulatedNetwork

pytestmark = pytest.mark.virtual_time

_Action = proto.LeaveRequest.Action


class Stage:
    """A server and somebody in a room of it."""

    def __init__(self) -> None:
        self.network = SimulatedNetwork()
        self.count = 1
        self.server: DevServer
        self.nursery: trio.Nursery

    def host(self) -> SimulatedHost:
        self.count += 1
        return self.network.host(f"host-{self.count}", f"10.0.0.{self.count}")

    async def join(self, identity: str, **more: Any) -> Room:
        options = RoomOptions(network=self.host(), join_retries=0, **more)
        token = self.server.token(identity, "room")
        return await connect_room(self.nursery, self.server.url, token, options)


async def _play(play: object) -> None:
    stage = Stage()
    server = open_dev_server(host="10.0.0.1", network=stage.network.host("server", "10.0.0.1"))
    async with server as stage.server, trio.open_nursery() as stage.nursery:
        with trio.fail_after(60):
            await play(stage)  # type: ignore[operator]
        stage.nursery.cancel_scope.cancel()


async def test_joins_and_resumes_are_refused() -> None:
    async def play(stage: Stage) -> None:
        stage.server.faults.refuse("join", status=418)
        with pytest.raises(JoinRejected, match="418"):
            await stage.join("bob")
        bob = await stage.join("bob")
        events = bob.events(Reconnecting, Reconnected, replay=False)
        stage.server.faults.refuse("resume", count=2)
        stage.server.cut_signalling("bob", "room")
        heard = [await events.receive() for _ in range(4)]
        tries = [Reconnecting(ReconnectKind.RESUME, number) for number in (1, 2, 3)]
        assert heard == [*tries, Reconnected(ReconnectKind.RESUME)]
        leave = proto.LeaveRequest(action=_Action.RECONNECT)
        stage.server.faults.refuse("resume", leave=leave)
        stage.server.cut_signalling("bob", "room")
        while not isinstance(event := await events.receive(), Reconnected):
            pass
        assert event == Reconnected(ReconnectKind.RESTART)

    await _play(play)


async def test_participants_are_told_to_leave() -> None:
    async def play(stage: Stage) -> None:
        bob = await stage.join("bob")
        events = bob.events(Reconnected, Disconnected, replay=False)
        for action, kind in (
            (_Action.RESUME, ReconnectKind.RESUME),
            (_Action.RECONNECT, ReconnectKind.RESTART),
        ):
            stage.server.send_leave("bob", "room", action)
            assert await events.receive() == Reconnected(kind)
        stage.server.send_leave("bob", "room", _Action.DISCONNECT)
        assert isinstance(await events.receive(), Disconnected)
        with pytest.raises(LookupError, match="bob"):
            stage.server.cut_signalling("bob", "room")

    await _play(play)


async def test_media_are_dropped_until_the_session_resumes() -> None:
    async def play(stage: Stage) -> None:
        for single in (True, False):
            bob = await stage.join("bob", single_peer_connection=single)
            alice = await stage.join("alice", single_peer_connection=single)
            messages = bob.events(DataReceived, replay=False)
            events = bob.events(Reconnected, replay=False)
            stage.server.drop_media("bob", "room")
            assert await events.receive() == Reconnected(ReconnectKind.RESUME), single
            await alice.local_participant.publish_data(b"still there?")
            assert (await messages.receive()).data == b"still there?", single
            await bob.leave()
            await alice.leave()

    await _play(play)


async def test_messages_are_dropped_changed_and_delayed() -> None:
    async def play(stage: Stage) -> None:
        faults = stage.server.faults
        asked: list[str] = []

        def rename(identity: str, response: proto.SignalResponse) -> proto.SignalResponse | None:
            if response.update is not None:
                if identity == "deaf":
                    return None
                for info in response.update.participants:
                    info.name = "somebody"
            return response

        def note(identity: str, request: proto.SignalRequest) -> proto.SignalRequest | None:
            if request.mute is not None or request.simulate is not None:
                asked.append(identity)
                return None
            return request

        faults.on_response, faults.on_request = rename, note
        bob, deaf = await stage.join("bob"), await stage.join("deaf")
        carol = await stage.join("carol")
        joined = await bob.wait_for(
            ParticipantConnected, lambda event: event.participant.identity == "carol"
        )
        assert joined.participant.name == "somebody"
        await carol.simulate("node_failure")
        await trio.sleep(5)
        assert asked == ["carol"]
        assert carol.state == "connected"
        assert "carol" not in deaf.remote_participants
        faults.on_response = faults.on_request = None
        faults.delay = 2.0
        events = bob.events(ParticipantConnected, replay=False)
        before = trio.current_time()
        await stage.join("dave")
        await events.receive()
        assert trio.current_time() - before >= 2

    await _play(play)
