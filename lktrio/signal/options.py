"""What a caller chooses about a signalling connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from lktrio import proto

__all__ = ["Resume", "SignalOptions", "SignalVersion"]

SignalVersion: TypeAlias = Literal["v1", "v0"]
"""``v1``: ``/rtc/v1``, one peer connection. ``v0``: ``/rtc``, one for each direction."""


@dataclass(frozen=True, slots=True)
class SignalOptions:
    """How to join."""

    auto_subscribe: bool = True
    """Whether the server subscribes us to every audio and video track."""
    auto_subscribe_data_tracks: bool = False
    """Whether it subscribes us to every data track."""
    adaptive_stream: bool = False
    """Whether video subscriptions start at the lowest quality in place of the highest."""
    subscriber_allow_pause: bool | None = None
    """Whether the server may pause video for lack of bandwidth; None: as it is configured."""
    disable_ice_lite: bool = False
    """Whether the server must be a full ICE agent."""
    attributes: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of ours in addition to those of the token; need ``can_update_own_metadata``."""
    single_peer_connection: bool = True
    """Try ``v1`` first. Servers that do not know it are joined by ``v0``."""


@dataclass(frozen=True, slots=True)
class Resume:
    """What a connection needs to take over the session of one that was lost."""

    participant_sid: str
    """Our ``PA_…`` of the session."""
    version: SignalVersion
    """That of the lost connection: a session cannot change it."""
    reason: proto.ReconnectReason = proto.ReconnectReason.RR_SIGNAL_DISCONNECTED
    """Why the session is resumed."""
    ping_interval: float = 5.0
    """Seconds, from the ``join`` of the session: the answer to a resume does not repeat it."""
    ping_timeout: float = 15.0
    """Seconds, from there as well."""
