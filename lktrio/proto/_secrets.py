"""Which fields of LiveKit's messages let in whoever knows them.

LiveKit marks most of them in its .proto files (``logger.sensitivity`` is ``SENSITIVITY_SECRET``);
the others hold a token or a key in an address. None of them is part of a ``repr``, so that a
message can be logged.
"""

from __future__ import annotations

__all__ = ["HIDDEN", "SECRET_FIELDS", "is_secret"]

HIDDEN = "***"
"""What stands in place of a secret."""
SECRET_FIELDS = frozenset(
    {
        "access_key",
        "account_key",
        "analytics_key",
        "assume_role_external_id",
        "auth_password",
        "connect_url",  # of Twilio, with a token
        "credential",
        "credentials",
        "download_url",  # signed
        "inbound_password",
        "outbound_password",
        "participant_token",
        "password",
        "pin",
        "presigned_url",
        "refresh_token",
        "sdp",  # has the password of ICE
        "secret",
        "session_token",
        "signing_key",
        "stream_key",
        "token",
        "turn_password",
        "whatsapp_api_key",
    }
)
"""Fields that are secret in every message that has them."""
_SECRET_IN = frozenset(
    {
        ("AgentSecret", "value"),
        ("PresignedPostRequest", "values"),
        ("StreamDestination", "url"),  # RTMP and SRT have the key of the stream in the URL
        ("StreamOutput", "urls"),
        ("TrackEgressRequest", "websocket_url"),
        ("UpdateStreamRequest", "add_output_urls"),
        ("UpdateStreamRequest", "remove_output_urls"),
    }
)


def is_secret(cls: type, field: str) -> bool:
    """Whether a field of a message class holds a secret."""
    return field in SECRET_FIELDS or (cls.__name__, field) in _SECRET_IN
