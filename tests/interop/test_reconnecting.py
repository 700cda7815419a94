"""Others see us once, however often our link is replaced, and we go on hearing them."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trio

from lktrio.events import (
    ParticipantConnected,
    ParticipantDisconnected,
    Reconnected,
    Reconnecting,
    TrackUnsubscribed,
)
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


async def _exchanges_data(participant: Participant, other: Program, topic: str) -> None:
    """Send a message each way."""
    await other.order("data", size=100, reliable=True, topic=topic, to=[])
    await participant.room.local_participant.publish_data(b"x" * 100, topic=topic)
    with trio.fail_after(20):
        await participant.wait(lambda: bool(participant.data(topic)))
        await other.wait("data", topic=topic)
    await trio.sleep(0.2)  # in which a second copy would come
    assert len(participant.data(topic)) == len(other.matching("data", topic=topic)) == 1


@on_each_server
@single
@pytest.mark.parametrize("client", ["official", "browser"])
async def test_another_client_resumes_and_restarts(
    which: str, single: bool, client: str, tmp_path: Path
) -> None:
    if client == "browser" and reason_to_skip():
        pytest.skip(reason_to_skip())
    with trio.fail_after(LIMIT):
        async with open_server(which) as server, AsyncExitStack() as stack:
            opened = (
                open_child("official_client") if client == "official" else open_browser(tmp_path)
            )
            other: Program = await stack.enter_async_context(opened)
            participant = await stack.enter_async_context(
                open_participant(server.url, server.token("me"), single_peer_connection=single)
            )
            room = participant.room
            await other.order(
                "join",
                url=server.url,
                token=server.token("other"),
                single_peer_connection=single,
            )
            if client == "official":
                await other.order("publish_tone", hertz=440.0)
            else:
                await other.order("publish_devices")
            await participant.wait_frames("mic", 50)
            async with (
                room.local_participant.publish_track(OPUS, name="tone") as track,
                trio.open_nursery() as nursery,
            ):
                nursery.start_soon(send_endlessly, track, tone_frames(440.0, 1))
                await _hears_us(other)
                for number, scenario in enumerate(("signal-reconnect", "full-reconnect")):
                    await other.tell("simulate", scenario=scenario)
                    await other.wait_for_number("reconnected", number + 1)
                    await _hears_us(other)
                    await _goes_on(participant)
                    await _exchanges_data(participant, other, scenario)
                    came = participant.seen(ParticipantConnected)
                    left = participant.seen(ParticipantDisconnected)
                    assert (len(came), len(left)) == (number + 1, number), scenario
                    assert [*room.remote_participants] == ["other"], scenario
                    # A client that restarts forgets everybody, and then finds them again.
                    assert _times_seen(other) == (number, number), scenario
                nursery.cancel_scope.cancel()
