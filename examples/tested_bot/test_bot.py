"""The bot goes on whatever happens to its link. Run ``pytest`` in this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from bot import answer  # type: ignore[import-not-found]  # pytest finds it here

import lktrio
from lktrio import devserver, proto, testing
from lktrio.events import DataReceived, Reconnected
from lktrio.testing.pytest_plugin import JoinRoom


@asynccontextmanager
async def a_bot_and_a_guest(lk_room: JoinRoom) -> AsyncIterator[tuple[lktrio.Room, lktrio.Room]]:
    """The bot at work, and somebody to talk with it."""
    bot, guest = await lk_room("bot"), await lk_room("guest")
    await guest.wait_for(lktrio.events.ParticipantConnected)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, bot)
        yield bot, guest
        nursery.cancel_scope.cancel()


async def ask(guest: lktrio.Room, text: str) -> str:
    """Say something and wait for the answer."""
    answers = guest.events(DataReceived, replay=False)
    await guest.local_participant.publish_data(text)
    with trio.fail_after(30):  # of virtual time
        return (await answers.receive()).data.decode()


async def test_it_answers(lk_room: JoinRoom, lk_stalls: testing.StallDetector) -> None:
    """Nobody holds the event loop meanwhile, at least not for long; a busy machine does as well."""
    lk_stalls.limit = 2.0
    async with a_bot_and_a_guest(lk_room) as (_, guest):
        assert await ask(guest, "hello") == "you said hello"


async def test_it_survives_a_lost_link(lk_room: JoinRoom, lk_server: devserver.DevServer) -> None:
    """A resume that is refused twice, and a new join."""
    async with a_bot_and_a_guest(lk_room) as (bot, guest):
        back = bot.events(Reconnected, replay=False)
        lk_server.faults.refuse("resume", count=2)
        lk_server.cut_signalling("bot", "test")
        assert (await back.receive()).kind == "resume"
        assert await ask(guest, "still there?") == "you said still there?"
        lk_server.send_leave("bot", "test", proto.LeaveRequest.Action.RECONNECT)
        assert (await back.receive()).kind == "restart"
        assert await ask(guest, "and now?") == "you said and now?"


async def test_it_waits_while_the_network_is_gone(
    lk_room: JoinRoom, lk_network: testing.SimulatedNetwork
) -> None:
    """Nothing passes between two hosts for three seconds."""
    async with a_bot_and_a_guest(lk_room) as (bot, guest):
        hosts = lk_network.hosts["bot"], lk_network.hosts["server"]
        lk_network.partition(*hosts)
        await trio.sleep(3)
        lk_network.heal(*hosts)
        assert await ask(guest, "back?") == "you said back?"
        assert bot.state == "connected"
