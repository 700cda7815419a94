"""LiveKit's own SDK and another JWT library accept our tokens, and we theirs."""

from __future__ import annotations

import datetime

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from livekit import api

from lktrio import proto
from lktrio.auth import AccessToken, SIPGrants, VideoGrants, verify_token
from lktrio.errors import Expired, InvalidSignature

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
FLAGS = st.none() | st.booleans()
TEXTS = st.text(max_size=20)


@settings(max_examples=60)
@given(
    identity=st.text(min_size=1, max_size=20),
    name=TEXTS,
    metadata=TEXTS,
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    publish=FLAGS,
    admin=FLAGS,
    sources=st.lists(st.sampled_from(["camera", "microphone"]), max_size=2),
)
def test_livekit_verifies_our_tokens(
    identity: str,
    name: str,
    metadata: str,
    attributes: dict[str, str],
    publish: bool | None,
    admin: bool | None,
    sources: list[str],
) -> None:
    token = AccessToken(
        identity=identity,
        name=name,
        metadata=metadata,
        attributes=attributes,
        video=VideoGrants(
            room_join=True, room="demo", can_publish=publish, can_publish_sources=sources
        ),
        sip=SIPGrants(admin=admin),
        room_config=proto.RoomConfiguration(max_participants=5, metadata=metadata),
    ).to_jwt(KEY, SECRET)
    claims = api.TokenVerifier(KEY, SECRET).verify(token)
    assert (claims.identity, claims.name, claims.metadata) == (identity, name, metadata)
    assert claims.attributes == attributes
    assert claims.video is not None
    assert claims.video.room_join is True
    assert claims.video.can_publish is (True if publish is None else publish)
    assert list(claims.video.can_publish_sources or []) == sources
    assert claims.sip is not None
    assert claims.sip.admin is bool(admin)
    assert claims.room_config is not None
    assert claims.room_config.max_participants == 5
    assert claims.room_config.metadata == metadata


@settings(max_examples=60)
@given(
    identity=st.text(min_size=1, max_size=20),
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=3),
    data=st.booleans(),
)
def test_we_verify_tokens_of_livekit(identity: str, attributes: dict[str, str], data: bool) -> None:
    token = (
        api.AccessToken(KEY, SECRET)
        .with_identity(identity)
        .with_kind("sip")
        .with_attributes(attributes)
        .with_sha256("hash")
        .with_grants(api.VideoGrants(room_join=True, room="demo", can_publish_data=data))
        .with_agent_grants(api.AgentGrants(admin=True))
        .with_inference_grants(api.InferenceGrants(perform=True))
        .with_observability_grants(api.ObservabilityGrants(write=True))
        .with_room_config(api.RoomConfiguration(name="n", empty_timeout=3))
        .to_jwt()
    )
    claims = verify_token(token, (KEY, SECRET))
    assert (claims.identity, claims.attributes, claims.kind) == (identity, attributes, "sip")
    assert claims.video == VideoGrants(
        room_join=True, room="demo", can_publish=True, can_subscribe=True, can_publish_data=data
    )
    assert claims.agent.admin is True
    assert claims.inference.perform is True
    assert claims.observability.write is True
    assert claims.room_config == proto.RoomConfiguration(name="n", empty_timeout=3)


def test_livekit_refuses_what_we_sign_with_another_secret() -> None:
    token = AccessToken(identity="bot").to_jwt(KEY, "another" * 6)
    with pytest.raises(jwt.InvalidSignatureError):
        api.TokenVerifier(KEY, SECRET).verify(token)


def test_we_refuse_what_another_library_signs_otherwise() -> None:
    moment = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2)
    claims = {"iss": KEY, "sub": "bot", "exp": moment}
    with pytest.raises(Expired):
        verify_token(jwt.encode(claims, SECRET), (KEY, SECRET))
    claims["exp"] = moment + datetime.timedelta(hours=1)
    assert verify_token(jwt.encode(claims, SECRET), (KEY, SECRET)).identity == "bot"
    for algorithm in ("HS384", "HS512"):
        with pytest.raises(InvalidSignature):
            verify_token(jwt.encode(claims, SECRET * 2, algorithm=algorithm), (KEY, SECRET * 2))
    with pytest.raises(InvalidSignature):
        verify_token(jwt.encode(claims, "", algorithm="none"), (KEY, SECRET))
