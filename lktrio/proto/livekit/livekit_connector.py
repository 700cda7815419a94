"""Generated from livekit_connector.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import betterproto2

__all__ = ("ConnectorType",)


class ConnectorType(betterproto2.Enum):
    Unspecified = 0
    WhatsApp = 1
    Twilio = 2
