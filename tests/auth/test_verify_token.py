"""What verification accepts, and with which error it refuses the rest."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio import proto
from lktrio.auth import AccessToken, Claims, VideoGrants, decode_token, verify_token
from lktrio.errors import Expired, InvalidSignature, Malformed, NotYetValid, TokenError
from tests.support.cases import each_case

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
KEYS = (KEY, SECRET)
NOW = 1_700_000_000
VALID = {"iss": KEY, "sub": "bot", "exp": NOW + 60}


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def forge(
    claims: object, header: object = None, secret: str = SECRET, digest: str = "sha256"
) -> str:
    """A token signed by other means than ours."""
    parts = ({"alg": "HS256", "typ": "JWT"} if header is None else header, claims)
    signed = ".".join(
        encode(part if isinstance(part, bytes) else json.dumps(part).encode()) for part in parts
    )
    return f"{signed}.{encode(hmac.digest(secret.encode(), signed.encode(), digest))}"


def verify(token: str, **options: Any) -> Claims:
    return verify_token(token, KEYS, **{"now": NOW, **options})


def test_claims_come_back() -> None:
    video = VideoGrants(room_join=True, room="demo", can_publish_sources=["camera"])
    token = AccessToken(
        identity="bot",
        name="Bot",
        metadata="m",
        attributes={"a": "b"},
        kind="agent",
        kind_details=["cloud_agent"],
        sha256="x",
        room_preset="p",
        video=video,
        agents=[proto.RoomAgentDispatch(agent_name="helper")],
    )
    claims = verify(token.to_jwt(*KEYS, now=NOW))
    assert (claims.identity, claims.name, claims.metadata) == ("bot", "Bot", "m")
    assert (claims.attributes, claims.sha256, claims.room_preset) == ({"a": "b"}, "x", "p")
    assert (claims.issuer, claims.issued_at, claims.not_before) == (KEY, NOW, NOW)
    assert claims.expires_at == NOW + 6 * 3600
    assert claims.video == video
    assert claims.participant_kind is proto.ParticipantInfo.Kind.AGENT
    assert claims.participant_kind_details == [proto.ParticipantInfo.KindDetail.CLOUD_AGENT]
    config = proto.RoomConfiguration(agents=[proto.RoomAgentDispatch(agent_name="helper")])
    assert claims.room_config == config


def test_what_is_missing_has_defaults() -> None:
    claims = verify(forge(VALID))
    assert claims.video == VideoGrants()
    assert claims.room_config is None
    assert (claims.not_before, claims.issued_at) == (None, None)
    assert claims.participant_kind is proto.ParticipantInfo.Kind.STANDARD


def test_unknown_claims_are_kept() -> None:
    claims = verify(forge({**VALID, "extra": [1], "video": {"roomJoin": True, "canFly": True}}))
    assert claims.raw["extra"] == [1]
    assert claims.raw["video"]["canFly"] is True
    assert claims.video == VideoGrants(room_join=True)


def test_the_identity_may_be_in_jti() -> None:
    assert verify(forge({"iss": KEY, "jti": "bot", "exp": NOW})).identity == "bot"
    assert verify(forge({**VALID, "jti": "other"})).identity == "bot"


@each_case("algorithm", ["none", "None", "HS384", "HS512", "RS256", "hs256", "", 3])
def test_other_algorithms_are_refused(algorithm: object) -> None:
    for token in (
        forge(VALID, header={"alg": algorithm}),
        forge(VALID, header={"alg": algorithm}).rpartition(".")[0] + ".",
    ):
        with pytest.raises(InvalidSignature, match="HS256"):
            verify(token)


def test_the_algorithm_must_be_named() -> None:
    with pytest.raises(InvalidSignature):
        verify(forge(VALID, header={"typ": "JWT"}))


def test_required_extensions_are_refused() -> None:
    with pytest.raises(InvalidSignature, match="extensions"):
        verify(forge(VALID, header={"alg": "HS256", "crit": ["b64"], "b64": False}))


def test_other_headers_do_not_matter() -> None:
    assert verify(forge(VALID, header={"kid": "x", "alg": "HS256"})).identity == "bot"


def test_another_secret_or_digest_is_refused() -> None:
    with pytest.raises(InvalidSignature, match="secret"):
        verify(forge(VALID, secret="another"))
    with pytest.raises(InvalidSignature):
        verify(forge(VALID, digest="sha512"))


def test_unknown_issuers_are_refused() -> None:
    for issuer in ("other", "", None, 3):
        with pytest.raises(InvalidSignature, match="not known"):
            verify(forge({**VALID, "iss": issuer}))


def test_a_key_without_secret_accepts_nothing() -> None:
    with pytest.raises(InvalidSignature):
        verify_token(forge(VALID, secret=""), {KEY: ""}, now=NOW)


def test_every_changed_bit_is_refused() -> None:
    token = AccessToken(identity="bot", video=VideoGrants(room_join=True, room="r")).to_jwt(
        *KEYS, now=NOW
    )
    for bit in range(len(token) * 8):
        changed = bytearray(token.encode())
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(TokenError):
            verify(changed.decode("latin-1"))


@given(text=st.text(alphabet="ab.AB09-_=", max_size=60))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(TokenError):
        verify(text)


def test_expiry_has_a_leeway() -> None:
    token = forge(VALID)
    assert verify(token, now=NOW + 119.9).identity == "bot"
    with pytest.raises(Expired):
        verify(token, now=NOW + 120)
    with pytest.raises(Expired):
        verify(token, now=NOW + 60, leeway=timedelta(0))
    assert verify(token, now=NOW + 1000, leeway=timedelta(hours=1)).identity == "bot"


def test_the_start_has_a_leeway() -> None:
    token = forge({**VALID, "nbf": NOW, "exp": NOW + 1e6})
    assert verify(token, now=NOW - 60).identity == "bot"
    with pytest.raises(NotYetValid):
        verify(token, now=NOW - 61)


@each_case(
    "claims",
    [
        {"iss": KEY},
        {**VALID, "exp": None},
        {**VALID, "exp": "soon"},
        {**VALID, "exp": True},
        {**VALID, "exp": 1e300},
        {**VALID, "exp": -(1 << 70)},
        {**VALID, "nbf": "now"},
        {**VALID, "sub": 3},
        {**VALID, "name": {}},
        {**VALID, "attributes": {"a": 1}},
        {**VALID, "attributes": []},
        {**VALID, "kindDetails": "agent"},
        {**VALID, "kindDetails": [1]},
        {**VALID, "video": []},
        {**VALID, "video": {"roomJoin": "yes"}},
        {**VALID, "video": {"room": 1}},
        {**VALID, "video": {"canPublishSources": "camera"}},
        {**VALID, "video": {"canPublishSources": [None]}},
        {**VALID, "sip": {"admin": 1}},
        [VALID],
        3,
    ],
)
def test_claims_of_the_wrong_type_are_malformed(claims: object) -> None:
    with pytest.raises(Malformed):
        verify(forge(claims))


@each_case(
    "token",
    [
        "",
        "a",
        "a.b",
        "..",
        "a.b.c.d",
        "ä.b.c",
        forge(b"\xff\xfe"),
        forge(b"[" * 20_000),
        forge(b'{"exp": ' + b"9" * 5000 + b"}"),
        forge(VALID, header=b"{"),
        forge(VALID).replace(".", "=.", 1),
        "x" * 300_000,
    ],
)
def test_what_is_no_token_is_malformed(token: str) -> None:
    with pytest.raises(Malformed):
        verify(token)


def test_a_token_is_text() -> None:
    token: Any = b"a.b.c"
    with pytest.raises(TypeError, match="a token is a str"):
        verify(token)


def test_a_room_configuration_of_the_wrong_type_is_malformed_when_asked_for() -> None:
    claims = verify(forge({**VALID, "roomConfig": {"maxParticipants": "many", "new": 1}}))
    with pytest.raises(Malformed, match="roomConfig"):
        assert claims.room_config


def test_claims_can_be_read_without_proof() -> None:
    token = forge({**VALID, "exp": 5}, secret="unknown")
    assert decode_token(token).identity == "bot"
    with pytest.raises(Malformed):
        decode_token("a.b.c")


def test_no_secret_is_shown() -> None:
    for token in (forge(VALID, secret="x"), forge({**VALID, "exp": 1}), "a.b.c"):
        with pytest.raises(TokenError) as caught:
            verify(token)
        assert SECRET not in str(caught.value)
        assert token not in str(caught.value)


def test_hash_is_what_the_webhook_sender_makes() -> None:
    digest = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    token = AccessToken(sha256=digest).to_jwt(*KEYS, now=NOW)
    assert verify(token).sha256 == digest


def test_white_space_around_token_and_keys_does_not_matter() -> None:
    token = AccessToken(identity="bot").to_jwt("key", "secret\n")
    for text in (f"{token}\n", f" {token}\r\n"):
        for keys in (("key", "secret\n"), {"key": " secret"}, ("key\n", "secret")):
            assert verify_token(text, keys).identity == "bot"


def test_keys_of_the_wrong_type_are_refused() -> None:
    token = AccessToken(identity="bot").to_jwt("key", "secret")
    wrong: list[tuple[Any, str]] = [
        ("secret", r"keys are one \(key, secret\) pair, a mapping .*, not str"),
        (("key",), "keys are one"),
        (("key", b"secret"), "api_secret must be a str, not bytes"),
        ({"key": 5}, "the secret of an API key must be a str, not int"),
    ]
    for keys, problem in wrong:
        with pytest.raises(TypeError, match=problem):
            verify_token(token, keys)
