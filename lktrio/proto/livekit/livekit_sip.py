"""Generated from livekit_sip.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Any, Duration, Timestamp
from lktrio.proto.livekit.livekit_models import DisconnectReason, ListUpdate, Pagination
from lktrio.proto.livekit.livekit_room import RoomConfiguration

__all__ = (
    "CreateSIPDispatchRuleRequest",
    "CreateSIPInboundTrunkRequest",
    "CreateSIPOutboundTrunkRequest",
    "CreateSIPParticipantRequest",
    "CreateSIPTrunkRequest",
    "DeleteSIPDispatchRuleRequest",
    "DeleteSIPTrunkRequest",
    "Destination",
    "GetSIPInboundTrunkRequest",
    "GetSIPInboundTrunkResponse",
    "GetSIPOutboundTrunkRequest",
    "GetSIPOutboundTrunkResponse",
    "ListSIPDispatchRuleRequest",
    "ListSIPDispatchRuleResponse",
    "ListSIPInboundTrunkRequest",
    "ListSIPInboundTrunkResponse",
    "ListSIPOutboundTrunkRequest",
    "ListSIPOutboundTrunkResponse",
    "ListSIPTrunkRequest",
    "ListSIPTrunkResponse",
    "ProviderInfo",
    "ProviderType",
    "SIPCallDirection",
    "SIPCallInfo",
    "SIPCallStatus",
    "SIPCodec",
    "SIPDispatchRule",
    "SIPDispatchRuleCallee",
    "SIPDispatchRuleDirect",
    "SIPDispatchRuleIndividual",
    "SIPDispatchRuleInfo",
    "SIPDispatchRuleUpdate",
    "SIPFeature",
    "SIPHeaderOptions",
    "SIPInboundTrunkInfo",
    "SIPInboundTrunkUpdate",
    "SIPMediaConfig",
    "SIPMediaEncryption",
    "SIPNamedDest",
    "SIPOutboundConfig",
    "SIPOutboundTrunkInfo",
    "SIPOutboundTrunkUpdate",
    "SIPParticipantInfo",
    "SIPRequestDest",
    "SIPStatus",
    "SIPStatusCode",
    "SIPTransferError",
    "SIPTransferInfo",
    "SIPTransferReason",
    "SIPTransferStatus",
    "SIPTransport",
    "SIPTrunkInfo",
    "SIPUri",
    "TransferSIPParticipantRequest",
    "TransferSIPParticipantResponse",
    "UpdateSIPDispatchRuleRequest",
    "UpdateSIPInboundTrunkRequest",
    "UpdateSIPOutboundTrunkRequest",
)


class SIPStatusCode(betterproto2.Enum):
    SIP_STATUS_UNKNOWN = 0
    SIP_STATUS_TRYING = 100
    SIP_STATUS_RINGING = 180
    SIP_STATUS_CALL_IS_FORWARDED = 181
    SIP_STATUS_QUEUED = 182
    SIP_STATUS_SESSION_PROGRESS = 183
    SIP_STATUS_EARLY_DIALOG_TERMINATED = 199
    SIP_STATUS_OK = 200
    SIP_STATUS_ACCEPTED = 202
    SIP_STATUS_NO_NOTIFICATION = 204
    SIP_STATUS_MULTIPLE_CHOICES = 300
    SIP_STATUS_MOVED_PERMANENTLY = 301
    SIP_STATUS_MOVED_TEMPORARILY = 302
    SIP_STATUS_USE_PROXY = 305
    SIP_STATUS_ALTERNATIVE_SERVICE = 380
    SIP_STATUS_BAD_REQUEST = 400
    SIP_STATUS_UNAUTHORIZED = 401
    SIP_STATUS_PAYMENT_REQUIRED = 402
    SIP_STATUS_FORBIDDEN = 403
    SIP_STATUS_NOTFOUND = 404
    SIP_STATUS_METHOD_NOT_ALLOWED = 405
    SIP_STATUS_NOT_ACCEPTABLE = 406
    SIP_STATUS_PROXY_AUTH_REQUIRED = 407
    SIP_STATUS_REQUEST_TIMEOUT = 408
    SIP_STATUS_CONFLICT = 409
    SIP_STATUS_GONE = 410
    SIP_STATUS_LENGTH_REQUIRED = 411
    SIP_STATUS_CONDITIONAL_REQUEST_FAILED = 412
    SIP_STATUS_REQUEST_ENTITY_TOO_LARGE = 413
    SIP_STATUS_REQUEST_URI_TOO_LONG = 414
    SIP_STATUS_UNSUPPORTED_MEDIA_TYPE = 415
    SIP_STATUS_REQUESTED_RANGE_NOT_SATISFIABLE = 416
    SIP_STATUS_UNKNOWN_RESOURCE_PRIORITY = 417
    SIP_STATUS_BAD_EXTENSION = 420
    SIP_STATUS_EXTENSION_REQUIRED = 421
    SIP_STATUS_SESSION_INTERVAL_TOO_SMALL = 422
    SIP_STATUS_INTERVAL_TOO_BRIEF = 423
    SIP_STATUS_BAD_LOCATION_INFORMATION = 424
    SIP_STATUS_BAD_ALERT_MESSAGE = 425
    SIP_STATUS_USE_IDENTITY_HEADER = 428
    SIP_STATUS_PROVIDE_REFERRER_IDENTITY = 429
    SIP_STATUS_FLOW_FAILED = 430
    SIP_STATUS_ANONYMITY_DISALLOWED = 433
    SIP_STATUS_BAD_IDENTITY_INFO = 436
    SIP_STATUS_UNSUPPORTED_CERTIFICATE = 437
    SIP_STATUS_INVALID_IDENTITY_HEADER = 438
    SIP_STATUS_FIRST_HOP_LACKS_OUTBOUND_SUPPORT = 439
    SIP_STATUS_MAX_BREADTH_EXCEEDED = 440
    SIP_STATUS_BAD_INFO_PACKAGE = 469
    SIP_STATUS_CONSENT_NEEDED = 470
    SIP_STATUS_TEMPORARILY_UNAVAILABLE = 480
    SIP_STATUS_CALL_TRANSACTION_DOES_NOT_EXISTS = 481
    SIP_STATUS_LOOP_DETECTED = 482
    SIP_STATUS_TOO_MANY_HOPS = 483
    SIP_STATUS_ADDRESS_INCOMPLETE = 484
    SIP_STATUS_AMBIGUOUS = 485
    SIP_STATUS_BUSY_HERE = 486
    SIP_STATUS_REQUEST_TERMINATED = 487
    SIP_STATUS_NOT_ACCEPTABLE_HERE = 488
    SIP_STATUS_BAD_EVENT = 489
    SIP_STATUS_REQUEST_PENDING = 491
    SIP_STATUS_UNDECIPHERABLE = 493
    SIP_STATUS_SECURITY_AGREEMENT_REQUIRED = 494
    SIP_STATUS_INTERNAL_SERVER_ERROR = 500
    SIP_STATUS_NOT_IMPLEMENTED = 501
    SIP_STATUS_BAD_GATEWAY = 502
    SIP_STATUS_SERVICE_UNAVAILABLE = 503
    SIP_STATUS_GATEWAY_TIMEOUT = 504
    SIP_STATUS_VERSION_NOT_SUPPORTED = 505
    SIP_STATUS_MESSAGE_TOO_LARGE = 513
    SIP_STATUS_GLOBAL_BUSY_EVERYWHERE = 600
    SIP_STATUS_GLOBAL_DECLINE = 603
    SIP_STATUS_GLOBAL_DOES_NOT_EXIST_ANYWHERE = 604
    SIP_STATUS_GLOBAL_NOT_ACCEPTABLE = 606
    SIP_STATUS_GLOBAL_UNWANTED = 607
    SIP_STATUS_GLOBAL_REJECTED = 608


class SIPTransport(betterproto2.Enum):
    SIP_TRANSPORT_AUTO = 0
    SIP_TRANSPORT_UDP = 1
    SIP_TRANSPORT_TCP = 2
    SIP_TRANSPORT_TLS = 3


class SIPHeaderOptions(betterproto2.Enum):
    SIP_NO_HEADERS = 0
    SIP_X_HEADERS = 1
    SIP_ALL_HEADERS = 2


class SIPMediaEncryption(betterproto2.Enum):
    SIP_MEDIA_ENCRYPT_DISABLE = 0
    SIP_MEDIA_ENCRYPT_ALLOW = 1
    SIP_MEDIA_ENCRYPT_REQUIRE = 2


class ProviderType(betterproto2.Enum):
    PROVIDER_TYPE_UNKNOWN = 0
    PROVIDER_TYPE_INTERNAL = 1
    PROVIDER_TYPE_EXTERNAL = 2


class SIPCallStatus(betterproto2.Enum):
    SCS_CALL_INCOMING = 0
    SCS_PARTICIPANT_JOINED = 1
    SCS_ACTIVE = 2
    SCS_DISCONNECTED = 3
    SCS_ERROR = 4


class SIPTransferStatus(betterproto2.Enum):
    STS_TRANSFER_ONGOING = 0
    STS_TRANSFER_FAILED = 1
    STS_TRANSFER_SUCCESSFUL = 2


class SIPTransferReason(betterproto2.Enum):
    STR_UNSPECIFIED = 0
    STR_COMPLETED = 1
    STR_CALL_ENDED = 2
    STR_REJECTED = 3
    STR_RINGING_TIMEOUT = 4
    STR_SUBSCRIPTION_TERMINATED = 5
    STR_CANCELED = 6


class SIPFeature(betterproto2.Enum):
    NONE = 0
    KRISP_ENABLED = 1


class SIPCallDirection(betterproto2.Enum):
    SCD_UNKNOWN = 0
    SCD_INBOUND = 1
    SCD_OUTBOUND = 2


@message
class SIPStatus(Message):
    code: SIPStatusCode = betterproto2.field(
        1, betterproto2.TYPE_ENUM, default_factory=lambda: SIPStatusCode(0)
    )
    status: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class CreateSIPTrunkRequest(Message):
    inbound_addresses: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    outbound_address: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    outbound_number: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    inbound_numbers_regex: list[str] = betterproto2.field(
        4, betterproto2.TYPE_STRING, repeated=True
    )
    inbound_numbers: list[str] = betterproto2.field(9, betterproto2.TYPE_STRING, repeated=True)
    inbound_username: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    inbound_password: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    outbound_username: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    outbound_password: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(10, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(11, betterproto2.TYPE_STRING)


@message
class SIPCodec(Message):
    name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    rate: int = betterproto2.field(2, betterproto2.TYPE_UINT32)


@message
class SIPMediaConfig(Message):
    only_listed_codecs: bool = betterproto2.field(1, betterproto2.TYPE_BOOL)
    codecs: list[SIPCodec] = betterproto2.field(2, betterproto2.TYPE_MESSAGE, repeated=True)
    encryption: SIPMediaEncryption | None = betterproto2.field(
        3, betterproto2.TYPE_ENUM, optional=True
    )
    media_timeout: datetime.timedelta | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )


@message
class ProviderInfo(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    type: ProviderType = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: ProviderType(0)
    )
    prevent_transfer: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)


@message
class SIPTrunkInfo(Message):
    class TrunkKind(betterproto2.Enum):
        TRUNK_LEGACY = 0
        TRUNK_INBOUND = 1
        TRUNK_OUTBOUND = 2

    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    kind: SIPTrunkInfo.TrunkKind = betterproto2.field(
        14, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTrunkInfo.TrunkKind(0)
    )
    inbound_addresses: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
    outbound_address: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    outbound_number: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    transport: SIPTransport = betterproto2.field(
        13, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransport(0)
    )
    inbound_numbers_regex: list[str] = betterproto2.field(
        5, betterproto2.TYPE_STRING, repeated=True
    )
    inbound_numbers: list[str] = betterproto2.field(10, betterproto2.TYPE_STRING, repeated=True)
    inbound_username: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    inbound_password: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    outbound_username: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    outbound_password: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(11, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(12, betterproto2.TYPE_STRING)


@message
class CreateSIPInboundTrunkRequest(Message):
    trunk: SIPInboundTrunkInfo | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class UpdateSIPInboundTrunkRequest(Message):
    """Of the fields of ``action`` at most one is set."""

    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    replace: SIPInboundTrunkInfo | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="action"
    )
    update: SIPInboundTrunkUpdate | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="action"
    )


@message
class SIPInboundTrunkInfo(Message):
    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    numbers: list[str] = betterproto2.field(4, betterproto2.TYPE_STRING, repeated=True)
    allowed_addresses: list[str] = betterproto2.field(5, betterproto2.TYPE_STRING, repeated=True)
    allowed_numbers: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)
    auth_username: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    auth_password: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    auth_realm: str = betterproto2.field(19, betterproto2.TYPE_STRING)
    headers: dict[str, str] = betterproto2.field(
        9,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    headers_to_attributes: dict[str, str] = betterproto2.field(
        10,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    attributes_to_headers: dict[str, str] = betterproto2.field(
        14,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    include_headers: SIPHeaderOptions = betterproto2.field(
        15, betterproto2.TYPE_ENUM, default_factory=lambda: SIPHeaderOptions(0)
    )
    ringing_timeout: datetime.timedelta | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    ringing_timeout_status: SIPStatusCode = betterproto2.field(
        21, betterproto2.TYPE_ENUM, default_factory=lambda: SIPStatusCode(0)
    )
    max_call_duration: datetime.timedelta | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    krisp_enabled: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)
    media_encryption: SIPMediaEncryption = betterproto2.field(
        16, betterproto2.TYPE_ENUM, default_factory=lambda: SIPMediaEncryption(0)
    )
    media: SIPMediaConfig | None = betterproto2.field(20, betterproto2.TYPE_MESSAGE, optional=True)
    created_at: datetime.datetime | None = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    updated_at: datetime.datetime | None = betterproto2.field(
        18, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class SIPInboundTrunkUpdate(Message):
    numbers: ListUpdate | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    allowed_addresses: ListUpdate | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    allowed_numbers: ListUpdate | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )
    auth_username: str | None = betterproto2.field(4, betterproto2.TYPE_STRING, optional=True)
    auth_password: str | None = betterproto2.field(5, betterproto2.TYPE_STRING, optional=True)
    auth_realm: str | None = betterproto2.field(9, betterproto2.TYPE_STRING, optional=True)
    name: str | None = betterproto2.field(6, betterproto2.TYPE_STRING, optional=True)
    metadata: str | None = betterproto2.field(7, betterproto2.TYPE_STRING, optional=True)
    media_encryption: SIPMediaEncryption | None = betterproto2.field(
        8, betterproto2.TYPE_ENUM, optional=True
    )
    media: SIPMediaConfig | None = betterproto2.field(10, betterproto2.TYPE_MESSAGE, optional=True)


@message
class CreateSIPOutboundTrunkRequest(Message):
    trunk: SIPOutboundTrunkInfo | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class UpdateSIPOutboundTrunkRequest(Message):
    """Of the fields of ``action`` at most one is set."""

    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    replace: SIPOutboundTrunkInfo | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="action"
    )
    update: SIPOutboundTrunkUpdate | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="action"
    )


@message
class SIPOutboundTrunkInfo(Message):
    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    address: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    destination_country: str = betterproto2.field(14, betterproto2.TYPE_STRING)
    transport: SIPTransport = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransport(0)
    )
    numbers: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)
    auth_username: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    auth_password: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    headers: dict[str, str] = betterproto2.field(
        9,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    headers_to_attributes: dict[str, str] = betterproto2.field(
        10,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    attributes_to_headers: dict[str, str] = betterproto2.field(
        11,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    include_headers: SIPHeaderOptions = betterproto2.field(
        12, betterproto2.TYPE_ENUM, default_factory=lambda: SIPHeaderOptions(0)
    )
    media_encryption: SIPMediaEncryption = betterproto2.field(
        13, betterproto2.TYPE_ENUM, default_factory=lambda: SIPMediaEncryption(0)
    )
    media: SIPMediaConfig | None = betterproto2.field(18, betterproto2.TYPE_MESSAGE, optional=True)
    from_host: str = betterproto2.field(15, betterproto2.TYPE_STRING)
    created_at: datetime.datetime | None = betterproto2.field(
        16, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    updated_at: datetime.datetime | None = betterproto2.field(
        17, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class SIPOutboundTrunkUpdate(Message):
    address: str | None = betterproto2.field(1, betterproto2.TYPE_STRING, optional=True)
    transport: SIPTransport | None = betterproto2.field(2, betterproto2.TYPE_ENUM, optional=True)
    destination_country: str | None = betterproto2.field(9, betterproto2.TYPE_STRING, optional=True)
    numbers: ListUpdate | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    auth_username: str | None = betterproto2.field(4, betterproto2.TYPE_STRING, optional=True)
    auth_password: str | None = betterproto2.field(5, betterproto2.TYPE_STRING, optional=True)
    name: str | None = betterproto2.field(6, betterproto2.TYPE_STRING, optional=True)
    metadata: str | None = betterproto2.field(7, betterproto2.TYPE_STRING, optional=True)
    media_encryption: SIPMediaEncryption | None = betterproto2.field(
        8, betterproto2.TYPE_ENUM, optional=True
    )
    media: SIPMediaConfig | None = betterproto2.field(11, betterproto2.TYPE_MESSAGE, optional=True)
    from_host: str | None = betterproto2.field(10, betterproto2.TYPE_STRING, optional=True)


@message
class GetSIPInboundTrunkRequest(Message):
    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class GetSIPInboundTrunkResponse(Message):
    trunk: SIPInboundTrunkInfo | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class GetSIPOutboundTrunkRequest(Message):
    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class GetSIPOutboundTrunkResponse(Message):
    trunk: SIPOutboundTrunkInfo | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class ListSIPTrunkRequest(Message):
    page: Pagination | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)


@message
class ListSIPTrunkResponse(Message):
    items: list[SIPTrunkInfo] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)


@message
class ListSIPInboundTrunkRequest(Message):
    page: Pagination | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    trunk_ids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    numbers: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class ListSIPInboundTrunkResponse(Message):
    items: list[SIPInboundTrunkInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class ListSIPOutboundTrunkRequest(Message):
    page: Pagination | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    trunk_ids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    numbers: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class ListSIPOutboundTrunkResponse(Message):
    items: list[SIPOutboundTrunkInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class DeleteSIPTrunkRequest(Message):
    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class SIPDispatchRuleDirect(Message):
    room_name: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    pin: str = betterproto2.field(2, betterproto2.TYPE_STRING)


@message
class SIPDispatchRuleIndividual(Message):
    room_prefix: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    pin: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    no_randomness: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class SIPDispatchRuleCallee(Message):
    room_prefix: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    pin: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    randomize: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)


@message
class SIPDispatchRule(Message):
    """Of the fields of ``rule`` at most one is set."""

    dispatch_rule_direct: SIPDispatchRuleDirect | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True, group="rule"
    )
    dispatch_rule_individual: SIPDispatchRuleIndividual | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="rule"
    )
    dispatch_rule_callee: SIPDispatchRuleCallee | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="rule"
    )


@message
class CreateSIPDispatchRuleRequest(Message):
    dispatch_rule: SIPDispatchRuleInfo | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True
    )
    rule: SIPDispatchRule | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    trunk_ids: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)
    hide_phone_number: bool = betterproto2.field(3, betterproto2.TYPE_BOOL)
    inbound_numbers: list[str] = betterproto2.field(6, betterproto2.TYPE_STRING, repeated=True)
    name: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        7,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    room_preset: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    room_config: RoomConfiguration | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class UpdateSIPDispatchRuleRequest(Message):
    """Of the fields of ``action`` at most one is set."""

    sip_dispatch_rule_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    replace: SIPDispatchRuleInfo | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="action"
    )
    update: SIPDispatchRuleUpdate | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True, group="action"
    )


@message
class SIPDispatchRuleInfo(Message):
    sip_dispatch_rule_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    rule: SIPDispatchRule | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)
    trunk_ids: list[str] = betterproto2.field(3, betterproto2.TYPE_STRING, repeated=True)
    hide_phone_number: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    inbound_numbers: list[str] = betterproto2.field(7, betterproto2.TYPE_STRING, repeated=True)
    numbers: list[str] = betterproto2.field(13, betterproto2.TYPE_STRING, repeated=True)
    name: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    metadata: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    attributes: dict[str, str] = betterproto2.field(
        8,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    room_preset: str = betterproto2.field(9, betterproto2.TYPE_STRING)
    room_config: RoomConfiguration | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, optional=True
    )
    media: SIPMediaConfig | None = betterproto2.field(16, betterproto2.TYPE_MESSAGE, optional=True)
    krisp_enabled: bool = betterproto2.field(11, betterproto2.TYPE_BOOL)
    media_encryption: SIPMediaEncryption = betterproto2.field(
        12, betterproto2.TYPE_ENUM, default_factory=lambda: SIPMediaEncryption(0)
    )
    created_at: datetime.datetime | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    updated_at: datetime.datetime | None = betterproto2.field(
        15, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )


@message
class SIPDispatchRuleUpdate(Message):
    trunk_ids: ListUpdate | None = betterproto2.field(1, betterproto2.TYPE_MESSAGE, optional=True)
    rule: SIPDispatchRule | None = betterproto2.field(2, betterproto2.TYPE_MESSAGE, optional=True)
    name: str | None = betterproto2.field(3, betterproto2.TYPE_STRING, optional=True)
    metadata: str | None = betterproto2.field(4, betterproto2.TYPE_STRING, optional=True)
    attributes: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    media_encryption: SIPMediaEncryption | None = betterproto2.field(
        6, betterproto2.TYPE_ENUM, optional=True
    )
    media: SIPMediaConfig | None = betterproto2.field(7, betterproto2.TYPE_MESSAGE, optional=True)


@message
class ListSIPDispatchRuleRequest(Message):
    page: Pagination | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)
    dispatch_rule_ids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    trunk_ids: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class ListSIPDispatchRuleResponse(Message):
    items: list[SIPDispatchRuleInfo] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class DeleteSIPDispatchRuleRequest(Message):
    sip_dispatch_rule_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)


@message
class SIPOutboundConfig(Message):
    hostname: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    destination_country: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    transport: SIPTransport = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransport(0)
    )
    auth_username: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    auth_password: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    headers_to_attributes: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    attributes_to_headers: dict[str, str] = betterproto2.field(
        6,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    from_host: str = betterproto2.field(8, betterproto2.TYPE_STRING)


@message
class CreateSIPParticipantRequest(Message):
    sip_trunk_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    trunk: SIPOutboundConfig | None = betterproto2.field(
        20, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_request_uri: SIPRequestDest | None = betterproto2.field(
        24, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_to_header: SIPNamedDest | None = betterproto2.field(
        25, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_from_header: SIPNamedDest | None = betterproto2.field(
        26, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_call_to: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    to_user_override: str = betterproto2.field(27, betterproto2.TYPE_STRING)
    sip_number: str = betterproto2.field(15, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_name: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    participant_metadata: str = betterproto2.field(8, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        9,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    dtmf: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    play_ringtone: bool = betterproto2.field(6, betterproto2.TYPE_BOOL)
    play_dialtone: bool = betterproto2.field(13, betterproto2.TYPE_BOOL)
    hide_phone_number: bool = betterproto2.field(10, betterproto2.TYPE_BOOL)
    headers: dict[str, str] = betterproto2.field(
        16,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    include_headers: SIPHeaderOptions = betterproto2.field(
        17, betterproto2.TYPE_ENUM, default_factory=lambda: SIPHeaderOptions(0)
    )
    ringing_timeout: datetime.timedelta | None = betterproto2.field(
        11, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    max_call_duration: datetime.timedelta | None = betterproto2.field(
        12, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )
    krisp_enabled: bool = betterproto2.field(14, betterproto2.TYPE_BOOL)
    media_encryption: SIPMediaEncryption = betterproto2.field(
        18, betterproto2.TYPE_ENUM, default_factory=lambda: SIPMediaEncryption(0)
    )
    media: SIPMediaConfig | None = betterproto2.field(23, betterproto2.TYPE_MESSAGE, optional=True)
    wait_until_answered: bool = betterproto2.field(19, betterproto2.TYPE_BOOL)
    display_name: str | None = betterproto2.field(21, betterproto2.TYPE_STRING, optional=True)
    destination: Destination | None = betterproto2.field(
        22, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class SIPParticipantInfo(Message):
    participant_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    sip_call_id: str = betterproto2.field(4, betterproto2.TYPE_STRING)


@message
class TransferSIPParticipantRequest(Message):
    participant_identity: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    transfer_to: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    play_dialtone: bool = betterproto2.field(4, betterproto2.TYPE_BOOL)
    headers: dict[str, str] = betterproto2.field(
        5,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    ringing_timeout: datetime.timedelta | None = betterproto2.field(
        6, betterproto2.TYPE_MESSAGE, unwrap=lambda: Duration, optional=True
    )


@message
class TransferSIPParticipantResponse(Message):
    transfer_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    status: SIPTransferStatus = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransferStatus(0)
    )
    reason: SIPTransferReason = betterproto2.field(
        3, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransferReason(0)
    )
    sip_status: SIPStatus | None = betterproto2.field(4, betterproto2.TYPE_MESSAGE, optional=True)


@message
class SIPTransferError(Message):
    transfer_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    reason: SIPTransferReason = betterproto2.field(
        2, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransferReason(0)
    )
    sip_status: SIPStatus | None = betterproto2.field(3, betterproto2.TYPE_MESSAGE, optional=True)


@message
class SIPCallInfo(Message):
    call_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    trunk_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    dispatch_rule_id: str = betterproto2.field(16, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(17, betterproto2.TYPE_STRING)
    room_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    room_id: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    participant_identity: str = betterproto2.field(5, betterproto2.TYPE_STRING)
    participant_attributes: dict[str, str] = betterproto2.field(
        18,
        betterproto2.TYPE_MAP,
        map_meta=betterproto2.map_meta(betterproto2.TYPE_STRING, betterproto2.TYPE_STRING),
    )
    from_uri: SIPUri | None = betterproto2.field(6, betterproto2.TYPE_MESSAGE, optional=True)
    to_uri: SIPUri | None = betterproto2.field(7, betterproto2.TYPE_MESSAGE, optional=True)
    created_at: int = betterproto2.field(9, betterproto2.TYPE_INT64)
    started_at: int = betterproto2.field(10, betterproto2.TYPE_INT64)
    ended_at: int = betterproto2.field(11, betterproto2.TYPE_INT64)
    enabled_features: list[SIPFeature] = betterproto2.field(
        14, betterproto2.TYPE_ENUM, repeated=True
    )
    call_direction: SIPCallDirection = betterproto2.field(
        15, betterproto2.TYPE_ENUM, default_factory=lambda: SIPCallDirection(0)
    )
    call_status: SIPCallStatus = betterproto2.field(
        8, betterproto2.TYPE_ENUM, default_factory=lambda: SIPCallStatus(0)
    )
    created_at_ns: int = betterproto2.field(22, betterproto2.TYPE_INT64)
    started_at_ns: int = betterproto2.field(23, betterproto2.TYPE_INT64)
    ended_at_ns: int = betterproto2.field(24, betterproto2.TYPE_INT64)
    disconnect_reason: DisconnectReason = betterproto2.field(
        12, betterproto2.TYPE_ENUM, default_factory=lambda: DisconnectReason(0)
    )
    error: str = betterproto2.field(13, betterproto2.TYPE_STRING)
    call_status_code: SIPStatus | None = betterproto2.field(
        19, betterproto2.TYPE_MESSAGE, optional=True
    )
    audio_codec: str = betterproto2.field(20, betterproto2.TYPE_STRING)
    media_encryption: str = betterproto2.field(21, betterproto2.TYPE_STRING)
    pcap_file_link: str = betterproto2.field(25, betterproto2.TYPE_STRING)
    call_context: list[Any] = betterproto2.field(26, betterproto2.TYPE_MESSAGE, repeated=True)
    provider_info: ProviderInfo | None = betterproto2.field(
        27, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_call_id: str = betterproto2.field(28, betterproto2.TYPE_STRING)


@message
class SIPTransferInfo(Message):
    transfer_id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    call_id: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    transfer_to: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    transfer_initiated_at_ns: int = betterproto2.field(4, betterproto2.TYPE_INT64)
    transfer_completed_at_ns: int = betterproto2.field(5, betterproto2.TYPE_INT64)
    transfer_status: SIPTransferStatus = betterproto2.field(
        6, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransferStatus(0)
    )
    error: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    transfer_status_code: SIPStatus | None = betterproto2.field(
        8, betterproto2.TYPE_MESSAGE, optional=True
    )
    reason: SIPTransferReason = betterproto2.field(
        9, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransferReason(0)
    )


@message
class SIPUri(Message):
    user: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    host: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    ip: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    port: int = betterproto2.field(4, betterproto2.TYPE_UINT32)
    transport: SIPTransport = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: SIPTransport(0)
    )


@message
class SIPRequestDest(Message):
    """Of the fields of ``uri`` at most one is set."""

    raw: str | None = betterproto2.field(1, betterproto2.TYPE_STRING, optional=True, group="uri")
    values: SIPUri | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="uri"
    )


@message
class SIPNamedDest(Message):
    """Of the fields of ``uri`` at most one is set."""

    display_name: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    raw: str | None = betterproto2.field(1, betterproto2.TYPE_STRING, optional=True, group="uri")
    values: SIPUri | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True, group="uri"
    )


@message
class Destination(Message):
    city: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    country: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(3, betterproto2.TYPE_STRING)
