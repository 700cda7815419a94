"""Closed sets: LiveKit's names, strings as arguments, numbers of newer servers."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import pytest

from lktrio import proto
from lktrio.room.state import enums

SETS: tuple[tuple[type[enums.TrackSource], type[IntEnum]], ...] = tuple(
    (getattr(enums, name), numbers)
    for name, numbers in {
        "ConnectionQuality": proto.ConnectionQuality,
        "DisconnectReason": proto.DisconnectReason,
        "EncryptionType": proto.Encryption.Type,
        "ParticipantKind": proto.ParticipantInfo.Kind,
        "ParticipantState": proto.ParticipantInfo.State,
        "StreamState": proto.StreamState,
        "SubscriptionError": proto.SubscriptionError,
        "TrackKind": proto.TrackType,
        "TrackSource": proto.TrackSource,
        "VideoQuality": proto.VideoQuality,
    }.items()
)


def test_every_number_of_the_protocol_has_a_member_of_its_own() -> None:
    for members, numbers in SETS:
        found = [members.from_proto(number) for number in numbers]
        assert len(set(found)) == len(found), members
        extra = set(members) - set(found)
        assert all(member.value.startswith("unknown") for member in extra), (members, extra)
        for number, member in zip(numbers, found, strict=True):
            plain = (number.name or "").removeprefix("SE_").replace("NOTFOUND", "NOT_FOUND")
            assert (member.name, member.value) == (plain, plain.lower()), members
            assert member.to_proto(numbers) == number, member


def test_a_number_of_a_newer_server_is_unknown() -> None:
    for members, numbers in SETS:
        member = members.from_proto(numbers(99))
        assert member.value in {"unknown", "unknown_reason"}, members


def test_an_unknown_member_that_the_protocol_lacks_is_not_sent() -> None:
    assert enums.TrackSource.UNKNOWN.to_proto(proto.TrackSource) == proto.TrackSource.UNKNOWN
    with pytest.raises(ValueError, match="no number"):
        enums.StreamState.UNKNOWN.to_proto(proto.StreamState)


def test_members_are_strings_and_are_found_by_them_in_any_case() -> None:
    source = enums.TrackSource.from_proto(proto.TrackSource.SCREEN_SHARE)
    assert source == "screen_share"
    assert f"{enums.ConnectionState.CONNECTED}" == "connected"
    for name in ("microphone", "MICROPHONE", "Microphone"):
        assert enums.TrackSource(name) is enums.TrackSource.MICROPHONE, name
    wrongs: tuple[Any, ...] = ("loudspeaker", "", 2, None)
    for wrong in wrongs:
        with pytest.raises(ValueError, match=r"is no TrackSource; it is one of .*microphone"):
            enums.TrackSource(wrong)
