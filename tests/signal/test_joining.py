"""What a client asks for when it joins or resumes, and what it makes of the answer."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio._version import __version__
from lktrio.signal import Resume, SignalOptions, open_signal
from tests.support.signal_server import (
    SignalServer,
    Visit,
    join_and_stay,
    joined,
    open_signal_server,
)

OFFER = proto.SessionDescription(type="offer", sdp="v=0\r\n" * 200, id=1)
V0 = SignalOptions(single_peer_connection=False)


async def refuse_v1(visit: Visit) -> None:
    if visit.request.path.endswith("/v1"):
        await visit.refuse(404, "404 page not found\n")
    else:
        await visit.join()


async def visit_of(server: SignalServer, options: SignalOptions | None = None) -> Visit:
    async with open_signal(server.url, "token", options):
        return server.visit


async def test_the_token_is_in_the_header_and_nowhere_else() -> None:
    async with open_signal_server(join_and_stay) as server:
        visit = await visit_of(server)
    assert visit.request.headers["authorization"] == "Bearer token"
    assert "token" not in visit.request.target
    assert visit.request.headers["host"] == server.url.removeprefix("ws://")


async def test_v1_puts_everything_into_the_join_request() -> None:
    track = proto.AddTrackRequest(cid="cid", name="mic")
    options = SignalOptions(
        auto_subscribe=False,
        auto_subscribe_data_tracks=True,
        adaptive_stream=True,
        subscriber_allow_pause=False,
        disable_ice_lite=True,
        attributes={"a": "b"},
    )
    async with (
        open_signal_server(join_and_stay) as server,
        open_signal(
            server.url, "token", options, make_offer=lambda: OFFER, add_tracks=[track]
        ) as connection,
    ):
        assert connection.version == "v1"
    request = server.visit.request
    assert (request.path, list(request.query)) == ("/rtc/v1", ["join_request"])
    join = server.visit.join_request
    assert join.publisher_offer == OFFER
    assert join.add_track_requests == [track]
    assert join.participant_attributes == {"a": "b"}
    assert join.connection_settings == proto.ConnectionSettings(
        auto_subscribe=False,
        adaptive_stream=True,
        subscriber_allow_pause=False,
        disable_ice_lite=True,
        auto_subscribe_data_track=True,
    )
    assert not join.reconnect


async def test_the_client_says_who_it_is_and_claims_no_more_than_it_can() -> None:
    async with open_signal_server(join_and_stay) as server:
        info = (await visit_of(server)).join_request.client_info
    assert info is not None
    assert (info.sdk, info.version) == (proto.ClientInfo.SDK.PYTHON, __version__)
    deflate = proto.ClientInfo.Capability.CAP_COMPRESSION_DEFLATE_RAW
    assert (info.protocol, info.client_protocol, info.capabilities) == (17, 2, [deflate])
    assert info.os
    assert info.os == info.os.lower()


async def test_auto_subscribe_is_sent_because_v1_takes_its_absence_for_no() -> None:
    async with open_signal_server(join_and_stay) as server:
        settings = (await visit_of(server)).join_request.connection_settings
    assert settings is not None
    assert settings.auto_subscribe


async def test_a_join_request_is_compressed_when_that_makes_it_smaller() -> None:
    async with open_signal_server(join_and_stay) as server:
        small = await visit_of(server)
        server.visits.clear()
        async with open_signal(server.url, "token", make_offer=lambda: OFFER):
            large = server.visit
    assert len(large.request.target) < len(small.request.target) + 300
    assert large.join_request.publisher_offer == OFFER
    for visit in (small, large):
        assert len(visit.request.query["join_request"]) % 4 == 0  # padded
        assert "+" not in visit.request.query["join_request"]


async def test_v0_puts_everything_into_parameters() -> None:
    options = SignalOptions(
        single_peer_connection=False,
        auto_subscribe=False,
        subscriber_allow_pause=True,
        attributes={"k": "ü"},
    )
    async with open_signal_server(join_and_stay) as server:
        visit = await visit_of(server, options)
    query = visit.request.query
    assert visit.request.path == "/rtc"
    assert json.loads(base64.urlsafe_b64decode(query.pop("attributes"))) == {"k": "ü"}
    assert (query.pop("os"), query.pop("os_version")) != ("", "")
    assert query == {
        "protocol": "17",
        "client_protocol": "2",
        "capabilities": "CAP_COMPRESSION_DEFLATE_RAW",
        "sdk": "python",
        "version": __version__,
        "auto_subscribe": "0",
        "auto_subscribe_data_track": "0",
        "adaptive_stream": "0",
        "disable_ice_lite": "0",
        "subscriber_allow_pause": "1",
    }


async def test_a_server_without_v1_is_joined_by_v0_at_once() -> None:
    offers: list[int] = []

    def make_offer() -> proto.SessionDescription:
        offers.append(1)
        return OFFER

    async with (
        open_signal_server(refuse_v1) as server,
        open_signal(server.url, "token", make_offer=make_offer) as connection,
    ):
        assert connection.version == "v0"
        assert connection.join is not None
    assert [visit.request.path for visit in server.visits] == ["/rtc/v1", "/rtc"]
    assert "join_request" not in server.visits[1].request.query
    assert offers == [1]
    assert server.asked == []


async def test_the_offer_is_not_made_for_v0() -> None:
    async with (
        open_signal_server(join_and_stay) as server,
        open_signal(server.url, "token", V0, make_offer=lambda: pytest.fail("made")) as connection,
    ):
        assert connection.version == "v0"


@pytest.mark.parametrize("path", ["", "/", "/sub/path", "/sub/path/"])
@pytest.mark.parametrize("scheme", ["ws", "http"])
async def test_the_path_of_the_url_is_kept(scheme: str, path: str) -> None:
    async with open_signal_server(join_and_stay) as server:
        url = server.url.replace("ws", scheme) + path
        async with open_signal(url, "token"):
            pass
    assert server.visit.request.path == path.rstrip("/") + "/rtc/v1"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (None, "wss://"),
        (" ", "wss://"),
        ("livekit.example.com", "wss://"),
        ("ftp://livekit.example.com", "wss://"),
        ("ws://", "no host"),
        ("ws://user:secret@host", "token"),
        ("ws://host:99999", "[Pp]ort"),
    ],
)
async def test_what_is_no_url_is_refused_with_advice(url: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        async with open_signal(url, "token"):
            pass
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Evil: 1", "tökén", None])
async def test_what_is_no_token_is_refused_without_being_shown(token: Any) -> None:
    with pytest.raises(ValueError, match="token") as caught:
        async with open_signal("ws://127.0.0.1:1", token):
            pass
    assert not token or str(token) not in str(caught.value)


async def test_a_resume_by_v1_names_the_session() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.send(
            proto.SignalResponse(reconnect=proto.ReconnectResponse(last_message_seq=7))
        )

    resume = Resume("PA_me", "v1", proto.ReconnectReason.RR_PUBLISHER_FAILED)
    async with (
        open_signal_server(script) as server,
        open_signal(
            server.url, "token", resume=resume, make_offer=lambda: pytest.fail("made")
        ) as connection,
    ):
        assert connection.join is None
        assert connection.reconnect == proto.ReconnectResponse(last_message_seq=7)
    request = server.visit.join_request
    assert (request.reconnect, request.participant_sid) == (True, "PA_me")
    assert request.reconnect_reason == proto.ReconnectReason.RR_PUBLISHER_FAILED
    assert request.publisher_offer is None


async def test_a_resume_by_v0_names_the_session() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.send(proto.SignalResponse(reconnect=proto.ReconnectResponse()))

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token", resume=Resume("PA_me", "v0")) as connection,
    ):
        assert connection.reconnect == proto.ReconnectResponse()
    query = server.visit.request.query
    assert (query["reconnect"], query["sid"], query["reconnect_reason"]) == ("1", "PA_me", "1")


async def test_a_resume_never_changes_its_version() -> None:
    async with open_signal_server(refuse_v1) as server:
        with pytest.raises(Exception, match="not a LiveKit server"):
            async with open_signal(server.url, "token", resume=Resume("PA_me", "v1")):
                pass
    assert len(server.visits) == 1


async def test_a_server_may_resume_without_saying_so() -> None:
    update = proto.SignalResponse(update=proto.ParticipantUpdate())

    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.send(update)

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token", resume=Resume("PA_me", "v1")) as connection,
    ):
        assert connection.reconnect is None
        assert await connection.responses.receive() == update


async def test_a_server_that_makes_a_new_session_in_place_of_resuming_is_found_out() -> None:
    async with (
        open_signal_server(join_and_stay) as server,
        open_signal(server.url, "token", resume=Resume("PA_old", "v1")) as connection,
    ):
        assert connection.reconnect is None
        assert connection.join is not None


async def test_what_comes_before_the_join_is_not_lost() -> None:
    early = proto.SignalResponse(update=proto.ParticipantUpdate())

    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.send_frame(b"\xff\xff")
        await visit.send(proto.SignalResponse(), early, joined())

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        assert connection.join is not None
        assert await connection.responses.receive() == early
        assert (connection.statistics.undecodable, connection.statistics.unknown) == (1, 1)


async def test_the_newest_token_is_kept() -> None:
    async def script(visit: Visit) -> None:
        await visit.join()
        await visit.send(proto.SignalResponse(refresh_token="second"))
        await visit.send(proto.SignalResponse(refresh_token=""))
        await visit.wait_for("mute")
        await visit.send(proto.SignalResponse(room_moved=proto.RoomMovedResponse(token="third")))

    async with (
        open_signal_server(script) as server,
        open_signal(server.url, "token") as connection,
    ):
        await connection.responses.receive()
        await connection.responses.receive()
        assert connection.token == "second"
        await connection.send(proto.SignalRequest(mute=proto.MuteTrackRequest(sid="TR_x")))
        await connection.responses.receive()
        assert connection.token == "third"


async def test_nothing_but_pings_is_sent_by_itself() -> None:
    async with open_signal_server(join_and_stay) as server:
        async with open_signal(server.url, "token"):
            await server.visit.wait_for("ping_req")
        with trio.fail_after(5):
            await server.visit.closed.wait()
    ping, leave = server.visit.requests
    assert ping.ping_req is not None
    assert leave.leave is not None
    assert leave.leave.reason == proto.DisconnectReason.CLIENT_INITIATED
    assert server.visit.close_code == 1000
