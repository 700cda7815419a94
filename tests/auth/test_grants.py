"""What grants mean in a room: defaults, sources, and the permission of a participant."""

from __future__ import annotations

from lktrio import proto
from lktrio.auth import VideoGrants
from tests.support.cases import each_case


def test_defaults_of_the_server() -> None:
    grants = VideoGrants()
    assert grants.may_publish
    assert grants.may_subscribe
    assert grants.may_publish_data
    assert grants.may_publish_source("camera")


@each_case(
    "publish, data, expected",
    [
        (None, None, True),
        (False, None, False),
        (False, True, True),
        (True, False, False),
        (None, False, False),
    ],
)
def test_data_follows_publishing(publish: bool | None, data: bool | None, expected: bool) -> None:
    grants = VideoGrants(can_publish=publish, can_publish_data=data)
    assert grants.may_publish_data is expected


def test_sources_limit_publishing() -> None:
    grants = VideoGrants(can_publish_sources=["camera", "MICROPHONE"])
    assert grants.may_publish_source("microphone")
    assert not grants.may_publish_source("screen_share")
    assert not VideoGrants(can_publish=False).may_publish_source("camera")


def test_permission_of_a_participant() -> None:
    grants = VideoGrants(
        room_join=True,
        room="demo",
        can_publish_sources=["camera", "screen_share", "hologram"],
        can_update_own_metadata=True,
        hidden=True,
    )
    assert grants.to_permission() == proto.ParticipantPermission(
        can_subscribe=True,
        can_publish=True,
        can_publish_data=True,
        can_publish_sources=[
            proto.TrackSource.CAMERA,
            proto.TrackSource.SCREEN_SHARE,
            proto.TrackSource.UNKNOWN,
        ],
        can_update_metadata=True,
        hidden=True,
    )


def test_grants_take_a_permission() -> None:
    permission = proto.ParticipantPermission(
        can_subscribe=True,
        can_publish_data=True,
        can_publish_sources=[proto.TrackSource.MICROPHONE],
        can_subscribe_metrics=True,
        can_manage_agent_session=True,
        agent=True,
    )
    grants = VideoGrants(room_join=True, room="demo").with_permission(permission)
    assert grants.room == "demo"
    assert grants.can_publish is False
    assert grants.can_publish_sources == ("microphone",)
    assert grants.to_permission() == permission


def test_repr_shows_what_is_set() -> None:
    grants = VideoGrants(room_join=True, room="demo", can_publish=False)
    assert repr(grants) == "VideoGrants(room_join=True, room='demo', can_publish=False)"
