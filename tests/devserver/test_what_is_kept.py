"""What a session makes the server keep is bounded, in number and in size."""

from __future__ import annotations

import gc
from dataclasses import dataclass

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.devserver.downtrack import DownTrack
from lktrio.devserver.limits import MAX_LISTED
from lktrio.devserver.pending import check_request
from lktrio.devserver.permissions import SubscriptionPermissions
from lktrio.devserver.preferences import DEFAULT_SETTINGS, Preferences, TrackSettings
from lktrio.devserver.waiting import WaitingConnections
from tests.support.caller import open_caller
from tests.support.places import serve_place

pytestmark = pytest.mark.virtual_time

Reason = proto.RequestResponse.Reason
VIDEO = proto.TrackType.VIDEO
LONG = "x" * 257


def test_of_too_many_preferences_the_oldest_are_forgotten() -> None:
    preferences = Preferences(auto_subscribe=True)
    quiet = TrackSettings(disabled=True)
    for number in range(MAX_LISTED + 1):
        preferences.subscribe([f"TR_{number}"], False, 0.0)
        preferences.set_up(f"TR_{number}", quiet)
    assert preferences.wants("TR_0")
    assert preferences.settings("TR_0") == DEFAULT_SETTINGS
    assert not preferences.wants(f"TR_{MAX_LISTED}")
    assert preferences.settings(f"TR_{MAX_LISTED}") == quiet


def test_preferences_for_what_is_no_sid_are_not_kept() -> None:
    preferences = Preferences(auto_subscribe=True)
    for sid in ("", "x" * 65, "TR_\u00e4"):
        preferences.subscribe([sid], False, 0.0)
        preferences.set_up(sid, TrackSettings(disabled=True))
        assert preferences.wants(sid), sid
        assert preferences.settings(sid) == DEFAULT_SETTINGS, sid


def test_tracks_that_never_come_are_missed_once() -> None:
    preferences = Preferences(auto_subscribe=True)
    preferences.subscribe(["TR_there", "TR_gone", "TR_unwanted"], True, 0.0)
    preferences.subscribe(["TR_unwanted"], False, 1.0)
    preferences.found(["TR_there"])
    assert preferences.take_missing(59.0) == []
    assert preferences.take_missing(60.0) == ["TR_gone"]
    assert preferences.take_missing(120.0) == []


@dataclass
class Subscriber:
    sid: str
    identity: str
    is_recorder: bool = False


def test_permissions_are_bounded() -> None:
    permissions = SubscriptionPermissions()
    bob = Subscriber("PA_bob", "bob")
    rule = proto.TrackPermission
    few = rule(participant_identity="bob", track_sids=["TR_1", "x" * 65])
    many = [rule(participant_identity=f"p{n}", all_tracks=True) for n in range(MAX_LISTED)]
    permissions.replace(proto.SubscriptionPermission(track_permissions=[few, *many]))
    assert permissions.permit(bob, "TR_1")
    assert not permissions.permit(bob, "x" * 65)
    assert permissions.permit(Subscriber("PA_0", "p0"), "TR_1")
    last = Subscriber("PA_last", f"p{MAX_LISTED - 1}")
    assert not permissions.permit(last, "TR_1")
    assert permissions.permit(Subscriber("PA_rec", "rec", is_recorder=True), "TR_1")


def test_requests_to_publish_are_bounded() -> None:
    codec, layer = proto.SimulcastCodec, proto.VideoLayer
    stereo = proto.AudioTrackFeature.TF_STEREO
    cases: dict[str, tuple[proto.AddTrackRequest, proto.RequestResponse.Reason | None]] = {
        "as usual": (proto.AddTrackRequest(cid="c", name="n", type=VIDEO), None),
        "data": (proto.AddTrackRequest(type=proto.TrackType.DATA), Reason.UNSUPPORTED_TYPE),
        "cid": (proto.AddTrackRequest(cid=LONG, type=VIDEO), Reason.LIMIT_EXCEEDED),
        "name": (proto.AddTrackRequest(name=LONG, type=VIDEO), Reason.LIMIT_EXCEEDED),
        "stream": (proto.AddTrackRequest(stream=LONG, type=VIDEO), Reason.LIMIT_EXCEEDED),
        "codec": (
            proto.AddTrackRequest(type=VIDEO, simulcast_codecs=[codec(codec=LONG)]),
            Reason.LIMIT_EXCEEDED,
        ),
        "rid": (
            proto.AddTrackRequest(type=VIDEO, layers=[layer(rid=LONG)]),
            Reason.LIMIT_EXCEEDED,
        ),
        "codecs": (
            proto.AddTrackRequest(type=VIDEO, simulcast_codecs=[codec()] * 9),
            Reason.LIMIT_EXCEEDED,
        ),
        "layers": (
            proto.AddTrackRequest(type=VIDEO, simulcast_codecs=[codec(layers=[layer()] * 9)]),
            Reason.LIMIT_EXCEEDED,
        ),
        "features": (
            proto.AddTrackRequest(type=VIDEO, audio_features=[stereo] * 65),
            Reason.LIMIT_EXCEEDED,
        ),
    }
    for case, (request, reason) in cases.items():
        refusal = check_request(request)
        assert (refusal[0] if refusal is not None else None) == reason, case


async def test_connections_that_wait_are_bounded_per_address_and_in_all() -> None:
    waiting = WaitingConnections(per_address=2, total=3)
    closed: list[str] = []

    async def wait(address: str, *, task_status: trio.TaskStatus[None]) -> None:
        with waiting.wait(address) as scope:
            task_status.started()
            await trio.Event().wait()
        assert scope.cancelled_caught
        closed.append(address)

    async with trio.open_nursery() as nursery:
        for address in ("a", "b", "a"):
            await nursery.start(wait, address)
        assert closed == []
        await nursery.start(wait, "a")  # the first of that address goes
        await trio.testing.wait_all_tasks_blocked()
        assert closed == ["a"]
        await nursery.start(wait, "c")  # the oldest of all goes
        await trio.testing.wait_all_tasks_blocked()
        assert closed == ["a", "b"]
        waiting.close_all()
    assert sorted(closed) == ["a", "a", "a", "b", "c"]
    assert not waiting.close_oldest()


async def test_who_left_receives_nothing_any_more() -> None:
    def copies() -> int:
        gc.collect()
        return sum(isinstance(known, DownTrack) for known in gc.get_objects())

    before = copies()
    with trio.fail_after(20):
        async with serve_place() as server, open_caller(server, "alice") as alice:
            async with open_caller(server, "bob") as bob:
                voice = await alice.publish("audio/opus")
                await bob.publish("audio/opus")  # which ends before bob is gone
                await bob.wait(lambda: voice.sid in bob.mids.values())
                await bob.client.send(leave=proto.LeaveRequest())
                await bob.client.wait_closed()
            await alice.client.ping()
            assert copies() == before
