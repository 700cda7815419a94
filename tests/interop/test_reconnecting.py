"""Others see us once, however often our link is replaced, and we go on hearing them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from lktrio.events import ParticipantDisconnected, Reconnected, Reconnecting, TrackUnsubscribed
from lktrio.media import OPUS
from lktrio.room import ReconnectKind, SimulateScenario
from tests.interop.support.browser import open_browser, reason_to_skip
from tests.interop.support.child import open_child
from tests.interop.support.participant import (
    Participant,
    open_participant,
    send_endlessly,
    tone_frames,
)
from tests.interop.support.reports import Program, Report
from tests.support.servers import SERVERS, open_server

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 120

on_each_server = pytest.mark.parametrize("which", SERVERS)
single = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


async def _hears_us(other: Program) -> None:
    """Wait until another program has heard a second more of us than until now."""
    before = other.matching("audio", name="tone")
    number, last = len(before), before[-1] if before else {}

    def hears(report: Report) -> bool:
        if len(other.matching("audio", name="tone")) < number + 5:
            return False
        if "packets" in report:  # of a browser, which counts silence as well
            same = report.get("sid") == last.get("sid")
            return bool(report["packets"] > 25 + (last.get("packets", 0) if same else 0))
        return bool(report["loudness"] > 3000)

    with trio.fail_after(20):
        while True:
            newest = other.matching("audio", name="tone")[-1:]
            if newest and hears(newest[0]):
                return
            await trio.sleep(0.1)


async def _goes_on(participant: Participant) -> None:
    """Wait until we have heard more of everybody."""
    heard = {name: len(frames) for name, frames in participant.frames.items()}
    assert heard
    with trio.fail_after(20):
        await participant.wait(
            lambda: all(len(participant.frames[name]) > one + 50 for name, one in heard.items())
        )


def _times_seen(other: Program) -> tuple[int, int]:
    """How often another program saw us come and go."""
    return (
        len(other.matching("connected", identity="me")),
        len(other.matching("left", identity="me")),
    )


@on_each_server
@single
async def test_the_link_is_lost_in_a_call_of_three(
    which: str, single: bool, tmp_path: Path
) -> None:
    with trio.fail_after(LIMIT):
        async with open_server(which) as server, AsyncExitStack() as stack:
            others: list[Program] = [await stack.enter_async_context(open_child("official_client"))]
            if not reason_to_skip():
                others.append(await stack.enter_async_context(open_browser(tmp_path / "profile")))
            for number, other in enumerate(others):
                await other.order(
                    "join",
                    url=server.url,
                    token=server.token(f"other-{number}"),
                    single_peer_connection=single,
                )
            await others[0].order("publish_tone", hertz=440.0)
            participant = await stack.enter_async_context(
                open_participant(server.url, server.token("me"), single_peer_connection=single)
            )
            room = participant.room
            await participant.wait_frames("mic", 50)
            async with (
                room.local_participant.publish_track(OPUS, name="tone") as track,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, track, tone_frames(440.0, 1))
                for other in others:
                    await _hears_us(other)
                for scenario, kind in (
                    (SimulateScenario.SIGNAL_RECONNECT, ReconnectKind.RESUME),
                    (SimulateScenario.NODE_FAILURE, ReconnectKind.RESTART),
                ):
                    seen = [_times_seen(other) for other in others]
                    events = room.events(Reconnected, replay=False)
                    await room.simulate(scenario)
                    assert await events.receive() == Reconnected(kind)
                    for other in others:
                        await _hears_us(other)
                    await _goes_on(participant)
                    again = int(kind is ReconnectKind.RESTART)
                    for other, (came, left) in zip(others, seen, strict=True):
                        assert _times_seen(other) == (came + again, left + again), scenario
                assert not participant.seen(ParticipantDisconnected)
                assert not participant.seen(TrackUnsubscribed)
                assert participant.seen(Reconnecting)
                nursery.cancel_scope.cancel()
