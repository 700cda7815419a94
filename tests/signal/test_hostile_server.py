"""Whatever a server sends, the link goes on or ends; nothing else happens."""

from __future__ import annotations

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import encode
from lktrio.signal import LinkEnd, open_signal
from lktrio.signal import websocket as websocket_module
from tests.support.signal_server import Visit, joined, open_signal_server

UPDATE = proto.SignalResponse(update=proto.ParticipantUpdate())
FRAMES = st.lists(
    st.one_of(
        st.binary(max_size=50),
        st.text(max_size=20),
        st.binary(max_size=20).map(lambda data: encode(joined()) + data),
        st.binary(max_size=20).map(lambda data: b"\x42" + bytes([len(data)]) + data),
    ),
    max_size=10,
)


async def test_garbage_is_counted_and_dropped() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        for frame in (
            b"\xff",
            b"\x0a\x05abc",
            b"\x80" * 50,
            '{"join": {}}',
            "",
            "\N{GRINNING FACE}",
        ):
            await visit.send_frame(frame)
        await visit.send(UPDATE)

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        assert await connection.responses.receive() == UPDATE
        assert connection.statistics.undecodable == 6
        assert connection.close_reason is None


async def test_messages_of_newer_servers_are_counted_and_ignored() -> None:
    unknown = bytes([0b11111010, 0x3F, 2, 8, 1])  # field 1023, a message

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.send_frame(b"")
        await visit.send_frame(unknown)
        await visit.send_frame(encode(UPDATE) + unknown)

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        assert (await connection.responses.receive()).update is not None
        assert connection.statistics.unknown == 2
        assert connection.statistics.undecodable == 0


async def test_unknown_values_of_enums_are_no_error() -> None:
    leave = proto.LeaveRequest(
        reason=proto.DisconnectReason(99), action=proto.LeaveRequest.Action(88)
    )

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.send(proto.SignalResponse(leave=leave))

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        assert (await connection.responses.receive()).leave == leave

    async def refuse(visit: Visit) -> None:
        await visit.accept()
        await visit.send(proto.SignalResponse(leave=leave))

    async with open_signal_server(refuse) as server:
        with pytest.raises(Exception, match=r"99.*88"):
            async with open_signal(server.url, "token"):
                pass


@pytest.mark.parametrize("missing", ["room", "participant"])
async def test_an_answer_to_the_join_that_lacks_the_essentials_is_refused(missing: str) -> None:
    async def script(visit: Visit) -> None:
        await visit.join(**{missing: None})

    async with open_signal_server(script) as server:
        with pytest.raises(RemoteProtocolError, match=missing):
            async with open_signal(server.url, "token"):
                pass
        await server.visit.closed.wait()
    assert server.visit.left


async def test_a_message_that_is_too_large_ends_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_module, "MAX_MESSAGE_SIZE", 10_000)

    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.send_frame(bytes(20_000))

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        end = await connection.wait_closed()
        assert end.cause == "lost"
        await server.visit.closed.wait()
    assert server.visit.close_code == 1009


async def test_a_broken_websocket_frame_ends_the_link() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.wait_for("ping_req")
        await visit.send_raw(b"\xff\xff\xff\xff")

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        with trio.fail_after(5):
            assert isinstance(await connection.wait_closed(), LinkEnd)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(FRAMES)
def test_any_frames(frames: list[bytes | str]) -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        for frame in frames:
            await visit.send_frame(frame)
        await visit.close()

    async def main() -> None:
        async with (
            open_signal_server(script) as server,
            open_signal(server.url, "token") as connection,
        ):
            assert await connection.wait_closed() == LinkEnd("closed", 1000)
            assert connection.statistics.received == 1 + len(frames)

    trio.run(main)
