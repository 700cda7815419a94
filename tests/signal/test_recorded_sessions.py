"""Fed a recorded session, the client reaches the state that the recording ends in."""

from __future__ import annotations

import pytest

from lktrio import proto
from lktrio.signal import LeaveReceived, Resume, SignalConnection, SignalOptions, open_signal
from tests.support.cases import each_case
from tests.support.sessions import Session, load
from tests.support.signal_server import Script, Visit, open_signal_server

END = proto.SignalResponse(room_update=proto.RoomUpdate(room=proto.Room(name="all is played")))


def play(session: Session) -> Script:
    """Do what the recorded server did."""

    async def script(visit: Visit) -> None:
        await visit.accept()
        for frame in session.frames:
            await visit.send_frame(frame)
        if session.end == "closed":
            await visit.close(session.code or 1000)
        elif session.end == "lost":
            await visit.drop()
        else:
            await visit.send(END)

    return script


RECORDINGS = load()
ADMITTED = [one for one in RECORDINGS if one.responses[0].leave is None]
REFUSED = [one for one in RECORDINGS if one.responses[0].leave is not None]


def options(recording: Session) -> SignalOptions:
    return SignalOptions(single_peer_connection=recording.version == "v1")


def resume(recording: Session) -> Resume | None:
    return Resume(recording.resume, recording.version) if recording.resume else None


async def drain(connection: SignalConnection, count: int) -> list[proto.SignalResponse]:
    return [await connection.responses.receive() for _ in range(count)]


def test_there_are_all_scenarios() -> None:
    scenarios = {one.name.rpartition("-")[0] for one in RECORDINGS}
    python = ("session", "api", "duplicate", "resume", "fullreconnect", "simulate", "shutdown")
    expected = {f"python-{name}-{version}" for name in python for version in ("v0", "v1")}
    for name in ("session", "resume", "fullreconnect"):
        expected |= {f"go-{name}-single", f"go-{name}-v0"}
    assert scenarios >= expected | {"python-errors-v0", "python-errors-v1", "raw-v0"}
    assert len(RECORDINGS) == 118


def test_there_are_joins_resumes_and_refusals_of_both_kinds() -> None:
    kinds = {(one.version, one.resume is not None, one.end) for one in RECORDINGS}
    for version in ("v0", "v1"):
        assert (version, False, "left") in kinds
        assert (version, True, "left") in kinds
        assert (version, False, "closed") in kinds
        assert (version, False, "lost") in kinds
    assert {one.version for one in REFUSED} == {"v0", "v1"}


@each_case("recording", ADMITTED)
async def test_an_admitted_client_ends_up_in_the_recorded_state(recording: Session) -> None:
    first, *others = recording.responses
    delivered = [one for one in others if one.pong_resp is None and one.pong is None]
    tokens = [one.refresh_token for one in others if one.refresh_token is not None]
    leaves = [one.leave for one in others if one.leave is not None]
    async with (
        open_signal_server(play(recording)) as server,
        open_signal(
            server.url, "token", options(recording), resume=resume(recording)
        ) as connection,
    ):
        assert await drain(connection, len(delivered)) == delivered
        assert connection.join == first.join
        assert connection.reconnect == first.reconnect
        assert connection.version == recording.version
        assert connection.token == (tokens[-1] if tokens else "token")
        assert connection.server_leave == (leaves[-1] if leaves else None)
        if recording.end == "left":
            assert await drain(connection, 1) == [END]
        else:
            end = await connection.wait_closed()
            assert (end.cause, end.code) == (recording.end, recording.code or 1006)
            assert [response async for response in connection.responses] == []
        texts = sum(isinstance(frame, str) for frame in recording.frames)
        assert connection.statistics.received == len(recording.frames) + (recording.end == "left")
        assert connection.statistics.undecodable == texts
        assert connection.statistics.unknown == 0
    assert connection.close_reason is not None
    if recording.end == "left":
        assert connection.close_reason.cause == "left"
        assert server.visit.left


@each_case("recording", REFUSED)
async def test_a_leave_as_the_first_message_refuses(recording: Session) -> None:
    async with open_signal_server(play(recording)) as server:
        with pytest.raises(LeaveReceived) as caught:
            async with open_signal(
                server.url, "token", options(recording), resume=resume(recording)
            ):
                pytest.fail("it was let in")
    assert caught.value.leave == recording.responses[0].leave
    assert caught.value.leave.action == proto.LeaveRequest.Action.RECONNECT
    assert "reconnect" in str(caught.value)
