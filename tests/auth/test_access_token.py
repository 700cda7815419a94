"""What a signed token contains, and what is not signed."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from lktrio import proto
from lktrio.auth import (
    AccessToken,
    AgentEndpointGrants,
    AgentGrants,
    AgentThreadGrants,
    InferenceGrants,
    ObservabilityGrants,
    SIPGrants,
    VideoGrants,
)
from tests.support.cases import each_case

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
NOW = 1_700_000_000.75


def payload(token: AccessToken) -> dict[str, Any]:
    part = token.to_jwt(KEY, SECRET, now=NOW).split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_registered_claims() -> None:
    assert payload(AccessToken(identity="bot")) == {
        "iss": KEY,
        "sub": "bot",
        "iat": 1_700_000_000,
        "nbf": 1_700_000_000,
        "exp": 1_700_000_000 + 6 * 3600,
    }


def test_lifetime_can_be_chosen() -> None:
    claims = payload(AccessToken(ttl=timedelta(minutes=5)))
    assert claims["exp"] - claims["nbf"] == 300
    with pytest.raises(ValueError, match="ttl"):
        payload(AccessToken(ttl=timedelta(0)))


def test_a_token_of_a_server_has_no_identity() -> None:
    assert "sub" not in payload(AccessToken(video=VideoGrants(room_list=True)))


def test_every_claim_has_its_name() -> None:
    token = AccessToken(
        identity="bot",
        name="Bot",
        metadata="m",
        attributes={"a": "b"},
        kind="agent",
        kind_details=["CLOUD_AGENT", "forwarded"],
        sha256="aGFzaA==",
        room_preset="preset",
        video=VideoGrants(
            room_create=True,
            room_list=True,
            room_record=True,
            room_admin=True,
            room_join=True,
            room="demo",
            destination_room="other",
            can_publish=True,
            can_subscribe=False,
            can_publish_data=True,
            can_publish_sources=["camera", "screen_share_audio"],
            can_update_own_metadata=True,
            ingress_admin=True,
            hidden=True,
            recorder=True,
            agent=True,
            can_subscribe_metrics=True,
            can_manage_agent_session=False,
        ),
        sip=SIPGrants(admin=True, call=True),
        agent=AgentGrants(
            admin=True, simulation_admin=True, database_admin=True, dispatch_admin=True
        ),
        agent_endpoint=AgentEndpointGrants(call=True, agent_name="x", deployment="y"),
        agent_thread=AgentThreadGrants(all=True, scope="s", thread_ids=["t"], list=True),
        inference=InferenceGrants(perform=True),
        observability=ObservabilityGrants(write=True),
    )
    claims = payload(token)
    for name in ("iss", "sub", "iat", "nbf", "exp"):
        del claims[name]
    assert claims == {
        "name": "Bot",
        "metadata": "m",
        "attributes": {"a": "b"},
        "kind": "agent",
        "kindDetails": ["cloud_agent", "forwarded"],
        "sha256": "aGFzaA==",
        "roomPreset": "preset",
        "video": {
            "roomCreate": True,
            "roomList": True,
            "roomRecord": True,
            "roomAdmin": True,
            "roomJoin": True,
            "room": "demo",
            "destinationRoom": "other",
            "canPublish": True,
            "canSubscribe": False,
            "canPublishData": True,
            "canPublishSources": ["camera", "screen_share_audio"],
            "canUpdateOwnMetadata": True,
            "ingressAdmin": True,
            "hidden": True,
            "recorder": True,
            "agent": True,
            "canSubscribeMetrics": True,
            "canManageAgentSession": False,
        },
        "sip": {"admin": True, "call": True},
        "agent": {
            "admin": True,
            "simulationAdmin": True,
            "databaseAdmin": True,
            "dispatchAdmin": True,
        },
        "agentEndpoint": {"call": True, "agentName": "x", "deployment": "y"},
        "agentThread": {"all": True, "scope": "s", "threadIds": ["t"], "list": True},
        "inference": {"perform": True},
        "observability": {"write": True},
    }


def test_grants_that_are_not_set_are_not_written() -> None:
    video = VideoGrants(room_join=True, room="demo", can_publish=False)
    claims = payload(AccessToken(identity="bot", video=video))
    assert claims["video"] == {"roomJoin": True, "room": "demo", "canPublish": False}


def test_agents_are_dispatched_by_the_token() -> None:
    token = AccessToken(
        room_config=proto.RoomConfiguration(
            max_participants=3, agents=[proto.RoomAgentDispatch(agent_name="first")]
        ),
        agents=[proto.RoomAgentDispatch(agent_name="second", metadata="m")],
    )
    assert payload(token)["roomConfig"] == {
        "maxParticipants": 3,
        "agents": [{"agentName": "first"}, {"agentName": "second", "metadata": "m"}],
    }
    assert token.room_config is not None
    assert len(token.room_config.agents) == 1


@each_case(
    "token, problem",
    [
        (AccessToken(video=VideoGrants(room_join=True, room="demo")), "identity"),
        (AccessToken(identity="bot", video=VideoGrants(room_join=True)), r"video\.room"),
        (AccessToken(kind="robot"), "kind must be one of standard, ingress"),
    ],
)
def test_useless_tokens_are_not_signed(token: AccessToken, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        token.to_jwt(KEY, SECRET)


WRONG_TYPES: list[tuple[str, Any, str]] = [
    ("identity", 5, "identity must be a str, not int"),
    ("identity", None, "identity must be a str, not NoneType"),
    ("name", b"Bot", "name must be a str, not bytes"),
    ("metadata", {"a": 1}, r"metadata must be a str, not dict: .* json\.dumps\(\)"),
    ("metadata", b"{}", "metadata must be a str, not bytes"),
    ("ttl", 600, r"ttl must be a timedelta, not int: pass timedelta\(seconds=\.\.\.\)"),
    ("ttl", 0.5, "ttl must be a timedelta, not float"),
    ("attributes", {"a": 1}, "names and values of attributes are strings, not int: 'a'"),
    ("attributes", {1: "a"}, "names and values of attributes are strings, not int"),
    ("attributes", [("a", "b")], "attributes must be a mapping of strings, not list"),
    ("attributes", None, "attributes must be a mapping of strings, not NoneType"),
    ("video", {"roomJoin": True}, "video must be a VideoGrants, not dict"),
    ("sip", VideoGrants(), "sip must be a SIPGrants, not VideoGrants"),
    ("kind", 1, "kind must be a str, not int"),
    ("kind_details", "cloud_agent", "kind_details must be a list or tuple, not str"),
    ("kind_details", [1], "kind_details must hold strings only"),
    ("sha256", b"x", "sha256 must be a str, not bytes"),
    ("room_preset", 1, "room_preset must be a str, not int"),
    ("room_config", {"name": "x"}, "room_config must be a RoomConfiguration, not dict"),
    ("agents", "helper", "agents must be a list, not str"),
    ("agents", ["helper"], "agents must hold RoomAgentDispatch messages, not str"),
]
WRONG_GRANTS: list[tuple[str, Any, str]] = [
    ("can_publish_sources", "camera", "can_publish_sources must be a list of strings, not str"),
    ("can_publish_sources", b"camera", "can_publish_sources must be a list of strings, not bytes"),
    ("can_publish_sources", None, "can_publish_sources must be a list of strings, not NoneType"),
    ("can_publish_sources", [1], "can_publish_sources must hold strings only, not int"),
    ("room_join", "yes", r"VideoGrants\.room_join must be a bool, not str"),
    ("room_join", 1, "room_join must be a bool, not int"),
    ("room", 3, "room must be a str, not int"),
    ("room", None, "room must be a str, not NoneType"),
    ("room", b"demo", "room must be a str, not bytes"),
]


def test_values_of_the_wrong_type_are_refused_by_name() -> None:
    for name, value, problem in WRONG_TYPES:
        with pytest.raises(TypeError, match=problem):
            AccessToken(**{name: value})
    for name, value, problem in WRONG_GRANTS:
        with pytest.raises(TypeError, match=problem):
            VideoGrants(**{name: value})


def test_keys_of_the_wrong_type_are_refused_by_name() -> None:
    not_text: Any = b"secret"
    with pytest.raises(TypeError, match="api_secret must be a str, not bytes"):
        AccessToken().to_jwt(KEY, not_text)
    with pytest.raises(TypeError, match="api_key must be a str, not bytes"):
        AccessToken().to_jwt(not_text, SECRET)


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_API_KEY", "envkey")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "envsecret")
    token = AccessToken(identity="bot")
    assert token.to_jwt(now=NOW) == token.to_jwt("envkey", "envsecret", now=NOW)


@each_case("missing", ["LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"])
def test_without_a_key_nothing_is_signed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setenv("LIVEKIT_API_KEY", "envkey")
    monkeypatch.setenv("LIVEKIT_API_SECRET", "envsecret")
    monkeypatch.delenv(missing)
    with pytest.raises(ValueError, match="pass it, or set LIVEKIT_API_KEY"):
        AccessToken(identity="bot").to_jwt()


SECRETS = {
    "s3": proto.EncodedFileOutput(s3=proto.S3Upload(bucket="b", secret="hush")),
    "session": proto.EncodedFileOutput(s3=proto.S3Upload(bucket="b", session_token="hush")),
    "gcp": proto.EncodedFileOutput(gcp=proto.GCPUpload(bucket="b", credentials="hush")),
    "azure": proto.EncodedFileOutput(azure=proto.AzureBlobUpload(account_key="hush")),
    "alioss": proto.EncodedFileOutput(aliOSS=proto.AliOSSUpload(secret="hush")),
    "proxy": proto.EncodedFileOutput(
        s3=proto.S3Upload(proxy=proto.ProxyConfig(url="p", password="hush"))
    ),
}


@each_case("output", SECRETS.values())
def test_storage_secrets_stay_out_of_tokens(output: proto.EncodedFileOutput) -> None:
    for egress in (
        proto.RoomEgress(room=proto.RoomCompositeEgressRequest(file_outputs=[output])),
        proto.RoomEgress(participant=proto.AutoParticipantEgress(file_outputs=[output])),
    ):
        config = proto.RoomConfiguration(egress=egress)
        with pytest.raises(ValueError, match=r"room_config\.egress\.") as caught:
            AccessToken(room_config=config).to_jwt(KEY, SECRET)
        assert "hush" not in str(caught.value)
        allowed = AccessToken(room_config=config, allow_sensitive_credentials=True)
        assert "hush" in json.dumps(payload(allowed))


def test_stream_keys_stay_out_of_tokens() -> None:
    stream = proto.StreamOutput(urls=["rtmp://host/app/key"])
    config = proto.RoomConfiguration(
        egress=proto.RoomEgress(room=proto.RoomCompositeEgressRequest(stream_outputs=[stream]))
    )
    with pytest.raises(ValueError, match="stream_outputs"):
        AccessToken(room_config=config).to_jwt(KEY, SECRET)


def test_storage_without_secrets_is_fine() -> None:
    output = proto.EncodedFileOutput(filepath="x", s3=proto.S3Upload(bucket="b"))
    egress = proto.RoomEgress(room=proto.RoomCompositeEgressRequest(file_outputs=[output]))
    claims = payload(AccessToken(room_config=proto.RoomConfiguration(egress=egress)))
    outputs = claims["roomConfig"]["egress"]["room"]["fileOutputs"]
    assert outputs == [{"filepath": "x", "s3": {"bucket": "b"}}]
