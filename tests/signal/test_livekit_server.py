"""Joining a real LiveKit server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any
from uuid import uuid4

import pytest
import trio

from lktrio import proto
from lktrio.errors import AuthenticationFailed, JoinRejected, NotPermitted, ServerUnreachable
from lktrio.signal import Resume, SignalOptions, open_signal, parse_trickle
from lktrio.testing.cancellation import cancel_at_every_checkpoint

URL = os.environ.get("LIVEKIT_URL", "")
KEY = os.environ.get("LIVEKIT_API_KEY", "")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "")
V0 = SignalOptions(single_peer_connection=False)
TRACK = proto.AddTrackRequest(
    cid="cid", name="mic", type=proto.TrackType.AUDIO, source=proto.TrackSource.MICROPHONE
)

pytestmark = [
    pytest.mark.livekit_server,
    pytest.mark.skipif(not (URL and KEY and SECRET), reason="LIVEKIT_URL and its keys are not set"),
]


@pytest.fixture
def room() -> str:
    return f"signal-{uuid4()}"


def make_token(room: str, identity: str = "me", secret: str = SECRET, **claims: Any) -> str:
    """A token made by hand, so that these tests depend on nothing else."""
    payload = {
        "iss": KEY,
        "sub": identity,
        "exp": int(time.time()) + 600,
        "video": {"roomJoin": True, "room": room, "canUpdateOwnMetadata": True},
    } | claims
    parts = [{"alg": "HS256", "typ": "JWT"}, payload]
    text = ".".join(encode(json.dumps(part).encode()) for part in parts)
    return f"{text}.{encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize("options", [None, V0], ids=["v1", "v0"])
async def test_joining_and_leaving(room: str, options: SignalOptions | None) -> None:
    token = make_token(room)
    with trio.fail_after(10):
        async with open_signal(URL, token, options) as connection:
            join = connection.join
            assert join is not None
            assert join.room is not None
            assert join.participant is not None
            assert (join.room.name, join.participant.identity) == (room, "me")
            assert join.subscriber_primary == (connection.version == "v0")
            async for response in connection.responses:
                if response.refresh_token is not None:
                    break
            assert connection.token != token
            while connection.round_trip_time is None:
                await trio.sleep(0.01)
    assert connection.statistics.undecodable == connection.statistics.unknown == 0


async def test_a_dual_peer_connection_is_offered_by_the_server(room: str) -> None:
    offer, candidates = None, []
    with trio.fail_after(10):
        async with open_signal(URL, make_token(room), V0) as connection:
            async for response in connection.responses:
                offer = response.offer or offer
                if response.trickle is not None:
                    candidates.append(parse_trickle(response.trickle))
                if offer is not None and candidates and candidates[-1].final:
                    break
    assert offer is not None
    assert offer.type == "offer"
    assert offer.id > 0
    assert {one.target for one in candidates} == {proto.SignalTarget.SUBSCRIBER}


async def test_others_see_us_come_and_go_at_once(room: str) -> None:
    with trio.fail_after(20):
        async with open_signal(URL, make_token(room, "watcher")) as watcher:
            async with open_signal(URL, make_token(room)) as connection:
                assert connection.join is not None
                (other,) = connection.join.other_participants
                assert other.identity == "watcher"
                await connection.add_track(TRACK)
            left = trio.current_time()
            async for response in watcher.responses:
                people = response.update.participants if response.update is not None else []
                gone = proto.ParticipantInfo.State.DISCONNECTED
                if any(one.identity == "me" and one.state == gone for one in people):
                    break
            assert trio.current_time() - left < 4  # updates about subscribers come every 3 s


async def test_requests_are_answered(room: str) -> None:
    with trio.fail_after(10):
        async with open_signal(URL, make_token(room)) as connection:
            assert (await connection.add_track(TRACK)).sid.startswith("TR_")
            await connection.update_metadata(name="new", attributes={"a": "b"})
            await connection.send(proto.SignalRequest(mute=proto.MuteTrackRequest(sid="TR_none")))
            async for response in connection.responses:
                if response.request_response is not None:
                    break
            answer = response.request_response
            assert answer is not None
            assert answer.reason == proto.RequestResponse.Reason.NOT_FOUND
            assert answer.mute is not None
            assert answer.mute.sid == "TR_none"


async def test_requests_are_refused(room: str) -> None:
    token = make_token(room, video={"roomJoin": True, "room": room, "canPublish": False})
    with trio.fail_after(10):
        async with open_signal(URL, token) as connection:
            with pytest.raises(NotPermitted):
                await connection.update_metadata(name="new")
            with pytest.raises(NotPermitted):
                await connection.add_track(TRACK)


async def test_the_same_identity_again_ends_the_first(room: str) -> None:
    with trio.fail_after(10):
        async with (
            open_signal(URL, make_token(room)) as first,
            open_signal(URL, make_token(room)) as second,
        ):
            end = await first.wait_closed()
            assert end.cause == "closed"
            assert first.server_leave is not None
            assert first.server_leave.reason == proto.DisconnectReason.DUPLICATE_IDENTITY
            assert second.close_reason is None


@pytest.mark.parametrize("version", ["v1", "v0"])
async def test_a_session_that_is_gone_cannot_be_resumed(room: str, version: Any) -> None:
    with trio.fail_after(10), pytest.raises(JoinRejected) as caught:
        async with open_signal(URL, make_token(room), resume=Resume("PA_none", version)):
            pass
    leave = getattr(caught.value, "leave", None)
    assert leave is not None
    assert leave.action == proto.LeaveRequest.Action.RECONNECT


@pytest.mark.parametrize("options", [None, V0], ids=["v1", "v0"])
@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"secret": "x" * 32}, "signature is invalid"),
        ({"exp": 1}, "expired"),
        ({"iss": "nobody"}, "invalid API key"),
        ({"video": {"room": "x"}}, "permissions denied"),
        ({"video": None}, "no permissions"),
    ],
)
async def test_bad_tokens(
    room: str, options: SignalOptions | None, claims: dict[str, Any], told: str
) -> None:
    with trio.fail_after(10), pytest.raises(AuthenticationFailed, match=told):
        async with open_signal(URL, make_token(room, **claims), options):
            pass


async def test_a_token_without_a_room() -> None:
    with trio.fail_after(10), pytest.raises(JoinRejected, match="no room name") as caught:
        async with open_signal(URL, make_token("")):
            pass
    assert caught.value.status == 400


async def test_a_wrong_path(room: str) -> None:
    with trio.fail_after(10), pytest.raises(ServerUnreachable, match="not a LiveKit server"):
        async with open_signal(URL + "/elsewhere", make_token(room)):
            pass


async def test_cancelled_anywhere_it_leaves_nothing(room: str) -> None:
    async def operation() -> None:
        async with open_signal(URL, make_token(room)) as connection:
            await connection.add_track(TRACK)

    with trio.fail_after(60):
        assert await cancel_at_every_checkpoint(operation) > 20
        async with open_signal(URL, make_token(room, "watcher")) as watcher:
            assert watcher.join is not None
            assert watcher.join.other_participants == []
