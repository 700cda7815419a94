"""Bodies that are signed and still no events: someone with a key may send anything."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import MalformedEvent
from lktrio.proto import WebhookEvent
from lktrio.webhooks import MAX_BODY, WebhookReceiver
from tests.support.cases import each_case
from tests.webhooks.requests import KEYS, event_body, recorded, token_for

RECEIVER = WebhookReceiver(KEYS)


def receive(body: bytes) -> WebhookEvent:
    return RECEIVER.receive(body, token_for(body))


def test_a_body_over_the_limit_is_refused_before_it_is_hashed() -> None:
    body = bytes(2 * MAX_BODY)
    started = time.process_time()
    with pytest.raises(MalformedEvent, match=str(MAX_BODY)):
        RECEIVER.receive(body, token_for(b""))
    assert time.process_time() - started < 0.5


def test_the_limit_can_be_chosen() -> None:
    body = event_body()
    token = token_for(body)
    assert WebhookReceiver(KEYS, max_body=len(body)).receive(body, token).id == "EV_1"
    with pytest.raises(MalformedEvent):
        WebhookReceiver(KEYS, max_body=len(body) - 1).receive(body, token)


def test_limits_make_sense() -> None:
    with pytest.raises(ValueError, match="max_body"):
        WebhookReceiver(KEYS, max_body=0)
    with pytest.raises(ValueError, match="deduplicate"):
        WebhookReceiver(KEYS, deduplicate=-1)


@each_case(
    "body",
    [
        b"[" * 100_000,
        b'{"x":' * 100_000,
        b'{"room":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    ],
)
def test_deep_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        receive(body)


@each_case(
    "body",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"room_started"',
        b"1",
        b"{",
        b"{} {}",
        b"{'event': 'x'}",
        b'{"event": 1}',
        b'{"event": ["room_started"]}',
        b'{"event": "x", "room": []}',
        b'{"event": "x", "room": "demo"}',
        b'{"event": "x", "createdAt": "soon"}',
        b'{"event": "x", "createdAt": 1e99}',
        b'{"event": "x", "createdAt": ' + b"9" * 10_000 + b"}",
        b'{"event": "x", "numDropped": NaN}',
        b'{"event": "x", "participant": {"permission": 7}}',
        b'{"event": "\\ud800"}',
    ],
)
def test_what_is_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        receive(body)


@each_case("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig"])
def test_only_utf8_is_read(encoding: str) -> None:
    with pytest.raises(MalformedEvent):
        receive('{"event": "zürich"}'.encode(encoding))


def test_text_that_has_no_utf8_is_refused() -> None:
    with pytest.raises(MalformedEvent, match="surrogate"):
        RECEIVER.receive('{"event": "\ud800"}', token_for(b""))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=20,
)
FIELDS = ("event", "room", "participant", "track", "egressInfo", "ingressInfo", "job", "createdAt")


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON)
def test_any_json_is_an_event_or_malformed(value: Any) -> None:
    try:
        event = receive(json.dumps(value).encode())
    except MalformedEvent:
        return
    assert isinstance(event, WebhookEvent)


@given(st.sampled_from(recorded()), st.data())
def test_a_damaged_event_is_an_event_or_malformed(request: Any, data: st.DataObject) -> None:
    body = bytearray(request.body)
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        event = receive(bytes(body))
    except MalformedEvent:
        return
    assert isinstance(event, WebhookEvent)
