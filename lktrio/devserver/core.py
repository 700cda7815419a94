"""The state of a server: its rooms, and the tasks that serve them.

Every participant's task and the ticking of all rooms run in one nursery. Nothing here waits for a
client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import trio

from lktrio import proto
from lktrio.devserver.http import HttpError
from lktrio.devserver.ids import new_node_id
from lktrio.devserver.joining import JoinParameters
from lktrio.devserver.link import SignalLink
from lktrio.devserver.notifier import Notifier
from lktrio.devserver.participant import Participant, refused_info
from lktrio.devserver.room import Room
from lktrio.devserver.signalling import SignalHandler
from lktrio.devserver.speakers import WINDOW
from lktrio.errors import LocalProtocolError, RemoteProtocolError
from lktrio.net.network import Network

__all__ = ["ServerCore", "UnknownSession"]

MAX_ROOMS = 1000
"""Rooms at one time."""

_State = proto.ParticipantInfo.State
_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action
_log = logging.getLogger("lktrio.devserver")


class UnknownSession(Exception):
    """A client wants to resume a session that has ended or never was."""


class ServerCore:
    """Rooms and participants of one server.

    Args:
        nursery: Where the tasks of participants run.
        keys: API keys and their secrets.
        network: Where peer connections open their sockets.
        media_addresses: On which of its addresses.
        notifier: Who tells webhooks.
        auto_create: Whether joining makes the room.
        ice_lite: Whether to leave connectivity checks to the clients.
    """

    def __init__(
        self,
        nursery: trio.Nursery,
        keys: Mapping[str, str],
        network: Network,
        media_addresses: Sequence[str],
        notifier: Notifier,
        *,
        auto_create: bool,
        ice_lite: bool,
    ) -> None:
        self.keys = dict(keys)
        self.network = network
        self.media_addresses = tuple(media_addresses)
        self.auto_create = auto_create
        self.ice_lite = ice_lite
        self.node_id = new_node_id()
        self.rooms: dict[str, Room] = {}
        self.notifier = notifier
        self._nursery = nursery

    @property
    def first_key(self) -> tuple[str, str]:
        """Key and secret that the server signs with."""
        return next(iter(self.keys.items()))

    # Rooms

    def check_room(self, name: str) -> None:
        """Refuse to join a room that does not exist and is not made by joining.

        Raises:
            HttpError: 404.
        """
        if not self.auto_create and name not in self.rooms:
            raise HttpError(404, "requested room does not exist")

    def create_room(self, request: proto.CreateRoomRequest) -> Room:
        """The room of that name, which is made if there is none.

        Raises:
            HttpError: 503; there are too many rooms.
        """
        room = self.rooms.get(request.name)
        if room is None:
            if len(self.rooms) >= MAX_ROOMS:
                raise HttpError(503, "too many rooms")
            room = self.rooms[request.name] = Room(self, request)
            self.notifier.room_started(room)
        return room

    def room_for(self, parameters: JoinParameters) -> Room:
        """The room that a client wants to join."""
        self.check_room(parameters.room)
        return self.create_room(_room_request(parameters))

    # Sessions

    def join(self, parameters: JoinParameters, link: SignalLink) -> Participant:
        """Begin or resume a session on a link that is about to open.

        Raises:
            HttpError: The room does not take the participant.
            UnknownSession: There is nothing to resume.
        """
        if parameters.reconnect:
            return self._resume(parameters, link)
        room = self.room_for(parameters)
        if room.is_full and parameters.identity not in room.participants:
            room.announce_refused(refused_info(parameters))
            raise HttpError(500, "connection closed by media")
        participant = Participant(room, parameters)
        self._nursery.start_soon(participant.run, name=f"participant {participant.identity}")
        room.admit(participant)
        self._connect(participant, link)
        self._begin(participant, link)
        if not participant.closed.is_set():
            room.broadcast_update(participant, to_self=False)
        return participant

    def _begin(self, participant: Participant, link: SignalLink) -> None:
        """Let the client join; what is wrong with its request ends its session alone."""
        try:
            participant.begin(link)
        except (RemoteProtocolError, LocalProtocolError) as error:
            _log.info("%s joined with what makes no sense: %s", participant.identity, error)
            participant.leave(_Reason.STATE_MISMATCH, _Action.RECONNECT)
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("%s could not join", participant.identity)
            participant.fail()

    def _resume(self, parameters: JoinParameters, link: SignalLink) -> Participant:
        room = self.rooms.get(parameters.room)
        participant = room.participants.get(parameters.identity) if room is not None else None
        if participant is None or participant.sid != parameters.participant_sid:
            raise UnknownSession
        self._connect(participant, link)
        participant.resume(link)
        return participant

    def _connect(self, participant: Participant, link: SignalLink) -> None:
        def lost() -> None:
            if participant.link is link:
                participant.on_link_lost()

        link.receive = SignalHandler(participant)
        link.lost = lost

    def shut_down(self) -> None:
        """Tell everybody that the server ends."""
        for room in list(self.rooms.values()):
            room.close(_Reason.SERVER_SHUTDOWN)
            self.remove_room(room)

    # Time

    async def tick(self) -> None:
        """Let every room do what is due, until cancelled."""
        while True:
            await trio.sleep(WINDOW)
            now = trio.current_time()
            for room in list(self.rooms.values()):
                try:
                    room.tick(now)
                except Exception:  # noqa: BLE001 - logged; the others go on
                    _log.exception("the room %s could not do what was due", room.name)
                if room.closed:
                    self.remove_room(room)

    def remove_room(self, room: Room) -> None:
        """Forget a room that has ended."""
        if self.rooms.get(room.name) is room:
            del self.rooms[room.name]
            self.notifier.room_finished(room)


def _room_request(parameters: JoinParameters) -> proto.CreateRoomRequest:
    """How the token wants the room, if it says."""
    request = proto.CreateRoomRequest(name=parameters.room)
    configuration = parameters.claims.room_config
    if configuration is not None:
        request.empty_timeout = configuration.empty_timeout
        request.departure_timeout = configuration.departure_timeout
        request.max_participants = configuration.max_participants
        request.metadata = configuration.metadata
        request.agents = list(configuration.agents)
    return request
