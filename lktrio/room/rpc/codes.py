"""The errors of the protocol, and how they are written (LiveKit's ``RpcError``)."""

from __future__ import annotations

from enum import IntEnum

from lktrio import proto
from lktrio.errors import RpcError

__all__ = ["RpcErrorCode", "error_message", "read_error", "rpc_error"]

_MAX_MESSAGE = 256  # bytes
_MAX_DATA = 15_360  # bytes


class RpcErrorCode(IntEnum):
    """Codes of ``RpcError``; an application chooses others for its own errors."""

    UNSUPPORTED_METHOD = 1400
    """The recipient does not serve the method."""
    RECIPIENT_NOT_FOUND = 1401
    """Nobody of that identity is in the room."""
    REQUEST_PAYLOAD_TOO_LARGE = 1402
    """The request is too large for the recipient, or for the version that it knows."""
    UNSUPPORTED_SERVER = 1403
    """The server is too old for calls."""
    UNSUPPORTED_VERSION = 1404
    """The recipient does not know this form of calls."""
    APPLICATION_ERROR = 1500
    """The handler failed, or there were too many calls."""
    CONNECTION_TIMEOUT = 1501
    """The recipient did not acknowledge the request in time."""
    RESPONSE_TIMEOUT = 1502
    """The answer did not come in time."""
    RECIPIENT_DISCONNECTED = 1503
    """The recipient has left, or the connection with it was cut."""
    RESPONSE_PAYLOAD_TOO_LARGE = 1504
    """The answer is too large."""
    SEND_FAILED = 1505
    """The request was not sent."""


_TEXTS = {
    RpcErrorCode.UNSUPPORTED_METHOD: "Method not supported at destination",
    RpcErrorCode.RECIPIENT_NOT_FOUND: "Recipient not found",
    RpcErrorCode.REQUEST_PAYLOAD_TOO_LARGE: "Request payload too large",
    RpcErrorCode.UNSUPPORTED_SERVER: "RPC not supported by server",
    RpcErrorCode.UNSUPPORTED_VERSION: "Unsupported RPC version",
    RpcErrorCode.APPLICATION_ERROR: "Application error in method handler",
    RpcErrorCode.CONNECTION_TIMEOUT: "Connection timeout",
    RpcErrorCode.RESPONSE_TIMEOUT: "Response timeout",
    RpcErrorCode.RECIPIENT_DISCONNECTED: "Recipient disconnected",
    RpcErrorCode.RESPONSE_PAYLOAD_TOO_LARGE: "Response payload too large",
    RpcErrorCode.SEND_FAILED: "Failed to send",
}
"""What the other SDKs say."""


def rpc_error(code: RpcErrorCode, detail: str = "") -> RpcError:
    """An error of the protocol."""
    text = _TEXTS[code]
    return RpcError(code, f"{text}: {detail}" if detail else text)


def error_message(error: RpcError) -> proto.RpcError:
    """The message for an error; texts that are too long are cut where a character ends.

    A code that the message cannot hold becomes ``APPLICATION_ERROR``.
    """
    fits = 0 <= error.code < 1 << 32
    return proto.RpcError(
        code=error.code if fits else RpcErrorCode.APPLICATION_ERROR,
        message=_cut(error.message, _MAX_MESSAGE),
        data=_cut(error.data, _MAX_DATA),
    )


def _cut(text: str, limit: int) -> str:
    data = text.encode(errors="replace")
    return data[:limit].decode(errors="ignore")


def read_error(message: proto.RpcError) -> RpcError:
    """The error that somebody sent."""
    try:
        code: int = RpcErrorCode(message.code)
    except ValueError:
        code = message.code
    return RpcError(code, _cut(message.message, _MAX_MESSAGE), _cut(message.data, _MAX_DATA))
