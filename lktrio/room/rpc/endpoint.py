"""Both sides of calls in one room: who gets what comes, and what happens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import trio

from lktrio import proto
from lktrio.net.network import Network
from lktrio.room.rpc.calls import RpcCalls, RpcRoom
from lktrio.room.rpc.codes import RpcErrorCode, rpc_error
from lktrio.room.rpc.forms import REQUEST_TOPIC, RESPONSE_TOPIC
from lktrio.room.rpc.invocation import RpcInvocation
from lktrio.room.rpc.methods import RpcMethod
from lktrio.room.rpc.outbox import RpcOutbox
from lktrio.room.rpc.serving import RpcServer
from lktrio.room.state.data import DataStats
from lktrio.room.state.enums import ReconnectKind
from lktrio.room.state.events import ParticipantDisconnected, Reconnected, Reconnecting, RoomEvent
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.streams.incoming import IncomingStreams, StreamSink
from lktrio.room.streams.info import TextStreamInfo
from lktrio.room.streams.reader import WaitingBytes
from lktrio.room.streams.sending import StreamSender

__all__ = ["RpcEndpoint"]

Q = TypeVar("Q")
A = TypeVar("A")


class RpcEndpoint:
    """The calls of a room, ours and those of others.

    Args:
        room: The room.
        network: The machine, for its clock and its randomness.
        incoming: The streams of others.
        stats: Where to count.
    """

    def __init__(
        self, room: RpcRoom, network: Network, incoming: IncomingStreams, stats: DataStats
    ) -> None:
        streams = StreamSender(room, network, room.recipients)
        together = WaitingBytes()
        self._outbox = RpcOutbox(room, stats)
        self._calls = RpcCalls(room, streams, stats, together)
        self._server = RpcServer(room, streams, self._outbox, stats, together)
        self._room = room
        self._stats = stats
        incoming.reserve(REQUEST_TOPIC, partial(self._take_stream, self._server.take_stream))
        incoming.reserve(RESPONSE_TOPIC, partial(self._take_stream, self._calls.take_stream))

    async def run(self) -> None:
        """Send what no task waits for, until cancelled or the room has ended."""
        await self._outbox.run()

    # For programs

    async def perform(
        self, callee: str, method: RpcMethod[Q, A], payload: Q, *, seconds: float
    ) -> A:
        """Call a method; see ``LocalParticipant.perform_rpc``."""
        request = method.request.encode(payload)
        answer = await self._calls.perform(callee, method.name, request, seconds)
        try:
            return method.response.decode(answer)
        except Exception as error:
            why = f"the answer cannot be read: {error}"
            raise rpc_error(RpcErrorCode.APPLICATION_ERROR, why) from error

    async def serve(  # noqa: ASYNC128 - the server calls it
        self,
        method: RpcMethod[Q, A],
        handler: Callable[[RpcInvocation[Q]], Awaitable[A]],
        *,
        task_status: trio.TaskStatus[None],
    ) -> None:
        """Serve a method; see ``Room.serve_rpc``."""

        async def handle(call: RpcInvocation[str]) -> str:
            payload = _read(method, call.payload)
            return method.response.encode(await handler(_with_payload(call, payload)))

        await self._server.serve(method.name, handle, task_status=task_status)

    # What happens in the room

    def receive(self, packet: proto.DataPacket, sender: RemoteParticipant | None) -> None:
        """Take a packet of a call (an ``RpcPackets``)."""
        identity = packet.participant_identity
        if packet.rpc_request is not None:
            self._server.receive_request(identity, sender, packet.rpc_request)
        elif packet.rpc_ack is not None:
            self._calls.receive_ack(identity, packet.rpc_ack)
        elif packet.rpc_response is not None:
            self._calls.receive_answer(identity, packet.rpc_response)

    def _take_stream(
        self,
        take: Callable[[TextStreamInfo, str], StreamSink | None],
        info: TextStreamInfo,
        sid: str,
    ) -> StreamSink | None:
        """Take a stream of a request or an answer, unless an agent sends it in the name of another.

        That is possible with text streams, but calls are answered to whom they come from.
        """
        identity = info.participant_identity
        if self._room.identity_of(sid) not in (None, identity):
            self._stats.rpc_dropped += 1
            return None
        return take(info, identity)

    def follow(self, event: RoomEvent) -> None:
        """End what cannot be answered any more."""
        match event:
            case ParticipantDisconnected(participant):
                self._calls.left(participant.identity)
                self._server.left(participant)
            case Reconnecting(ReconnectKind.RESTART):
                self._calls.give_up()
                self._calls.suspend()
                self._server.give_up()
                self._outbox.clear()
            case Reconnecting():
                self._calls.suspend()
            case Reconnected():
                self._calls.resume()
            case _:
                pass

    def end(self) -> None:
        """The room has ended."""
        self._calls.end()
        self._server.end()


def _read(method: RpcMethod[Q, A], payload: str) -> Q:
    try:
        return method.request.decode(payload)
    except Exception as error:
        why = "the request cannot be read"
        raise rpc_error(RpcErrorCode.APPLICATION_ERROR, why) from error


def _with_payload(call: RpcInvocation[str], payload: Q) -> RpcInvocation[Q]:
    return RpcInvocation(
        call.request_id,
        call.method,
        call.caller_identity,
        call.caller,
        payload,
        call.response_timeout,
        call.deadline,
    )
