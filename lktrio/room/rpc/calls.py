"""The side of those who call.

Theory of operation: a call is a task of the program that sends its request and waits. What happens
in the room wakes it. It is in one of these states:

================  =====================================  ================================
state             entered when                           left for
================  =====================================  ================================
``SENDING``       it begins                              all others
``SENT``          its request was handed over, whole     ``ACKNOWLEDGED``, ``OVER``
``ACKNOWLEDGED``  the callee says that it has it         ``OVER``
``OVER``          an answer, an error, or the room ends  never
================  =====================================  ================================

Through a resume calls go on; the seconds for an acknowledgement begin anew after it, and do not end
while nothing is heard of the server. A new join loses what was on its way: a request that was
handed over before may have been lost, or its answer may be, so such a call fails. One that still
waits to be sent goes out in the new session.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from lktrio import proto
from lktrio.errors import (
    LiveKitError,
    PublishTimeout,
    RpcError,
    StreamAborted,
    StreamError,
    StreamTooLarge,
)
from lktrio.room.rpc.codes import RpcErrorCode, read_error, rpc_error
from lktrio.room.rpc.forms import (
    MAX_PACKET_PAYLOAD,
    PACKETS,
    REQUEST_TOPIC,
    STREAMS,
    RequestHead,
    answered_id,
    request_packet,
)
from lktrio.room.rpc.payloads import StreamedPayload
from lktrio.room.state.data import DataStats
from lktrio.room.streams.info import TextStreamInfo
from lktrio.room.streams.outgoing import StreamOutlet
from lktrio.room.streams.reader import WaitingBytes
from lktrio.room.streams.sending import StreamSender

__all__ = ["ACK_TIMEOUT", "RpcCalls", "RpcRoom"]

ACK_TIMEOUT = 7.0
"""Seconds for the acknowledgement, as in LiveKit's SDKs."""
_FIRST_SERVER = (1, 8)  # the version of LiveKit's server that knows calls


class RpcRoom(StreamOutlet, Protocol):
    """What calls need of their room."""

    @property
    def server_info(self) -> proto.ServerInfo | None:
        """What the server told about itself."""
        ...

    @property
    def silent(self) -> bool:
        """Whether the link with the server is lost, or seems to be."""
        ...

    def check_open(self) -> None:
        """Raise ``RoomClosed`` if the room has ended."""
        ...

    def identity_of(self, sid: str) -> str | None:
        """The identity of somebody else in the room, or None if it is not known."""
        ...

    def recipients(self, identities: Sequence[str]) -> Sequence[proto.ParticipantInfo]:
        """What is known of these; empty if one of them is not known."""
        ...


class _State(enum.Enum):
    """See the table above."""

    SENDING = enum.auto()
    SENT = enum.auto()
    ACKNOWLEDGED = enum.auto()
    OVER = enum.auto()


class _Call:
    """A call that is under way."""

    def __init__(self, callee: str) -> None:
        self.callee = callee
        self.state = _State.SENDING
        self.session = -1
        """The join in which the request was handed over."""
        self.sending = trio.CancelScope()
        self.waiting = trio.CancelScope()
        self.payload: StreamedPayload | None = None
        self._over = trio.Event()
        self._outcome: str | LiveKitError | None = None

    def acknowledged(self) -> None:
        """The callee has the request."""
        if self.state is not _State.OVER:
            self.state = _State.ACKNOWLEDGED
            self.waiting.deadline = math.inf

    def end(self, outcome: str | LiveKitError | None) -> None:
        """The call is over, by an answer, an error, or the end of the room (None)."""
        if self.state is not _State.OVER:
            self.state, self._outcome = _State.OVER, outcome
            self.sending.cancel()
            self._over.set()

    def end_with(self, payload: str | StreamError) -> None:
        """The answer has come as a stream, whole or not."""
        match payload:
            case str():
                self.end(payload)
            case StreamTooLarge():
                self.end(rpc_error(RpcErrorCode.RESPONSE_PAYLOAD_TOO_LARGE, str(payload)))
            case _:
                why = f"the answer did not arrive: {payload}"
                self.end(rpc_error(RpcErrorCode.APPLICATION_ERROR, why))

    async def wait_over(self, deadline: float) -> None:
        """Wait until the call is over, or not acknowledged by a deadline, which may be moved."""
        if self.state is _State.ACKNOWLEDGED:
            deadline = math.inf
        with trio.CancelScope(deadline=deadline) as self.waiting:
            await self._over.wait()

    def move_deadline(self, deadline: float) -> None:
        """Wait until then for the acknowledgement, if it is not there."""
        if self.state is not _State.ACKNOWLEDGED:
            self.waiting.deadline = deadline

    def result(self, room: RpcRoom) -> str:
        """The answer, once the call is over; raises its error."""
        if self._outcome is None:
            room.check_open()
        if isinstance(self._outcome, LiveKitError):
            raise self._outcome
        assert self._outcome is not None  # otherwise the room has ended
        return self._outcome


