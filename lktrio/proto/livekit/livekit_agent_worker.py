"""Generated from livekit_agent_worker.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

from lktrio.proto._message import Message, message

__all__ = ("WorkerInfo",)


@message
class WorkerInfo(Message):
    worker_type: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    agent_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    active_jobs: float = betterproto2.field(3, betterproto2.TYPE_FLOAT)
    sdk_version: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    worker_load: float = betterproto2.field(5, betterproto2.TYPE_FLOAT)
    protocol_version: int = betterproto2.field(6, betterproto2.TYPE_INT32)
