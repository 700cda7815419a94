"""Access tokens: making them, verifying them, the keys they are signed with, and fetching them.

::

    token = AccessToken(identity="bot", video=VideoGrants(room_join=True, room="demo")).to_jwt()
    claims = verify_token(token, {"key": "secret"})

Importing this package loads neither protocol messages nor an HTTP client; what needs them loads
them when it is used.
"""

from __future__ import annotations

from lktrio.auth._details import ParticipantToken, connection_details
from lktrio.auth._grants import (
    AgentEndpointGrants,
    AgentGrants,
    AgentThreadGrants,
    InferenceGrants,
    ObservabilityGrants,
    SIPGrants,
    VideoGrants,
)
from lktrio.auth._keys import (
    EnvironmentKeys,
    FileKeys,
    KeyProvider,
    Keys,
    MappingKeys,
    SingleKey,
)
from lktrio.auth._sources import ConnectionDetails, TokenRequest, TokenSource
from lktrio.auth._tokens import (
    DEFAULT_LEEWAY,
    DEFAULT_TTL,
    AccessToken,
    Claims,
    decode_token,
    verify_token,
)

__all__ = [
    "DEFAULT_LEEWAY",
    "DEFAULT_TTL",
    "AccessToken",
    "AgentEndpointGrants",
    "AgentGrants",
    "AgentThreadGrants",
    "Claims",
    "ConnectionDetails",
    "EnvironmentKeys",
    "FileKeys",
    "InferenceGrants",
    "KeyProvider",
    "Keys",
    "MappingKeys",
    "ObservabilityGrants",
    "ParticipantToken",
    "SIPGrants",
    "SingleKey",
    "TokenRequest",
    "TokenSource",
    "VideoGrants",
    "connection_details",
    "decode_token",
    "verify_token",
]