class RpcCalls:
    """The calls of this participant that are under way.

    Args:
        room: The room.
        streams: Sends streams.
        stats: Where to count.
        together: Bytes of all payloads that are kept.
    """

    def __init__(
        self,
        room: RpcRoom,
        streams: StreamSender,
        stats: DataStats,
        together: WaitingBytes,
    ) -> None:
        self._room = room
        self._streams = streams
        self._stats = stats
        self._together = together
        self._calls: dict[str, _Call] = {}
        self._suspended = False

    async def perform(self, callee: str, method: str, payload: str, seconds: float) -> str:
        """Call a method; see ``LocalParticipant.perform_rpc``."""
        version = self._version_for(callee)
        if version == PACKETS and len(payload.encode()) > MAX_PACKET_PAYLOAD:
            raise rpc_error(
                RpcErrorCode.REQUEST_PAYLOAD_TOO_LARGE,
                f"{callee!r} takes at most {MAX_PACKET_PAYLOAD} bytes",
            )
        left = trio.current_effective_deadline() - trio.current_time()
        head = RequestHead(self._streams.new_id(), method, min(seconds, left), version)
        call = self._calls[head.id] = _Call(callee)
        try:
            with trio.move_on_after(seconds):
                await self._send(call, head, payload)
                while call.state is not _State.OVER:
                    await call.wait_over(self._ack_deadline())
                    if call.state is _State.SENT and not self._room.silent:
                        raise rpc_error(RpcErrorCode.CONNECTION_TIMEOUT)
            if call.state is not _State.OVER:
                raise rpc_error(RpcErrorCode.RESPONSE_TIMEOUT)
            return call.result(self._room)
        finally:
            del self._calls[head.id]
            if call.payload is not None:
                call.payload.close()

    def _version_for(self, callee: str) -> int:
        self._room.check_open()
        server = self._room.server_info
        if server is not None and _is_too_old(server.version):
            raise rpc_error(RpcErrorCode.UNSUPPORTED_SERVER, f"version {server.version}")
        infos = self._room.recipients([callee])
        if not infos:
            raise rpc_error(RpcErrorCode.RECIPIENT_NOT_FOUND, repr(callee))
        return STREAMS if infos[0].client_protocol >= 1 else PACKETS

    async def _send(self, call: _Call, head: RequestHead, payload: str) -> None:
        """Send the request, unless the call is over first."""
        try:
            with call.sending:
                if head.version == PACKETS:
                    packet = request_packet(call.callee, head, payload)
                    await self._room.send_packet(packet)
                else:
                    await self._send_stream(call, head, payload)
        except (PublishTimeout, StreamAborted) as error:
            raise rpc_error(RpcErrorCode.SEND_FAILED, str(error)) from error
        call.session = self._room.data_session
        if call.state is _State.SENDING:
            call.state = _State.SENT

    async def _send_stream(self, call: _Call, head: RequestHead, payload: str) -> None:
        description = self._streams.describe(
            REQUEST_TOPIC,
            [call.callee],
            head.attributes(),
            mime_type="text/plain",
            text=proto.DataStream.TextHeader(),
        )
        await self._streams.send_whole(description, payload.encode())

    def _ack_deadline(self) -> float:
        return math.inf if self._suspended else trio.current_time() + ACK_TIMEOUT

    # What comes

    def receive_ack(self, identity: str, ack: proto.RpcAck) -> None:
        """A callee says that it has a request."""
        if (call := self._find(identity, ack.request_id)) is not None:
            call.acknowledged()

    def receive_answer(self, identity: str, response: proto.RpcResponse) -> None:
        """A callee answers, or with an error."""
        call = self._find(identity, response.request_id)
        if call is None:
            return
        if response.error is not None:
            call.end(read_error(response.error))
        elif response.compressed_payload is not None:
            call.end(rpc_error(RpcErrorCode.UNSUPPORTED_VERSION, "the answer is compressed"))
        else:
            call.end(response.payload or "")

    def take_stream(self, info: TextStreamInfo, identity: str) -> StreamedPayload | None:
        """A callee begins an answer."""
        call = self._find(identity, answered_id(info.attributes))
        if call is None or call.payload is not None:
            return None
        call.acknowledged()
        call.payload = StreamedPayload(self._together, call.end_with)
        return call.payload

    def _find(self, identity: str, request_id: str) -> _Call | None:
        """The call that somebody speaks of, if it is one of theirs."""
        call = self._calls.get(request_id)
        if call is None or call.callee != identity:
            self._stats.rpc_dropped += 1
            return None
        return call

    # What happens in the room

    def left(self, identity: str) -> None:
        """Somebody has left."""
        self._end(
            lambda call: call.callee == identity,
            lambda _: rpc_error(RpcErrorCode.RECIPIENT_DISCONNECTED, repr(identity)),
        )

    def suspend(self) -> None:
        """The link is lost, for now."""
        self._suspended = True
        for call in self._calls.values():
            call.move_deadline(math.inf)

    def resume(self) -> None:
        """The link is there again."""
        self._suspended = False
        for call in self._calls.values():
            call.move_deadline(self._ack_deadline())

    def lost(self) -> None:
        """What was handed over before the newest join is lost."""
        session = self._room.data_session
        self._end(lambda call: 0 <= call.session < session, _lost)

    def give_up(self) -> None:
        """What was handed over is lost: the room will be joined anew."""
        self._end(lambda call: call.session >= 0, _lost)

    def end(self) -> None:
        """The room has ended."""
        self._end(lambda _: True, lambda _: None)

    def _end(
        self, concerns: Callable[[_Call], bool], outcome: Callable[[_Call], RpcError | None]
    ) -> None:
        for call in self._calls.values():
            if concerns(call):
                call.end(outcome(call))


def _is_too_old(version: str) -> bool:
    """Whether a server does not know calls; one that is not numbered does."""
    numbers = version.split(".")[:2]
    if len(numbers) < 2 or not all(one.isascii() and one.isdigit() for one in numbers):
        return False
    return (int(numbers[0][:9]), int(numbers[1][:9])) < _FIRST_SERVER


def _lost(call: _Call) -> RpcError:
    """The error of a call that a new join cuts off."""
    if call.state is _State.ACKNOWLEDGED:
        why = "the room is joined anew, and the answer would be lost"
        return rpc_error(RpcErrorCode.RECIPIENT_DISCONNECTED, why)
    why = "the room is joined anew, and the request may be lost"
    return rpc_error(RpcErrorCode.SEND_FAILED, why)
