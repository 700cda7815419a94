"""Webhooks of the server: which events there are, and what each of them says."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from lktrio import proto
from lktrio._text import printable
from lktrio.devserver.ids import new_event_id
from lktrio.net.network import Network
from lktrio.webhooks import EventName, WebhookSender

__all__ = ["Notifier"]

_log = logging.getLogger("lktrio.devserver")


class Notifier:
    """Tells webhooks what happens.

    Args:
        senders: One for each URL; they queue what they are given.
        network: Where randomness and the time of day come from.
    """

    def __init__(self, senders: Sequence[WebhookSender], network: Network) -> None:
        self._senders = senders
        self._network = network

    def _send(self, name: EventName, room: proto.Room, **parts: object) -> None:
        _log.debug("%s: %s", name, printable(room.name))
        if self._senders:
            event = proto.WebhookEvent(
                event=name,
                id=new_event_id(self._network.random_bytes),
                created_at=int(self._network.wall_time()),
                room=room,
                **parts,  # type: ignore[arg-type]  # participant and track
            )
            for sender in self._senders:
                sender.send(event)

    def room_started(self, room: proto.Room) -> None:
        """A room exists now."""
        self._send(EventName.ROOM_STARTED, room)

    def room_finished(self, room: proto.Room) -> None:
        """A room is gone."""
        self._send(EventName.ROOM_FINISHED, room)

    def participant_joined(self, room: proto.Room, participant: proto.ParticipantInfo) -> None:
        """A participant's connection is up."""
        self._send(EventName.PARTICIPANT_JOINED, room, participant=participant)

    def participant_left(
        self, room: proto.Room, participant: proto.ParticipantInfo, *, was_active: bool
    ) -> None:
        """A session has ended, perhaps before its connection was up."""
        aborted = EventName.PARTICIPANT_CONNECTION_ABORTED
        name = EventName.PARTICIPANT_LEFT if was_active else aborted
        self._send(name, room, participant=participant)

    def track_published(
        self, room: proto.Room, publisher: proto.ParticipantInfo, track: proto.TrackInfo
    ) -> None:
        """A track can be subscribed to."""
        self._send_track(EventName.TRACK_PUBLISHED, room, publisher, track)

    def track_unpublished(
        self, room: proto.Room, publisher: proto.ParticipantInfo, track: proto.TrackInfo
    ) -> None:
        """A track is gone."""
        self._send_track(EventName.TRACK_UNPUBLISHED, room, publisher, track)

    def _send_track(
        self,
        name: EventName,
        room: proto.Room,
        publisher: proto.ParticipantInfo,
        track: proto.TrackInfo,
    ) -> None:
        self._send(
            name,
            proto.Room(sid=room.sid, name=room.name),
            participant=proto.ParticipantInfo(sid=publisher.sid, identity=publisher.identity),
            track=track,
        )
