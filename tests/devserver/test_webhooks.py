"""Webhooks tell what happens in rooms, in order, and can be verified."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import h11
import trio

from lktrio import proto
from lktrio.devserver import open_dev_server
from lktrio.webhooks import WebhookReceiver
from tests.support.caller import open_caller
from tests.support.places import place_of
from tests.support.signal_client import joined

LIMIT = 20


class Hook:
    """Takes webhooks on a port of the loopback interface."""

    def __init__(self) -> None:
        self.events: list[proto.WebhookEvent] = []
        self.url = ""
        self._receiver = WebhookReceiver({"devkey": "secret"})

    async def serve(self, *, task_status: trio.TaskStatus[None]) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/hook"
        task_status.started()
        await trio.serve_listeners(self._take, listeners)

    async def _take(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        body, authorization = b"", ""
        async with stream:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    connection.receive_data(bytes(await stream.receive_some()))
                elif isinstance(event, h11.Request):
                    authorization = dict(event.headers)[b"authorization"].decode()
                elif isinstance(event, h11.Data):
                    body += bytes(event.data)
                elif isinstance(event, h11.EndOfMessage):
                    self.events.append(self._receiver.receive(body, authorization))
                    answer = h11.Response(
                        status_code=200, headers=[("Content-Length", "0"), ("Connection", "close")]
                    )
                    await stream.send_all(connection.send(answer) or b"")
                    return
                else:
                    return

    async def wait(self, name: str) -> proto.WebhookEvent:
        while True:
            for event in self.events:
                if event.event == name:
                    return event
            await trio.sleep(0.01)

    @property
    def names(self) -> list[str]:
        return [event.event for event in self.events]


@asynccontextmanager
async def open_hook() -> AsyncGenerator[Hook, None]:
    hook = Hook()
    async with trio.open_nursery() as nursery:
        await nursery.start(hook.serve)
        yield hook
        nursery.cancel_scope.cancel()


async def test_a_call_from_beginning_to_end() -> None:
    with trio.fail_after(LIMIT):
        async with open_hook() as hook:
            async with (
                open_dev_server(webhook_urls=[hook.url]) as server,
                open_caller(place_of(server), "alice") as alice,
            ):
                await hook.wait("room_started")
                await hook.wait("participant_joined")
                voice = await alice.publish("audio/opus", name="mic")
                await hook.wait("track_published")
                await alice.unpublish(voice)
                await hook.wait("track_unpublished")
                await alice.client.send(leave=proto.LeaveRequest())
                left = await hook.wait("participant_left")
            finished = await hook.wait("room_finished")
    assert set(hook.names[:2]) == {"room_started", "participant_joined"}  # of two resources
    assert hook.names[2:] == [
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ]
    assert len({event.id for event in hook.events}) == len(hook.events)
    by_name = {event.event: event for event in hook.events}
    joined_event, published = by_name["participant_joined"], by_name["track_published"]
    assert joined_event.participant is not None
    assert joined_event.participant.state == proto.ParticipantInfo.State.ACTIVE
    assert joined_event.room is not None
    assert joined_event.room.empty_timeout == 300
    assert published.track is not None
    assert (published.track.sid, published.track.name) == (voice.sid, "mic")
    assert published.room == proto.Room(sid=joined_event.room.sid, name="room")
    assert published.participant == proto.ParticipantInfo(sid=alice.sid, identity="alice")
    assert left.participant is not None
    assert left.participant.disconnect_reason == proto.DisconnectReason.CLIENT_INITIATED
    assert finished.room is not None
    assert finished.room.sid == joined_event.room.sid


async def test_who_never_connects_is_told_to_have_aborted() -> None:
    with trio.fail_after(LIMIT):
        async with open_hook() as hook, open_dev_server(webhook_urls=[hook.url]) as server:
            async with joined(place_of(server), "carol"):
                pass
            event = await hook.wait("participant_connection_aborted")
            assert "participant_joined" not in hook.names
    assert event.participant is not None
    assert event.participant.disconnect_reason == proto.DisconnectReason.SIGNAL_CLOSE
