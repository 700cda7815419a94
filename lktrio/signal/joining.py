"""What a client says about itself and what it prefers when it joins.

``v0`` puts them into query parameters. ``v1`` puts a JoinRequest into one of them: serialised,
compressed with gzip when that helps, wrapped, and in base64 with the alphabet for URLs and with
padding, which LiveKit's server insists on. The token travels in the Authorization header and is in
neither.
"""

from __future__ import annotations

import base64
import gzip
import json
import platform
from collections.abc import Sequence
from urllib.parse import urlencode

from lktrio import proto
from lktrio._version import __version__
from lktrio.proto.codec import encode
from lktrio.signal.options import Resume, SignalOptions, SignalVersion

__all__ = ["CAPABILITIES", "CLIENT_PROTOCOL", "PROTOCOL", "client_info", "join_query"]

PROTOCOL = 17
"""The version of LiveKit's protocol that lktrio speaks. 18 would mean pre-negotiated channels."""
CLIENT_PROTOCOL = 2
"""What clients say to each other: calls over text streams (1), contents in headers (2)."""
CAPABILITIES = (proto.ClientInfo.Capability.CAP_COMPRESSION_DEFLATE_RAW,)
"""What we can read besides: compressed streams."""


def client_info() -> proto.ClientInfo:
    """Who we are. ``PYTHON`` makes the server treat us as a client that goes by the SDP."""
    return proto.ClientInfo(
        sdk=proto.ClientInfo.SDK.PYTHON,
        version=__version__,
        protocol=PROTOCOL,
        os=platform.system().lower(),
        os_version=platform.release(),
        client_protocol=CLIENT_PROTOCOL,
        capabilities=list(CAPABILITIES),
    )


def join_query(
    version: SignalVersion,
    options: SignalOptions,
    *,
    resume: Resume | None = None,
    offer: proto.SessionDescription | None = None,
    add_tracks: Sequence[proto.AddTrackRequest] = (),
) -> str:
    """The query of the request that joins or resumes.

    Args:
        version: Which form to make. ``v0`` has no place for the offer and the tracks.
        options: The preferences.
        resume: The session to take over, if there is one; it brings its own offer later.
        offer: Our first offer.
        add_tracks: Tracks that we publish from the start.
    """
    if version == "v0":
        return urlencode(_v0_parameters(options, resume))
    request = proto.JoinRequest(
        client_info=client_info(),
        connection_settings=_settings(options),
        participant_attributes=dict(options.attributes),
    )
    if resume is None:
        request.publisher_offer = offer
        request.add_track_requests = list(add_tracks)
    else:
        request.reconnect = True
        request.reconnect_reason = resume.reason
        request.participant_sid = resume.participant_sid
    return urlencode({"join_request": _wrap(encode(request))})


def _settings(options: SignalOptions) -> proto.ConnectionSettings:
    return proto.ConnectionSettings(
        auto_subscribe=options.auto_subscribe,
        adaptive_stream=options.adaptive_stream,
        subscriber_allow_pause=options.subscriber_allow_pause,
        disable_ice_lite=options.disable_ice_lite,
        auto_subscribe_data_track=options.auto_subscribe_data_tracks,
    )


def _wrap(request: bytes) -> str:
    compressed = gzip.compress(request, mtime=0)
    wrapped = proto.WrappedJoinRequest(join_request=request)
    if len(compressed) < len(request):
        wrapped.compression = proto.WrappedJoinRequest.Compression.GZIP
        wrapped.join_request = compressed
    return base64.urlsafe_b64encode(encode(wrapped)).decode()


def _v0_parameters(options: SignalOptions, resume: Resume | None) -> dict[str, str | int]:
    info = client_info()
    parameters: dict[str, str | int] = {
        "protocol": info.protocol,
        "client_protocol": info.client_protocol,
        "capabilities": ",".join(str(one.name) for one in info.capabilities),
        "sdk": "python",
        "version": info.version,
        "os": info.os,
        "os_version": info.os_version,
        "auto_subscribe": int(options.auto_subscribe),  # the server reads 1 and true only
        "auto_subscribe_data_track": int(options.auto_subscribe_data_tracks),
        "adaptive_stream": int(options.adaptive_stream),
        "disable_ice_lite": int(options.disable_ice_lite),
    }
    if options.subscriber_allow_pause is not None:
        parameters["subscriber_allow_pause"] = int(options.subscriber_allow_pause)
    if options.attributes:
        text = json.dumps(dict(options.attributes), separators=(",", ":"))
        parameters["attributes"] = base64.urlsafe_b64encode(text.encode()).decode()
    if resume is not None:
        parameters["reconnect"] = 1
        parameters["sid"] = resume.participant_sid
        parameters["reconnect_reason"] = int(resume.reason)
    return parameters
