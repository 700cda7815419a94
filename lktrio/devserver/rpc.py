"""Remote procedure calls from the server API to a participant.

The call goes out as version 1 of LiveKit's RPC, a request packet; acknowledgement and answer are
packets too, addressed to the call's id in place of an identity, and are taken out of the data that
is forwarded.
"""

from __future__ import annotations

import uuid
from typing import Protocol

import trio

from lktrio import proto
from lktrio.devserver.twirp import TwirpError, from_server
from lktrio.proto import codec
from lktrio.rtc.base import RandomBytes

__all__ = ["ApiCalls", "Callee"]

_ACK_SECONDS = 2.0
_DEFAULT_SECONDS = 10.0
_MAX_SECONDS = 60.0
_MAX_PAYLOAD = 15_360  # bytes of UTF-8
_VERSION = 1
_ID_LENGTH = 16  # bytes of a UUID

_TEXTS = {1402: "Request payload too large", 1501: "Connection timeout", 1502: "Response timeout"}
_CODES = {
    1400: "invalid_argument",
    1402: "invalid_argument",
    1501: "deadline_exceeded",
    1502: "deadline_exceeded",
    1503: "unavailable",
}


class Callee(Protocol):
    """A participant that is called."""

    @property
    def identity(self) -> str:
        """Unique within the room."""
        ...

    def deliver(self, data: bytes, *, lossy: bool) -> None:
        """Send it a packet."""
        ...


class _Call:
    def __init__(self) -> None:
        self.acknowledged = trio.Event()
        self.done = trio.Event()
        self.response: proto.RpcResponse | None = None


class ApiCalls:
    """Calls of the server API that are under way in one room."""

    def __init__(self, random: RandomBytes) -> None:
        self._random = random
        self._calls: dict[str, _Call] = {}

    async def perform(self, callee: Callee, request: proto.PerformRpcRequest) -> str:
        """Call a method of a participant and return its answer.

        Raises:
            TwirpError: The call failed.
        """
        if len(request.payload.encode()) > _MAX_PAYLOAD:
            raise _failure(1402)
        seconds = request.response_timeout_ms / 1000 or _DEFAULT_SECONDS
        call_id = str(uuid.UUID(bytes=self._random(_ID_LENGTH), version=4))
        call = self._calls[call_id] = _Call()
        packet = proto.DataPacket(
            participant_identity=call_id,
            destination_identities=[callee.identity],
            rpc_request=proto.RpcRequest(
                id=call_id,
                method=request.method,
                payload=request.payload,
                response_timeout_ms=int(seconds * 1000),
                version=_VERSION,
            ),
        )
        try:
            callee.deliver(codec.encode(packet), lossy=False)
            return await self._finish(call, min(seconds, _MAX_SECONDS))
        finally:
            del self._calls[call_id]

    async def _finish(self, call: _Call, seconds: float) -> str:
        with trio.move_on_after(seconds) as whole:
            with trio.move_on_after(_ACK_SECONDS):
                await call.acknowledged.wait()
            if not call.acknowledged.is_set():
                raise _failure(1501)
            await call.done.wait()
        if whole.cancelled_caught or call.response is None:
            raise _failure(1502)
        error = call.response.error
        if error is not None:
            raise _failure(error.code, error.message, error.data)
        return call.response.payload or ""

    def take(self, packet: proto.DataPacket) -> bool:
        """Take a packet if it answers one of the calls; whether it did."""
        answer = packet.rpc_ack or packet.rpc_response
        call = self._calls.get(answer.request_id) if answer is not None else None
        if call is None:
            return False
        call.acknowledged.set()
        if packet.rpc_response is not None:
            call.response = packet.rpc_response
            call.done.set()
        return True


def _failure(code: int, message: str = "", data: str = "") -> TwirpError:
    text = f"RpcError {code}: {message or _TEXTS.get(code, '')}"
    return from_server(_CODES.get(code, "internal"), f"{text}: {data}" if data else text)
