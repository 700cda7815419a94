"""Whatever is changed in a request, it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import DigestMismatch, InvalidAuthorization, UnknownApiKey, WebhookError
from tests.webhooks.requests import recorded, recorded_receiver

REQUESTS = st.sampled_from(recorded())
RECEIVER = recorded_receiver()


@given(REQUESTS, st.data())
def test_a_changed_byte_of_the_body_is_noticed(
    request: tuple[bytes, str, object], data: st.DataObject
) -> None:
    body, authorization, _ = request
    position = data.draw(st.integers(0, len(body) - 1))
    changed = bytearray(body)
    changed[position] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DigestMismatch):
        RECEIVER.receive(bytes(changed), authorization)


@given(REQUESTS, st.data())
def test_a_changed_character_of_the_token_is_noticed(
    request: tuple[bytes, str, object], data: st.DataObject
) -> None:
    body, token, _ = request
    position = data.draw(st.integers(0, len(token) - 1))
    character = data.draw(st.characters(max_codepoint=255).filter(lambda c: c != token[position]))
    changed = token[:position] + character + token[position + 1 :]
    with pytest.raises((InvalidAuthorization, UnknownApiKey)):
        RECEIVER.receive(body, changed)


@given(REQUESTS, st.data())
def test_a_body_cut_short_or_continued_is_noticed(
    request: tuple[bytes, str, object], data: st.DataObject
) -> None:
    body, authorization, _ = request
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    more = body + data.draw(st.binary(min_size=1, max_size=8))
    for changed in (cut, more):
        with pytest.raises(DigestMismatch):
            RECEIVER.receive(changed, authorization)


@given(st.binary(max_size=200) | st.text(max_size=200), st.text(max_size=300) | st.none())
def test_anything_at_all_is_refused_as_a_webhook(
    body: bytes | str, authorization: str | None
) -> None:
    with pytest.raises(WebhookError):
        RECEIVER.receive(body, authorization)
