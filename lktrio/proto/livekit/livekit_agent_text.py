"""Generated from agent/livekit_agent_text.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.livekit_agent_session import (
    AgentHandoff,
    ChatMessage,
    FunctionCall,
    FunctionCallOutput,
)

__all__ = (
    "AgentSessionState",
    "TextMessageComplete",
    "TextMessageError",
    "TextMessageErrorCode",
    "TextMessageRequest",
    "TextMessageResponse",
)


class TextMessageErrorCode(betterproto2.Enum):
    INTERNAL_ERROR = 0
    SESSION_STATE_NOT_FOUND = 1
    TEXT_HANDLER_ERROR = 2
    PROCESS_CLOSED = 3


@message
class TextMessageRequest(Message):
    text: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    message_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    session_id: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    session_state: AgentSessionState | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class TextMessageResponse(Message):
    """Of the fields of ``event`` at most one is set."""

    message_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    session_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    message: ChatMessage | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    function_call: FunctionCall | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    function_call_output: FunctionCallOutput | None = betterproto2.field(
        5, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    agent_handoff: AgentHandoff | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )
    complete: TextMessageComplete | None = betterproto2.field(
        7, betterproto2.TYPE_MESSAGE, optional=True, group="event"
    )


@message
class TextMessageComplete(Message):
    """Of the fields of ``result`` at most one is set."""

    session_state: AgentSessionState | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="result"
    )
    error: TextMessageError | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="result"
    )


@message
class AgentSessionState(Message):
    """Of the fields of ``data`` at most one is set."""

    version: int = betterproto2.field(1, betterproto2.TYPE_UINT64)
    snapshot: bytes | None = betterproto2.field(
        2, betterproto2.TYPE_BYTES, optional=True, group="data"
    )
    delta: bytes | None = betterproto2.field(
        3, betterproto2.TYPE_BYTES, optional=True, group="data"
    )


@message
class TextMessageError(Message):
    message: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    code: TextMessageErrorCode = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: TextMessageErrorCode(0)
    )
