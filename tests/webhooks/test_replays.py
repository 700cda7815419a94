"""Requests that come twice: from the server, whose first was not answered, or from a listener."""

from __future__ import annotations

from datetime import timedelta

import jwt
import pytest

from lktrio.errors import DuplicateEvent, InvalidAuthorization, StaleEvent, WebhookError
from lktrio.webhooks import WebhookReceiver
from lktrio.webhooks.receiver import body_hash
from tests.support.cases import each_case
from tests.webhooks.requests import (
    KEY,
    KEYS,
    SECRET,
    event_body,
    recorded,
    recorded_receiver,
    token_for,
)

NOW = 1_800_000_000.0
BODY = event_body()


def receiver_at(now: float, **options: object) -> WebhookReceiver:
    return WebhookReceiver(KEYS, clock=lambda: now, leeway=timedelta(0), **options)  # type: ignore[arg-type]


def test_without_further_ado_requests_may_come_again() -> None:
    receiver = WebhookReceiver(KEYS)
    for _ in range(3):
        assert receiver.receive(BODY, token_for(BODY)).id == "EV_1"


def test_an_event_is_received_once() -> None:
    receiver = recorded_receiver(deduplicate=100)
    for request in recorded():
        receiver.receive(request.body, request.authorization)
    for request in recorded():
        with pytest.raises(DuplicateEvent) as caught:
            receiver.receive(request.body, request.authorization)
        assert isinstance(caught.value, WebhookError)
        assert caught.value.id.encode() in request.body


def test_an_event_signed_anew_is_the_same_event() -> None:
    receiver = WebhookReceiver(KEYS, deduplicate=1)
    receiver.receive(BODY, token_for(BODY))
    other = event_body(numDropped=1)
    with pytest.raises(DuplicateEvent):
        receiver.receive(other, token_for(other))


def test_a_refused_request_leaves_no_trace() -> None:
    receiver = WebhookReceiver(KEYS, deduplicate=1)
    for body, token in ((BODY, token_for(b"other")), (BODY, token_for(BODY, secret="x" * 32))):
        with pytest.raises(WebhookError):
            receiver.receive(body, token)
    assert receiver.receive(BODY, token_for(BODY)).id == "EV_1"


def test_only_so_many_events_are_remembered() -> None:
    receiver = WebhookReceiver(KEYS, deduplicate=2)
    bodies = [event_body(id=f"EV_{number}") for number in range(3)]
    for body in bodies:
        receiver.receive(body, token_for(body))
    for body in bodies[1:]:
        with pytest.raises(DuplicateEvent):
            receiver.receive(body, token_for(body))
    receiver.receive(bodies[0], token_for(bodies[0]))


def test_an_event_can_be_forgotten() -> None:
    receiver = WebhookReceiver(KEYS, deduplicate=10)
    event = receiver.receive(BODY, token_for(BODY))
    receiver.forget(event)
    receiver.forget(event)
    assert receiver.receive(BODY, token_for(BODY)) == event


def test_events_without_id_are_not_told_apart() -> None:
    receiver = WebhookReceiver(KEYS, deduplicate=10)
    body = event_body(id="")
    for _ in range(2):
        receiver.receive(body, token_for(body))


def test_a_request_signed_before_the_window_is_stale() -> None:
    receiver = receiver_at(NOW, replay_window=timedelta(seconds=30))
    assert receiver.receive(BODY, token_for(BODY, now=NOW - 30)).id == "EV_1"
    with pytest.raises(StaleEvent, match="30 s"):
        receiver.receive(BODY, token_for(BODY, now=NOW - 31))


def test_the_leeway_widens_the_window() -> None:
    receiver = WebhookReceiver(KEYS, clock=lambda: NOW, replay_window=timedelta(0))
    assert receiver.receive(BODY, token_for(BODY, now=NOW - 60)).id == "EV_1"
    with pytest.raises(StaleEvent):
        receiver.receive(BODY, token_for(BODY, now=NOW - 62))


@each_case("claims, stale", [({"nbf": NOW - 5}, False), ({"nbf": NOW - 50}, True), ({}, True)])
def test_a_token_that_tells_no_time_of_signing_is_judged_by_the_rest(
    claims: dict[str, float], stale: bool
) -> None:
    receiver = receiver_at(NOW, replay_window=timedelta(seconds=30))
    claims = {k: int(v) for k, v in claims.items()}
    whole = {"iss": KEY, "exp": int(NOW) + 60, "sha256": body_hash(BODY), **claims}
    token = jwt.encode(whole, SECRET)
    if stale:
        with pytest.raises(StaleEvent):
            receiver.receive(BODY, token)
    else:
        assert receiver.receive(BODY, token).id == "EV_1"


def test_a_window_does_not_outlive_the_token() -> None:
    receiver = receiver_at(NOW, replay_window=timedelta(hours=1))
    with pytest.raises(InvalidAuthorization):
        receiver.receive(BODY, token_for(BODY, now=NOW - 301))
