"""Calls in which everything goes wrong, by a script that a seed makes; for virtual time.

A script lets people join and leave, publish and withdraw, send, and meanwhile breaks what links
them: signalling, paths, addresses, nodes. When all of it is over and mended, everybody must see the
same room, and have been told of it in order.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from lktrio import media
from lktrio.events import (
    DataReceived,
    Disconnected,
    LocalTrackPublished,
    LocalTrackRepublished,
    LocalTrackUnpublished,
    ParticipantConnected,
    ParticipantDisconnected,
    Reconnected,
    Reconnecting,
    TrackMuted,
    TrackPublished,
    TrackSubscribed,
    TrackUnmuted,
    TrackUnpublished,
    TrackUnsubscribed,
)
from lktrio.room import ConnectionState, LocalTrack, ReconnectKind, Room, SimulateScenario
from lktrio.testing import SimulatedHost, SimulatedNetwork
from tests.support.servers import LATENCY, V0, V1, RoomServer

_STEPS = 14
_SOUND = b"\xfc" + bytes(40)
_SETTLED = 30.0  # seconds until everybody who was awaited is told as gone


class View:
    """What a member knows of its room by events alone."""

    def __init__(self) -> None:
        self.state = ConnectionState.CONNECTED
        self.people: dict[str, Any] = {}
        self.tracks: dict[Any, str] = {}
        self.subscribed: set[Any] = set()
        self.muted: set[Any] = set()
        self.own: set[Any] = set()
        self.restarts = 0

    def follow(self, event: object) -> None:
        self._follow_others(event)
        self._follow_us(event)

    def _follow_others(self, event: object) -> None:
        match event:
            case ParticipantConnected(participant):
                assert participant.identity not in self.people, f"{participant} doubled"
                self.people[participant.identity] = participant
            case ParticipantDisconnected(participant):
                assert self.people.pop(participant.identity) is participant
                assert not any(one.participant is participant for one in self.tracks)
            case TrackPublished(publication):
                assert publication not in self.tracks, f"{publication} doubled"
                self.tracks[publication] = publication.name
                if publication.muted:
                    self.muted.add(publication)
            case TrackUnpublished(publication):
                del self.tracks[publication]
                self.muted.discard(publication)
            case TrackSubscribed(_, publication):
                assert publication not in self.subscribed, f"{publication} subscribed twice"
                self.subscribed.add(publication)
            case TrackUnsubscribed(_, publication):
                self.subscribed.remove(publication)
            case TrackMuted(publication) if publication in self.tracks:
                self.muted.add(publication)
            case TrackUnmuted(publication) if publication in self.tracks:
                self.muted.discard(publication)
            case _:
                pass

    def _follow_us(self, event: object) -> None:
        match event:
            case LocalTrackPublished(publication):
                assert publication not in self.own
                self.own.add(publication)
            case LocalTrackRepublished(publication):
                assert publication in self.own
            case LocalTrackUnpublished(publication):
                self.own.remove(publication)
            case Reconnecting():
                self.state = ConnectionState.RECONNECTING
            case Reconnected(kind):
                self.state = ConnectionState.CONNECTED
                self.restarts += kind is ReconnectKind.RESTART
            case Disconnected():
                self.state = ConnectionState.DISCONNECTED
            case _:
                pass


@dataclass
class Member:
    """Somebody in the call."""

    identity: str
    room: Room
    host: SimulatedHost
    view: View = field(default_factory=View)
    heard: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    said: int = 0
    stop: trio.CancelScope = field(default_factory=trio.CancelScope)
    tracks: list[tuple[LocalTrack, trio.Event]] = field(
        default_factory=list[tuple[LocalTrack, trio.Event]]
    )
    talking: bool = True
    nursery: trio.Nursery = field(init=False)

    async def note(self) -> None:
        async for event in self.room.events():
            self.view.follow(event)
            if isinstance(event, DataReceived) and event.participant is not None:
                self.heard.setdefault(event.participant.identity, []).append(int(event.data))

    async def talk(self) -> None:
        while self.talking:
            await self.room.local_participant.publish_data(str(self.said))
            self.said += 1
            await trio.sleep(0.2)

    async def publish(self, name: str, *, task_status: Any = trio.TASK_STATUS_IGNORED) -> None:
        over = trio.Event()
        task_status.started()
        async with self.room.local_participant.publish_track(media.OPUS, name=name) as track:
            self.tracks.append((track, over))
            while not over.is_set():
                await track.send(media.EncodedFrame(_SOUND, trio.current_time(), 0.02))
                with trio.move_on_after(0.5):
                    await over.wait()


class Script:
    """One script.

    Args:
        server: Where it is played.
        seed: What makes it.
    """

    def __init__(self, server: RoomServer, seed: int) -> None:
        assert server.network is not None
        self._server = server
        self._network: SimulatedNetwork = server.network
        self._chance = random.Random(seed)
        self._members: dict[str, Member] = {}
        self._left: list[Member] = []
        self._count = 0
        self._partitions = 0
        self._nursery: trio.Nursery
        self.log: list[str] = []

    async def play(self) -> None:
        """Play it, mend everything, and check what everybody knows."""
        async with trio.open_nursery() as self._nursery:
            for _ in range(2):
                await self._join()
            for _ in range(_STEPS):
                step = self._chance.choices(self._STEPS, self._WEIGHTS)[0]
                await step(self)
                await trio.sleep(self._chance.choice((0.0, 0.05, 0.5, 2.0)))
            await self._settle()
            self._check()
            for member in list(self._members.values()):
                await self._leave(member)
        await self._server.wait_for_participants()
        assert not [host for host in self._server.hosts if host.open_sockets]

    def _note(self, text: str) -> None:
        self.log.append(f"{trio.current_time():9.3f} {text}")

    def _somebody(self) -> Member | None:
        return self._chance.choice(list(self._members.values())) if self._members else None

    # Steps

    async def _join(self) -> None:
        if len(self._members) >= 4:
            return
        self._count += 1
        identity = f"p{self._count}"
        options = self._chance.choice((V1, V0))
        self._note(f"{identity} joins, {'one' if options is V1 else 'two'} connections")
        await self._nursery.start(self._stay, identity, options)

    async def _stay(self, identity: str, options: Any, *, task_status: Any) -> None:
        async with AsyncExitStack() as stack:
            room = await stack.enter_async_context(self._server.join(identity, options))
            member = Member(identity, room, self._server.hosts[-1])
            self._members[identity] = member
            with member.stop:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(member.note)
                    nursery.start_soon(member.talk)
                    member.nursery = nursery
                    task_status.started()
                    await trio.sleep_forever()
        assert member.room.state is ConnectionState.DISCONNECTED

    async def _leave_somebody(self) -> None:
        member = self._somebody()
        if member is not None and len(self._members) > 1:
            self._note(f"{member.identity} leaves")
            await self._leave(member)

    async def _leave(self, member: Member) -> None:
        del self._members[member.identity]
        self._left.append(member)
        member.stop.cancel()

    async def _publish(self) -> None:
        member = self._somebody()
        if member is not None:
            name = f"{member.identity}-{self._chance.randrange(1000)}"
            self._note(f"{member.identity} publishes {name}")
            await member.nursery.start(member.publish, name)

    async def _unpublish(self) -> None:
        member = self._somebody()
        if member is not None and member.tracks:
            track, over = member.tracks.pop(0)
            self._note(f"{member.identity} withdraws {track.publication.name}")
            over.set()

    async def _mute(self) -> None:
        member = self._somebody()
        if member is not None and member.tracks:
            track, _ = member.tracks[0]
            self._note(f"{member.identity} mutes or unmutes {track.publication.name}")
            switch = track.unmute if track.muted else track.mute

            async def run() -> None:
                try:
                    await switch()
                except trio.ClosedResourceError:
                    await trio.lowlevel.checkpoint()  # withdrawn meanwhile

            member.nursery.start_soon(run)

    async def _simulate(self) -> None:
        member = self._somebody()
        scenario = self._chance.choice(
            (
                SimulateScenario.SIGNAL_RECONNECT,
                SimulateScenario.SIGNAL_RECONNECT,
                SimulateScenario.NODE_FAILURE,
                SimulateScenario.MIGRATION,
                SimulateScenario.DISCONNECT_SIGNAL_ON_RESUME,
                SimulateScenario.DISCONNECT_SIGNAL_ON_RESUME_NO_MESSAGES,
                SimulateScenario.LEAVE_REQUEST_FULL_RECONNECT,
            )
        )
        if member is not None:
            self._note(f"{member.identity}: {scenario}")
            member.nursery.start_soon(member.room.simulate, scenario)

    async def _break_tcp(self) -> None:
        member = self._somebody()
        if member is not None:
            self._note(f"{member.identity}: TCP is reset")
            self._network.reset_connections(member.host, self._server_host())

    async def _part(self) -> None:
        member = self._somebody()
        seconds = self._chance.choice((0.3, 3.0, 8.0, 25.0))
        if member is not None:
            self._note(f"{member.identity}: parted for {seconds} s")
            self._nursery.start_soon(self._partition, member.host, seconds)

    async def _partition(self, host: SimulatedHost, seconds: float) -> None:
        self._partitions += 1
        self._network.partition(host, self._server_host())
        await trio.sleep(seconds)
        self._network.heal(host, self._server_host())
        self._partitions -= 1

    async def _move(self) -> None:
        member = self._somebody()
        if member is not None:
            new = f"10.9.{self._chance.randrange(256)}.{self._chance.randrange(1, 255)}"
            self._note(f"{member.identity}: moves to {new}")
            member.host.change_address(new)

    async def _lose(self) -> None:
        seconds = self._chance.choice((1.0, 4.0))
        self._note(f"20 % are lost for {seconds} s")
        self._network.profile = replace(LATENCY, loss=0.2)
        await trio.sleep(seconds)
        self._network.profile = LATENCY

    async def _wait(self) -> None:
        await trio.sleep(self._chance.choice((1.0, 5.0)))

    _STEPS: tuple[Callable[[Script], Awaitable[None]], ...] = (
        _join,
        _leave_somebody,
        _publish,
        _unpublish,
        _mute,
        _simulate,
        _break_tcp,
        _part,
        _move,
        _lose,
        _wait,
    )
    _WEIGHTS = (3, 2, 4, 2, 2, 4, 2, 2, 1, 1, 1)

    def _server_host(self) -> SimulatedHost:
        host = self._server.server_host
        assert host is not None
        return host

    # The end

    async def _settle(self) -> None:
        self._note("everything is mended")
        with trio.fail_after(120):
            while self._partitions:
                await trio.sleep(0.1)
            await trio.sleep(_SETTLED)  # until a loss is noticed that nobody has told
            while not all(
                one.room.state is ConnectionState.CONNECTED for one in self._members.values()
            ):
                await trio.sleep(0.1)
        for member in self._members.values():
            member.talking = False
        await trio.sleep(2.0)

    def _check(self) -> None:
        for member in self._members.values():
            self._check_view(member)
            for other in self._members.values():
                if other is not member:
                    self._check_data(member, other)

    def _check_view(self, member: Member) -> None:
        room, view, who = member.room, member.view, member.identity
        others = {one: two for one, two in self._members.items() if two is not member}
        assert room.state is view.state is ConnectionState.CONNECTED, (who, room.state, view.state)
        assert dict(room.remote_participants) == view.people, who
        assert set(view.people) == set(others), f"{who} sees {set(view.people)}"
        known = {
            publication
            for participant in room.remote_participants.values()
            for publication in participant.track_publications.values()
        }
        assert known == set(view.tracks), who
        assert {one for one in known if one.muted} == view.muted, who
        assert {one for one in known if one.subscribed} == view.subscribed == known, who
        assert set(room.local_participant.track_publications.values()) == view.own, who
        made = {track for track, _ in member.tracks}
        assert {one.track for one in view.own} == made, f"{who} has {view.own}, not {made}"
        for identity, other in others.items():
            theirs = room.remote_participants[identity]
            ours = other.room.local_participant
            assert theirs.sid == ours.sid, (who, identity)
            seen = {sid: one.muted for sid, one in theirs.track_publications.items()}
            own = {sid: one.muted for sid, one in ours.track_publications.items()}
            assert seen == own, f"{who} sees {seen} of {identity}, who has {own}"

    def _check_data(self, member: Member, other: Member) -> None:
        heard = member.heard.get(other.identity, [])
        text = f"{member.identity} heard of {other.identity}: {heard}"
        assert heard == sorted(set(heard)), f"out of order or twice: {text}"
        assert heard, f"nothing: {text}"
        if not member.view.restarts and not other.view.restarts:
            assert heard == list(range(heard[0], other.said)), f"lost: {text} (of {other.said})"
        else:
            assert heard[-1] == other.said - 1, f"the last is lost: {text} (of {other.said})"
