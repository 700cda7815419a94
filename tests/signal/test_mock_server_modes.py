"""LiveKit's mock server plays every trouble of a signalling connection; the client names each.

The mode is chosen by an attribute of the token, as the mock's documentation says.
"""

from __future__ import annotations

import json
import os

import pytest
import trio

from lktrio import proto
from lktrio.auth import AccessToken, VideoGrants
from lktrio.errors import (
    AuthenticationFailed,
    ConnectError,
    ConnectTimeout,
    JoinRejected,
    ServerUnreachable,
)
from lktrio.signal import LeaveReceived, Resume, SignalOptions, Timeouts, open_signal

pytestmark = [
    pytest.mark.livekit_test_server,
    pytest.mark.skipif(
        "LK_TEST_SERVER_URL" not in os.environ, reason="LK_TEST_SERVER_URL is not set"
    ),
]
URL = os.environ.get("LK_TEST_SERVER_URL", "")
KEY = os.environ.get("LIVEKIT_API_KEY", "devkey")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "secretsecretsecretsecretsecretsecret")
VERSIONS = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])
TIMEOUTS = Timeouts(first_message=1.0)


def token(signal: str, secret: str = SECRET, **control: str) -> str:
    mode = json.dumps({"signal": signal, **control})
    grants = VideoGrants(room_join=True, room="mock")
    return AccessToken(identity="me", video=grants, attributes={"lk.mock": mode}).to_jwt(
        KEY, secret
    )


def options(single: bool) -> SignalOptions:
    return SignalOptions(single_peer_connection=single)


@VERSIONS
async def test_happy(single: bool) -> None:
    with trio.fail_after(15):
        async with open_signal(URL, token("happy"), options(single)) as signal:
            assert signal.join is not None
            assert signal.version == ("v1" if single else "v0")
            while signal.round_trip_time is None:
                await trio.sleep(0.05)
            await signal.leave()
        assert signal.close_reason is not None
        assert signal.close_reason.cause == "left"


@VERSIONS
@pytest.mark.parametrize(
    ("mode", "error", "text"),
    [
        ("validate_500", ConnectError, "500"),
        ("validate_service_not_found", ConnectError, "404"),
        ("room_not_found", JoinRejected, "requested room does not exist"),
        ("no_first_message", ConnectTimeout, "join"),
        ("close_before_join", ConnectError, "join"),
        ("leave_first_message", LeaveReceived, "server shutdown"),
    ],
)
async def test_a_join_that_fails_says_why(
    single: bool, mode: str, error: type[ConnectError], text: str
) -> None:
    with trio.fail_after(30), pytest.raises(error, match=text):
        async with open_signal(URL, token(mode), options(single), timeouts=TIMEOUTS):
            pytest.fail("the join succeeded")


@VERSIONS
async def test_a_bad_signature_is_an_authentication_failure(single: bool) -> None:
    with trio.fail_after(15), pytest.raises(AuthenticationFailed):
        async with open_signal(URL, token("happy", "another secret" * 3), options(single)):
            pytest.fail("the join succeeded")


@VERSIONS
@pytest.mark.parametrize(
    ("mode", "cause"),
    [
        ("no_pong", "silent"),
        ("close_when_connected", "closed"),
        ("drop_when_connected", "lost"),
    ],
)
async def test_a_link_that_dies_says_how(single: bool, mode: str, cause: str) -> None:
    with trio.fail_after(15):
        async with open_signal(URL, token(mode), options(single)) as signal:
            end = await signal.wait_closed()
        assert end.cause == cause


@VERSIONS
@pytest.mark.parametrize("action", ["DISCONNECT", "RESUME", "RECONNECT"])
async def test_a_leave_tells_what_to_do(single: bool, action: str) -> None:
    with trio.fail_after(15):
        sent = token("leave_when_connected", leaveAction=action)
        async with open_signal(URL, sent, options(single)) as signal:
            async for response in signal.responses:
                if response.leave is not None:
                    break
        assert signal.server_leave is not None
        assert signal.server_leave.action.name == action
        assert signal.server_leave.reason == proto.DisconnectReason.SERVER_SHUTDOWN


@VERSIONS
async def test_a_resume_is_answered(single: bool) -> None:
    resume = Resume("PA_mock", "v1" if single else "v0", ping_interval=1, ping_timeout=3)
    with trio.fail_after(15):
        async with open_signal(URL, token("happy"), resume=resume) as signal:
            assert signal.reconnect is not None or signal.join is not None


@pytest.mark.parametrize("action", ["DISCONNECT", "RECONNECT"])
async def test_a_refused_resume_says_what_to_do(action: str) -> None:
    resume = Resume("PA_mock", "v0", ping_interval=1, ping_timeout=3)
    sent = token("leave_during_reconnect", leaveAction=action)
    with trio.fail_after(15), pytest.raises(LeaveReceived) as caught:
        async with open_signal(URL, sent, resume=resume):
            pytest.fail("the resume succeeded")
    assert caught.value.leave.action.name == action


@VERSIONS
async def test_a_resume_mode_joins_as_usual(single: bool) -> None:
    with trio.fail_after(15):
        async with open_signal(URL, token("leave_during_reconnect"), options(single)) as signal:
            assert signal.join is not None


async def test_no_server_is_unreachable() -> None:
    with trio.fail_after(15), pytest.raises(ServerUnreachable):
        async with open_signal("ws://127.0.0.1:1", token("happy")):
            pytest.fail("the join succeeded")
