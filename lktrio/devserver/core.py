"""The state of a server: its rooms, and the tasks that serve them.

Every participant's task and the ticking of all rooms run in one nursery. Nothing here waits for a
client.
"""

from __future__ import annotations

import logging
from functools import partial

import trio

from lktrio import proto
from lktrio._text import printable
from lktrio.devserver.config import ServerConfig
from lktrio.devserver.faults import Faults
from lktrio.devserver.http import HttpError
from lktrio.devserver.joining import JoinParameters
from lktrio.devserver.link import SignalLink
from lktrio.devserver.notifier import Notifier
from lktrio.devserver.participant import ServerParticipant
from lktrio.devserver.room import ServerRoom
from lktrio.devserver.signalling import SignalHandler
from lktrio.devserver.speakers import WINDOW
from lktrio.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["Declined", "ServerCore"]

_MAX_ROOMS = 1000  # at one time

_Reason = proto.DisconnectReason
_Action = proto.LeaveRequest.Action
_log = logging.getLogger("lktrio.devserver")


class Declined(Exception):
    """A client is told to leave before its session begins or goes on.

    Attributes:
        leave: What it is told.
    """

    def __init__(self, leave: proto.LeaveRequest) -> None:
        super().__init__(leave)
        self.leave = leave


class ServerCore:
    """Rooms and participants of one server.

    Args:
        nursery: Where the tasks of participants run.
        config: How the server is set up.
        notifier: Who tells webhooks.

    Attributes:
        config: How the server is set up.
        rooms: By name.
        faults: What it does wrong.
    """

    def __init__(self, nursery: trio.Nursery, config: ServerConfig, notifier: Notifier) -> None:
        self.config = config
        self.rooms: dict[str, ServerRoom] = {}
        self.faults = Faults()
        self._notifier = notifier
        self._nursery = nursery

    # Rooms

    def check_room(self, name: str) -> None:
        """Refuse to join a room that does not exist and is not made by joining.

        Raises:
            HttpError: 404.
        """
        if not self.config.auto_create and name not in self.rooms:
            raise HttpError(404, "requested room does not exist")

    def create_room(self, request: proto.CreateRoomRequest) -> ServerRoom:
        """The room of that name, which is made if there is none.

        Raises:
            HttpError: 503; there are too many rooms.
        """
        room = self.rooms.get(request.name)
        if room is None:
            if len(self.rooms) >= _MAX_ROOMS:
                raise HttpError(503, "too many rooms")
            room = ServerRoom(request, self.config, self._notifier)
            self.rooms[request.name] = room
            self._notifier.room_started(room.info)
        return room

    def _room_for(self, parameters: JoinParameters) -> ServerRoom:
        """The room that a client wants to join."""
        self.check_room(parameters.room)
        return self.create_room(_room_request(parameters))

    def remove_room(self, room: ServerRoom) -> None:
        """Forget a room that has ended."""
        if self.rooms.get(room.name) is room:
            del self.rooms[room.name]
            self._notifier.room_finished(room.info)

    # Sessions

    def join(self, parameters: JoinParameters, link: SignalLink) -> None:
        """Begin or resume a session on a link that is about to open.

        Raises:
            HttpError: The room does not take the participant.
            Declined: There is nothing to resume.
        """
        refusal = self.faults.refusal("resume" if parameters.reconnect else "join")
        if isinstance(refusal, int):
            raise HttpError(refusal, "refused for a test")
        if refusal is not None:
            raise Declined(refusal)
        if parameters.reconnect:
            self._resume(parameters, link)
            return
        room = self._room_for(parameters)
        if room.is_full and parameters.identity not in room.participants:
            room.refuse(parameters)
            raise HttpError(500, "connection closed by media")
        participant = room.admit(parameters)
        name = f"participant {printable(participant.identity)}"
        self._nursery.start_soon(participant.run, name=name)
        self._connect(participant, room, link)
        _begin(participant, room, link)
        if not participant.ended:
            room.on_changed(participant, to_self=False)

    def _resume(self, parameters: JoinParameters, link: SignalLink) -> None:
        room = self.rooms.get(parameters.room)
        participant = room.participants.get(parameters.identity) if room is not None else None
        if room is None or participant is None or participant.sid != parameters.participant_sid:
            raise Declined(
                proto.LeaveRequest(
                    can_reconnect=True, reason=_Reason.STATE_MISMATCH, action=_Action.RECONNECT
                )
            )
        breaks, participant.breaks_resume = participant.breaks_resume, None
        if breaks == "unanswered":
            raise HttpError(500, "connection closed by media")
        self._connect(participant, room, link)
        room.resume(participant, link)
        if parameters.sync_state is not None:
            link.receive(proto.SignalRequest(sync_state=parameters.sync_state))
        if breaks == "answered":
            link.close()

    def _connect(self, participant: ServerParticipant, room: ServerRoom, link: SignalLink) -> None:
        """Let the messages of a link, and its end, reach the session."""
        handle, faults, identity = (
            SignalHandler(participant, room),
            self.faults,
            participant.identity,
        )

        def receive(request: proto.SignalRequest) -> None:
            changed = faults.filter_request(identity, request)
            if changed is not None:
                handle(changed)

        link.receive = receive
        link.outgoing = partial(faults.filter_response, identity)
        link.delay = lambda: faults.delay
        link.lost = lambda: participant.on_link_lost(link)

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
                    _log.exception("room %s could not do what was due", printable(room.name))
                if room.closed:
                    self.remove_room(room)


def _begin(participant: ServerParticipant, room: ServerRoom, link: SignalLink) -> None:
    """Let the client join; what is wrong with its request ends its session alone."""
    identity = printable(participant.identity)
    try:
        room.begin(participant, link)
    except (RemoteProtocolError, LocalProtocolError) as error:
        _log.info("%s joined with what makes no sense: %s", identity, printable(str(error)))
        participant.leave(_Reason.STATE_MISMATCH, _Action.RECONNECT)
    except Exception:  # noqa: BLE001 - logged; the others go on
        _log.exception("%s could not join", identity)
        participant.fail()


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
