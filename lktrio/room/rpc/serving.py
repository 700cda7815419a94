"""The side of those who are called.

Theory of operation: a method is served by a task of the program, in which every call has a task of
its own: it acknowledges the request, waits for the rest of a payload that comes as a stream, runs
the handler, and sends the answer. All of that ends at the caller's deadline, which counts from the
arrival of the request. Calls that cannot be run are answered with an error at once, by the outbox.

A request is run once: it may come twice, and the ids of the last ones are remembered. Nobody waits
for the answer when the caller leaves, or when this room is joined anew, so the handler is cancelled
then. Through a resume it goes on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from lktrio import proto
from lktrio._scope import bare
from lktrio._text import printable
from lktrio.errors import (
    LiveKitError,
    PublishError,
    RoomClosed,
    RpcError,
    StreamAborted,
    StreamError,
    StreamTooLarge,
)
from lktrio.room.rpc.codes import RpcErrorCode, rpc_error
from lktrio.room.rpc.forms import (
    MAX_PACKET_PAYLOAD,
    PACKETS,
    RESPONSE_TOPIC,
    STREAMS,
    RequestHead,
    ack_packet,
    answer_attributes,
    answer_packet,
    error_packet,
    head_of_packet,
    head_of_stream,
)
from lktrio.room.rpc.invocation import RpcInvocation
from lktrio.room.rpc.outbox import RpcOutbox
from lktrio.room.rpc.payloads import StreamedPayload
from lktrio.room.state.data import DataStats
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.streams.info import TextStreamInfo
from lktrio.room.streams.outgoing import StreamOutlet
from lktrio.room.streams.reader import WaitingBytes
from lktrio.room.streams.sending import StreamSender

__all__ = ["MAX_RUNNING", "RpcServer"]

_log = logging.getLogger("lktrio.room")

MAX_RUNNING = 64
"""Calls that run at once in a room; further ones are answered with an error."""
_REMEMBERED = 1024  # requests whose ids are remembered
_PAYLOAD_TIMEOUT = 60.0  # seconds for the rest of a payload

Handler: TypeAlias = "Callable[[RpcInvocation[str]], Awaitable[str]]"
_Key: TypeAlias = "tuple[str, str]"  # identity of the caller, id of the request


class _Running:
    """A call that is being run."""

    def __init__(
        self, identity: str, caller: RemoteParticipant | None, head: RequestHead, *, streams: bool
    ) -> None:
        self.identity = identity
        self.caller = caller
        self.head = head
        self.streams = streams
        """Whether the answer is a stream."""
        self.deadline = trio.current_time() + head.timeout
        self.scope = trio.CancelScope(deadline=self.deadline)
        self.abandoned = False
        """Whether nobody waits for the answer."""
        self.stream: StreamedPayload | None = None
        self._payload: str | StreamError | None = None
        self._arrived = trio.Event()

    @property
    def key(self) -> _Key:
        """What tells it from others."""
        return self.identity, self.head.id

    @property
    def name(self) -> str:
        """The method, for the log."""
        return printable(self.head.method)

    def arrived(self, payload: str | StreamError) -> None:
        """The payload has come, or will not."""
        self._payload = payload
        self._arrived.set()

    async def invocation(self) -> RpcInvocation[str]:
        """Wait for what the handler is called with.

        Raises:
            RpcError: The payload did not come.
        """
        with trio.move_on_after(_PAYLOAD_TIMEOUT):
            await self._arrived.wait()
        match self._payload:
            case str() as payload:
                pass
            case StreamTooLarge() as error:
                raise rpc_error(RpcErrorCode.REQUEST_PAYLOAD_TOO_LARGE, str(error))
            case error:
                why = f"the request did not arrive: {error or 'too slow'}"
                raise rpc_error(RpcErrorCode.APPLICATION_ERROR, why)
        return RpcInvocation(
            self.head.id,
            self.head.method,
            self.identity,
            self.caller,
            payload,
            self.head.timeout,
            self.deadline,
        )

    def abandon(self) -> None:
        """Nobody waits for the answer any more."""
        self.abandoned = True
        self.scope.cancel()


class RpcServer:
    """The methods of this participant.

    Args:
        outlet: Where packets go.
        streams: Sends streams.
        outbox: Sends what no task waits for.
        stats: Where to count.
        together: Bytes of all payloads that are kept.
    """

    def __init__(
        self,
        outlet: StreamOutlet,
        streams: StreamSender,
        outbox: RpcOutbox,
        stats: DataStats,
        together: WaitingBytes,
    ) -> None:
        self._outlet = outlet
        self._streams = streams
        self._outbox = outbox
        self._stats = stats
        self._together = together
        self._methods: dict[str, Callable[[_Running], None]] = {}
        self._running: dict[_Key, _Running] = {}
        self._seen: OrderedDict[_Key, None] = OrderedDict()
        self._ended = trio.Event()

    async def serve(
        self, method: str, handler: Handler, *, task_status: trio.TaskStatus[None]
    ) -> None:
        """Serve a method; see ``Room.serve_rpc``."""
        await trio.lowlevel.checkpoint()
        if method in self._methods:
            raise ValueError(f"the method {method!r} is served already")
        async with trio.open_nursery() as nursery:

            def start(call: _Running) -> None:
                nursery.start_soon(self._run, call, handler, name=f"lktrio.room rpc {method}")

            self._methods[method] = start
            try:
                task_status.started()
                await self._ended.wait()
            finally:
                del self._methods[method]
            nursery.cancel_scope.cancel()

    # What comes

    def receive_request(
        self, identity: str, caller: RemoteParticipant | None, request: proto.RpcRequest
    ) -> None:
        """A request has come as a packet."""
        head = head_of_packet(request)
        if caller is not None and not caller.sid:
            caller = None  # the server API
        streams = caller is not None and caller.info.client_protocol >= 1
        call = _Running(identity, caller, head, streams=streams)
        if not self._is_new(call):
            return
        if head.version != PACKETS or request.compressed_payload:
            self._refuse(call, rpc_error(RpcErrorCode.UNSUPPORTED_VERSION))
        elif len(request.payload.encode()) > MAX_PACKET_PAYLOAD:
            self._refuse(call, rpc_error(RpcErrorCode.REQUEST_PAYLOAD_TOO_LARGE))
        elif self._begin(call):
            call.arrived(request.payload)

    def take_stream(self, info: TextStreamInfo, identity: str) -> StreamedPayload | None:
        """A request begins to come as a stream."""
        head = head_of_stream(info.attributes)
        call = _Running(identity, info.participant, head, streams=True)
        if not self._is_new(call):
            return None
        if head.version != STREAMS:
            self._refuse(call, rpc_error(RpcErrorCode.UNSUPPORTED_VERSION))
        elif self._begin(call):
            call.stream = StreamedPayload(self._together, call.arrived)
        return call.stream

    def _is_new(self, call: _Running) -> bool:
        """Whether a request can be answered, and was not seen before."""
        repeated = call.key in self._seen or call.key in self._running
        if repeated or not call.identity or not call.head.makes_sense:
            self._stats.rpc_dropped += 1
            return False
        self._seen[call.key] = None
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _begin(self, call: _Running) -> bool:
        """Run a call, or refuse it."""
        start = self._methods.get(call.head.method)
        if start is None:
            self._refuse(call, rpc_error(RpcErrorCode.UNSUPPORTED_METHOD))
            return False
        if len(self._running) >= MAX_RUNNING:
            self._refuse(call, rpc_error(RpcErrorCode.APPLICATION_ERROR, "too many calls at once"))
            return False
        self._running[call.key] = call
        start(call)
        return True

    def _refuse(self, call: _Running, error: RpcError) -> None:
        self._outbox.put(ack_packet(call.identity, call.head.id))
        self._answer_error(call, error)

    def _answer_error(self, call: _Running, error: RpcError) -> None:
        if not call.abandoned:
            self._outbox.put(error_packet(call.identity, call.head.id, error))

    # The task of a call

    async def _run(self, call: _Running, handler: Handler) -> None:  # noqa: ASYNC910 - a task
        try:
            with call.scope:
                await self._outlet.send_packet(ack_packet(call.identity, call.head.id))
                answer = await self._handle(call, handler)
                await self._answer(call, answer)
                return
            self._answer_error(call, rpc_error(RpcErrorCode.RESPONSE_TIMEOUT))
        except RpcError as error:
            self._answer_error(call, error)
        except (PublishError, RoomClosed, StreamAborted) as error:
            _log.info("a call was not answered: %s", error)
        except Exception:  # noqa: BLE001 - what a handler does wrong ends its call alone
            _log.exception("the handler of %s failed", call.name)
            self._answer_error(call, rpc_error(RpcErrorCode.APPLICATION_ERROR))
        except BaseException:
            why = "the method is served no longer"
            self._answer_error(call, rpc_error(RpcErrorCode.APPLICATION_ERROR, why))
            raise
        finally:
            del self._running[call.key]
            if call.stream is not None:
                call.stream.close()

    async def _handle(self, call: _Running, handler: Handler) -> str:
        """Call the handler.

        Raises:
            RpcError: It failed, or wants this error for its answer.
        """
        invocation = await call.invocation()
        try:
            return await handler(invocation)
        except Exception as failure:
            if (error := _chosen(failure)) is not None:
                raise error from failure
            if isinstance(failure, LiveKitError):
                _log.info("the handler of %s gave up: %s", call.name, failure)
            else:
                _log.exception("the handler of %s failed", call.name)
            raise rpc_error(RpcErrorCode.APPLICATION_ERROR) from failure

    async def _answer(self, call: _Running, payload: str) -> None:
        """Send the answer, in the form that the caller knows.

        Raises:
            RpcError: It is too large for that.
        """
        if call.streams:
            description = self._streams.describe(
                RESPONSE_TOPIC,
                [call.identity],
                answer_attributes(call.head.id),
                mime_type="text/plain",
                text=proto.DataStream.TextHeader(),
            )
            await self._streams.send_whole(description, payload.encode())
        elif len(payload.encode()) > MAX_PACKET_PAYLOAD:
            raise rpc_error(RpcErrorCode.RESPONSE_PAYLOAD_TOO_LARGE)
        else:
            await self._outlet.send_packet(answer_packet(call.identity, call.head.id, payload))

    # What happens in the room

    def left(self, participant: RemoteParticipant) -> None:
        """Somebody has left. A later session of the same identity may have called already."""
        for call in self._running.values():
            if call.caller is not None and call.caller.sid == participant.sid:
                call.abandon()

    def give_up(self) -> None:
        """The room is joined anew: nobody waits for what was called before."""
        for call in self._running.values():
            call.abandon()

    def end(self) -> None:
        """The room has ended."""
        self.give_up()
        self._ended.set()


def _chosen(failure: BaseException) -> RpcError | None:
    """The error that a handler chose for its answer, also one that comes out of a nursery."""
    error = bare(failure)
    return error if isinstance(error, RpcError) else None
