"""``lktrio token verify`` shows what a token says, but only if it is true."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lktrio import api
from lktrio.auth import AccessToken, VideoGrants
from tests.cli.shell import Shell
from tests.support.cases import each_case

KEY, SECRET = "a-key", "the-secret-of-the-key"
TOKEN = AccessToken(
    identity="bot",
    name="Bot",
    attributes={"language": "en"},
    video=VideoGrants(room_join=True, room="demo"),
)


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.environment({"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET})
    return shell


def test_shows_the_claims_line_by_line(shell: Shell) -> None:
    token = replace(TOKEN, ttl=timedelta(days=36_500)).to_jwt(now=1_700_000_000)
    result = shell.succeed("token", "verify", token)
    fields = dict(line.split(":", 1) for line in result.lines)
    assert {name: value.strip() for name, value in fields.items()} == {
        "identity": "bot",
        "name": "Bot",
        "attributes": "language=en",
        "API key": KEY,
        "valid from": "2023-11-14 22:13:20Z",
        "valid until": "2123-10-21 22:13:20Z",
        "video": "roomJoin=true, room=demo",
    }


def test_shows_what_the_token_does_to_the_room(shell: Shell) -> None:
    token = replace(
        TOKEN,
        kind="agent",
        kind_details=["cloud_agent"],
        room_preset="small",
        agents=[api.RoomAgentDispatch(agent_name="helper")],
    ).to_jwt()
    lines = shell.succeed("token", "verify", token).lines
    fields = dict(line.split(":", 1) for line in lines)
    assert fields["kind"].strip() == "agent cloud_agent"
    assert fields["roomPreset"].strip() == "small"
    assert fields["roomConfig"].strip() == '{"agents": [{"agentName": "helper"}]}'


def test_shows_the_raw_claims_as_json(shell: Shell) -> None:
    claims = shell.succeed("token", "verify", "--json", TOKEN.to_jwt()).json
    assert (claims["iss"], claims["sub"], claims["video"]["room"]) == (KEY, "bot", "demo")


def test_reads_the_token_from_standard_input(shell: Shell) -> None:
    result = shell.succeed("token", "verify", stdin=f" {TOKEN.to_jwt()}\n")
    assert "bot" in result.out


def test_a_token_may_come_as_in_a_header(shell: Shell) -> None:
    assert "bot" in shell.succeed("token", "verify", f"Bearer {TOKEN.to_jwt()}").out


def test_nothing_cannot_be_verified(shell: Shell) -> None:
    result = shell("token", "verify", stdin="\n")
    assert (result.code, "no token" in result.complaint) == (1, True)


def test_takes_what_create_printed(shell: Shell) -> None:
    made = shell.succeed("token", "create", "--join", "-r", "demo", "-i", "bot")
    assert shell.succeed("token", "verify", "-j", stdin=made.out).json["sub"] == "bot"


def test_looks_for_the_key_among_several(shell: Shell) -> None:
    shell.environment({"LIVEKIT_KEYS": "other: other-secret\nthird: third-secret"})
    token = TOKEN.to_jwt("third", "third-secret")
    assert shell.succeed("token", "verify", "-j", token).json["iss"] == "third"


@each_case(
    "token, complaint",
    [
        (TOKEN.to_jwt(KEY, "wrong"), "not signed with the secret of its API key"),
        (TOKEN.to_jwt("unknown", SECRET), "API key that is not known here"),
        (AccessToken(ttl=timedelta(seconds=1)).to_jwt(KEY, SECRET, now=0), "expired"),
        (TOKEN.to_jwt(KEY, SECRET, now=4_000_000_000), "not valid yet"),
        ("nonsense", "token"),
        ("", "token"),
    ],
)
def test_a_bad_token_fails_with_one_line(shell: Shell, token: str, complaint: str) -> None:
    result = shell("token", "verify", stdin=token)
    assert result.code == 1
    assert result.complaint.startswith("lktrio token verify: ")
    assert complaint in result.complaint
    assert not token or token not in result.err


def test_half_a_pair_is_refused(shell: Shell) -> None:
    shell.environment({"LIVEKIT_API_SECRET": ""})
    result = shell("token", "verify", "--api-key", "x", TOKEN.to_jwt(KEY, SECRET))
    assert result.code == 2
    assert "LIVEKIT_API_SECRET" in result.complaint


def test_secrets_within_a_token_are_hidden(shell: Shell) -> None:
    from lktrio import api

    upload = api.EncodedFileOutput(s3=api.S3Upload(secret="do-not-show"))
    egress = api.RoomEgress(room=api.RoomCompositeEgressRequest(file_outputs=[upload]))
    token = AccessToken(
        identity="bot",
        room_config=api.RoomConfiguration(egress=egress),
        allow_sensitive_credentials=True,
    ).to_jwt()
    result = shell.succeed("token", "verify", "-j", token)
    assert "roomConfig" in result.out
    assert "do-not-show" not in result.out
