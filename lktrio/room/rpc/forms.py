"""How requests, acknowledgements and answers are written, in both versions.

Nothing in here waits or keeps anything. What others write is read leniently: a number that is none
counts as 0, and who gets it decides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from lktrio import proto
from lktrio.errors import RpcError
from lktrio.room.rpc.codes import error_message

__all__ = [
    "DEFAULT_TIMEOUT",
    "MAX_PACKET_PAYLOAD",
    "PACKETS",
    "REQUEST_TOPIC",
    "RESPONSE_TOPIC",
    "STREAMS",
    "RequestHead",
    "ack_packet",
    "answer_attributes",
    "answer_packet",
    "answered_id",
    "error_packet",
    "head_of_packet",
    "head_of_stream",
    "request_packet",
]

PACKETS = 1
"""The version in which requests and answers are packets."""
STREAMS = 2
"""The version in which they are text streams."""
MAX_PACKET_PAYLOAD = 15_360
"""Bytes of a payload in a packet, as in LiveKit's SDKs."""
DEFAULT_TIMEOUT = 15.0
"""Seconds for the answer if nobody says otherwise, as in LiveKit's SDKs."""

REQUEST_TOPIC = "lk.rpc_request"
RESPONSE_TOPIC = "lk.rpc_response"
_ID = "lk.rpc_request_id"
_METHOD = "lk.rpc_request_method"
_TIMEOUT = "lk.rpc_request_response_timeout_ms"
_VERSION = "lk.rpc_request_version"

_MAX_NUMBER = (1 << 32) - 1
_MAX_ID = 256  # characters; a UUID has 36


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A request without its payload."""

    id: str
    """Chosen by the caller."""
    method: str
    """What is called."""
    timeout: float
    """Seconds from now until the caller waits no more."""
    version: int
    """`PACKETS` or `STREAMS`; others are not known."""

    @property
    def makes_sense(self) -> bool:
        """Whether it can be answered."""
        return 0 < len(self.id) <= _MAX_ID

    def attributes(self) -> dict[str, str]:
        """The attributes of the stream of a request."""
        return {
            _ID: self.id,
            _METHOD: self.method,
            _TIMEOUT: str(_milliseconds(self.timeout)),
            _VERSION: str(self.version),
        }


def _milliseconds(seconds: float) -> int:
    return math.ceil(min(max(seconds * 1000, 1), _MAX_NUMBER))


def _seconds(milliseconds: int) -> float:
    return milliseconds / 1000 or DEFAULT_TIMEOUT


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else 0


def head_of_packet(request: proto.RpcRequest) -> RequestHead:
    """The head of a request in a packet."""
    timeout = _seconds(request.response_timeout_ms)
    return RequestHead(request.id, request.method, timeout, request.version)


def head_of_stream(attributes: Mapping[str, str]) -> RequestHead:
    """The head of a request in a stream."""
    return RequestHead(
        attributes.get(_ID, ""),
        attributes.get(_METHOD, ""),
        _seconds(_number(attributes.get(_TIMEOUT, ""))),
        _number(attributes.get(_VERSION, "")),
    )


def answer_attributes(request_id: str) -> dict[str, str]:
    """The attributes of the stream of an answer."""
    return {_ID: request_id}


def answered_id(attributes: Mapping[str, str]) -> str:
    """The id of the request that a stream answers."""
    return attributes.get(_ID, "")


def request_packet(destination: str, head: RequestHead, payload: str) -> proto.DataPacket:
    """A request."""
    packet = _packet(destination)
    packet.rpc_request = proto.RpcRequest(
        id=head.id,
        method=head.method,
        payload=payload,
        response_timeout_ms=_milliseconds(head.timeout),
        version=head.version,
    )
    return packet


def ack_packet(destination: str, request_id: str) -> proto.DataPacket:
    """An acknowledgement."""
    packet = _packet(destination)
    packet.rpc_ack = proto.RpcAck(request_id=request_id)
    return packet


def answer_packet(destination: str, request_id: str, payload: str) -> proto.DataPacket:
    """An answer."""
    packet = _packet(destination)
    packet.rpc_response = proto.RpcResponse(request_id=request_id, payload=payload)
    return packet


def error_packet(destination: str, request_id: str, error: RpcError) -> proto.DataPacket:
    """An error in place of an answer."""
    packet = _packet(destination)
    packet.rpc_response = proto.RpcResponse(request_id=request_id, error=error_message(error))
    return packet


def _packet(destination: str) -> proto.DataPacket:
    return proto.DataPacket(
        kind=proto.DataPacket.Kind.RELIABLE, destination_identities=[destination]
    )
