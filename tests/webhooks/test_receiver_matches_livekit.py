"""LiveKit's own receiver accepts what we sign, and ours what LiveKit's tokens sign."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import google.protobuf.json_format
import jwt
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from livekit.api import AccessToken, TokenVerifier
from livekit.api import WebhookReceiver as LiveKitReceiver
from livekit.protocol import models, webhook

from lktrio import proto
from lktrio.errors import DigestMismatch, InvalidAuthorization, MalformedEvent
from lktrio.proto.codec import decode, encode, to_json
from lktrio.webhooks import WebhookReceiver, signed_headers
from tests.support.cases import each_case
from tests.webhooks.endpoint import Endpoint, in_turn, sender_to
from tests.webhooks.requests import KEY, KEYS, SECRET, Request, recorded, token_for

# Without types of their own.
json_format: Any = google.protobuf.json_format
LiveKitEvent: Any = webhook.WebhookEvent
MODELS: Any = models

THEIRS: Any = LiveKitReceiver(TokenVerifier(KEY, SECRET))
OURS = WebhookReceiver(KEYS)

NAMES = st.text(max_size=20)
EVENTS = st.builds(
    proto.WebhookEvent,
    event=NAMES,
    id=NAMES,
    created_at=st.integers(0, 1 << 62),
    num_dropped=st.integers(0, 1000),
    room=st.none() | st.builds(proto.Room, name=NAMES, sid=NAMES, metadata=NAMES),
    participant=st.none()
    | st.builds(
        proto.ParticipantInfo,
        identity=NAMES,
        attributes=st.dictionaries(NAMES, NAMES, max_size=2),
        state=st.sampled_from(proto.ParticipantInfo.State),
    ),
)


@given(EVENTS)
def test_theirs_receives_what_ours_signs(event: proto.WebhookEvent) -> None:
    body = to_json(event).encode()
    received = THEIRS.receive(body.decode(), signed_headers(body, KEY, SECRET)["Authorization"])
    assert decode(proto.WebhookEvent, received.SerializeToString()) == event


@given(EVENTS)
def test_ours_receives_what_theirs_signs(event: proto.WebhookEvent) -> None:
    message = LiveKitEvent.FromString(encode(event))
    body = json_format.MessageToJson(message, indent=None)
    digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
    token = AccessToken(KEY, SECRET).with_sha256(digest).to_jwt()
    assert OURS.receive(body, token) == event


async def test_theirs_receives_what_our_sender_posts() -> None:
    endpoint = Endpoint(in_turn(503, 200))
    events = [decoded(request) for request in recorded()[:3]]
    with trio.fail_after(20):
        async with sender_to(endpoint, backoff=0.0) as sender:
            for event in events:
                assert sender.send(event)
            await sender.flush()
    received = [
        THEIRS.receive(request.content.decode(), request.headers["Authorization"])
        for request in endpoint.requests
    ]
    assert len(received) == len(events) + 1  # the first one was posted twice
    messages = [decode(proto.WebhookEvent, message.SerializeToString()) for message in received]
    assert messages[0] == messages[1]
    assert messages[1:] == events


def decoded(request: Request) -> proto.WebhookEvent:
    return OURS.receive(request.body, token_for(request.body))


def test_both_read_the_same_in_recorded_requests() -> None:
    for request in recorded():
        theirs = THEIRS.receive(request.body.decode(), token_for(request.body))
        ours = OURS.receive(request.body, token_for(request.body))
        assert ours == decode(proto.WebhookEvent, theirs.SerializeToString())
        assert json_format.Parse(to_json(ours), LiveKitEvent()) == theirs


@each_case(
    "body", ["", "[", '{"room": 1}', '{"createdAt": "x"}', '{"event": 5}', '{"event": "a"} b']
)
def test_both_refuse_the_same(body: str) -> None:
    token = token_for(body.encode())
    with pytest.raises(json_format.ParseError):
        THEIRS.receive(body, token)
    with pytest.raises(MalformedEvent):
        OURS.receive(body, token)


def test_both_refuse_another_body() -> None:
    body = json_format.MessageToJson(LiveKitEvent(room=MODELS.Room(name="r")))
    token = token_for(b"other")
    with pytest.raises(Exception, match="hash mismatch"):
        THEIRS.receive(body, token)
    with pytest.raises(DigestMismatch):
        OURS.receive(body, token)


def test_both_refuse_another_secret() -> None:
    token = token_for(b"{}", secret="x" * 32)
    with pytest.raises(jwt.InvalidSignatureError):
        THEIRS.receive("{}", token)
    with pytest.raises(InvalidAuthorization):
        OURS.receive("{}", token)
