"""Requests that are accepted, and the reasons for which others are not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from lktrio import proto
from lktrio.auth import AccessToken, FileKeys, VideoGrants
from lktrio.errors import (
    DigestMismatch,
    Expired,
    InvalidAuthorization,
    InvalidSignature,
    LiveKitError,
    Malformed,
    MissingAuthorization,
    NotYetValid,
    TokenError,
    UnknownApiKey,
    WebhookError,
)
from lktrio.webhooks import EventName, WebhookReceiver
from tests.support.cases import each_case
from tests.webhooks.requests import (
    KEY,
    KEYS,
    RECORDED_AT,
    SECRET,
    Request,
    event_body,
    recorded,
    recorded_receiver,
    token_for,
)

BODY = event_body()


@each_case("request_", recorded())
def test_requests_of_a_real_server_are_received(request_: Request) -> None:
    event = recorded_receiver().receive(request_.body, request_.authorization)
    sent = json.loads(request_.body)
    assert event.event == sent["event"] == EventName(event.event)
    assert event.id == sent["id"]
    assert event.created_at == int(sent["createdAt"])
    assert event.room is not None
    assert event.room.name == sent["room"]["name"]
    participant = sent.get("participant")
    assert (participant is None) == (event.participant is None)
    if event.participant is not None:
        assert event.participant.identity == participant["identity"]


def test_all_kinds_of_events_were_recorded() -> None:
    media = ("egress", "ingress", "agent")
    kinds = {name for name in EventName if not name.startswith(media)}
    assert {json.loads(request.body)["event"] for request in recorded()} == kinds


def test_a_track_is_read() -> None:
    request = next(one for one in recorded() if b"track_published" in one.body)
    event = recorded_receiver().receive(request.body, request.authorization)
    assert event.track is not None
    assert event.track.sid == json.loads(request.body)["track"]["sid"]


def test_names_of_events_can_be_matched() -> None:
    match WebhookReceiver(KEYS).receive(BODY, token_for(BODY)).event:
        case EventName.ROOM_STARTED:
            pass
        case other:
            pytest.fail(other)


@each_case("kind", [bytes, bytearray, memoryview, lambda body: body.decode()])
def test_a_body_may_be_bytes_or_text(kind: type[bytes]) -> None:
    body = event_body(room={"name": "zürich \N{OWL}"})
    event = WebhookReceiver(KEYS).receive(kind(body), token_for(body))
    assert event.room == proto.Room(name="zürich \N{OWL}")


def test_a_body_is_nothing_else() -> None:
    with pytest.raises(TypeError, match="bytes or str, not dict"):
        WebhookReceiver(KEYS).receive(json.loads(BODY), token_for(BODY))


@each_case("form", ["{}", "Bearer {}", "bearer {}", "BEARER   {}", " {} "])
def test_the_token_may_follow_bearer(form: str) -> None:
    event = WebhookReceiver(KEYS).receive(BODY, form.format(token_for(BODY)))
    assert event.event == "room_started"


@each_case("authorization", [None, "", "  ", "Bearer", "Bearer "])
def test_a_request_without_token_is_refused(authorization: str | None) -> None:
    with pytest.raises(MissingAuthorization):
        WebhookReceiver(KEYS).receive(BODY, authorization)


def test_the_issuer_chooses_among_several_keys() -> None:
    receiver = WebhookReceiver({"one": "1" * 32, "two": "2" * 32})
    for key, secret in (("one", "1" * 32), ("two", "2" * 32)):
        assert receiver.receive(BODY, token_for(BODY, key=key, secret=secret)).id == "EV_1"
    with pytest.raises(InvalidAuthorization) as caught:
        receiver.receive(BODY, token_for(BODY, key="one", secret="2" * 32))
    assert isinstance(caught.value.__cause__, InvalidSignature)
    with pytest.raises(UnknownApiKey, match="'three'"):
        receiver.receive(BODY, token_for(BODY, key="three", secret="1" * 32))


def test_keys_may_be_a_pair_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert WebhookReceiver((KEY, SECRET)).receive(BODY, token_for(BODY)).id == "EV_1"
    monkeypatch.setenv("LIVEKIT_API_KEY", KEY)
    monkeypatch.setenv("LIVEKIT_API_SECRET", SECRET)
    assert WebhookReceiver().receive(BODY, token_for(BODY)).id == "EV_1"


def test_keys_can_be_rotated_while_the_receiver_lives(tmp_path: Path) -> None:
    keys = tmp_path / "keys.yaml"
    keys.write_text(f"{KEY}: {SECRET}\n")
    receiver = WebhookReceiver(FileKeys(keys))
    assert receiver.receive(BODY, token_for(BODY)).id == "EV_1"
    keys.write_text(f"newkey: {SECRET}\n")
    with pytest.raises(UnknownApiKey):
        receiver.receive(BODY, token_for(BODY))
    assert receiver.receive(BODY, token_for(BODY, key="newkey")).id == "EV_1"


def test_a_token_that_expired_or_is_not_valid_yet_is_refused() -> None:
    request = recorded()[0]
    for clock, cause in ((RECORDED_AT + 361, Expired), (RECORDED_AT - 61, NotYetValid)):
        receiver = WebhookReceiver(KEYS, clock=lambda clock=clock: clock)  # type: ignore[misc]
        with pytest.raises(InvalidAuthorization) as caught:
            receiver.receive(request.body, request.authorization)
        assert isinstance(caught.value.__cause__, cause)


def test_clocks_may_differ_by_the_leeway() -> None:
    request = recorded()[0]
    late = WebhookReceiver(KEYS, clock=lambda: RECORDED_AT + 359)
    assert late.receive(request.body, request.authorization).event == "room_started"
    strict = WebhookReceiver(KEYS, clock=lambda: RECORDED_AT + 301, leeway=timedelta(0))
    with pytest.raises(InvalidAuthorization):
        strict.receive(request.body, request.authorization)


def test_the_token_of_a_participant_signs_no_webhook() -> None:
    token = AccessToken(identity="mallory", video=VideoGrants(room_join=True, room="demo")).to_jwt(
        KEY, SECRET
    )
    with pytest.raises(DigestMismatch, match="something else"):
        WebhookReceiver(KEYS).receive(BODY, token)


def test_the_token_of_another_event_is_refused() -> None:
    first, second = recorded()[:2]
    with pytest.raises(DigestMismatch):
        recorded_receiver().receive(first.body, second.authorization)


@each_case("digest", ["", "x", "\N{OWL}", "é" * 44, "=" * 44])
def test_a_claim_that_is_no_digest_is_refused(digest: str) -> None:
    with pytest.raises(DigestMismatch):
        WebhookReceiver(KEYS).receive(BODY, token_for(BODY, sha256=digest))


def test_a_token_with_half_a_surrogate_pair_is_refused() -> None:
    claims = {"iss": KEY, "exp": 9_000_000_000, "sha256": "\ud800"}
    with pytest.raises(DigestMismatch):
        WebhookReceiver(KEYS).receive(BODY, jwt.encode(claims, SECRET))


def test_text_that_is_no_token_is_refused() -> None:
    for text in ("x", "a.b.c", "Basic dXNlcjpwYXNz", "\N{OWL}", "Bearer a b", "." * 300_000):
        with pytest.raises(InvalidAuthorization) as caught:
            WebhookReceiver(KEYS).receive(BODY, text)
        assert isinstance(caught.value.__cause__, Malformed)


def test_every_refusal_is_a_webhook_error_and_those_of_tokens_are_token_errors() -> None:
    assert issubclass(WebhookError, LiveKitError)
    assert issubclass(InvalidAuthorization, WebhookError)
    assert issubclass(InvalidAuthorization, TokenError)


def test_unknown_fields_and_enum_values_pass() -> None:
    body = event_body(
        "room_teleported",
        future={"deep": [1, {"x": None}]},
        participant={"identity": "bob", "state": "HOVERING", "kind": 77, "newField": True},
    )
    event = WebhookReceiver(KEYS).receive(body, token_for(body))
    assert event.event == "room_teleported"
    assert event.participant is not None
    assert event.participant.identity == "bob"
    assert event.participant.state == proto.ParticipantInfo.State.JOINING
    assert event.participant.kind == 77


def test_a_body_can_be_verified_without_reading_it() -> None:
    request = recorded()[0]
    receiver = recorded_receiver()
    assert receiver.verify(request.body, request.authorization) == request.body
    assert receiver.verify(b"no event", token_for(b"no event", now=RECORDED_AT)) == b"no event"
    with pytest.raises(DigestMismatch):
        receiver.verify(b"no event", request.authorization)


def test_no_refusal_shows_the_secret_or_the_token() -> None:
    forged = token_for(BODY, secret="x" * 32)
    unbound = AccessToken().to_jwt(KEY, SECRET)
    for authorization in (forged, unbound, token_for(b"other"), token_for(BODY, now=1)):
        with pytest.raises(WebhookError) as caught:
            WebhookReceiver(KEYS).receive(BODY, authorization)
        shown = f"{caught.value} {caught.value.__cause__}"
        assert SECRET not in shown
        assert authorization not in shown
    assert SECRET not in repr(vars(WebhookReceiver(KEYS)))
