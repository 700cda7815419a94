"""Generated from livekit_phone_number.proto by lktrio/proto/_generate.py. Do not edit."""

from __future__ import annotations

import datetime

import betterproto2

from lktrio.proto._message import Message, message
from lktrio.proto.livekit.google_protobuf import Timestamp
from lktrio.proto.livekit.livekit_models import TokenPagination

__all__ = (
    "GetPhoneNumberRequest",
    "GetPhoneNumberResponse",
    "ListPhoneNumbersRequest",
    "ListPhoneNumbersResponse",
    "PhoneNumber",
    "PhoneNumberStatus",
    "PhoneNumberType",
    "PurchasePhoneNumberRequest",
    "PurchasePhoneNumberResponse",
    "ReleasePhoneNumbersRequest",
    "ReleasePhoneNumbersResponse",
    "SearchPhoneNumbersRequest",
    "SearchPhoneNumbersResponse",
    "UpdatePhoneNumberRequest",
    "UpdatePhoneNumberResponse",
)


class PhoneNumberStatus(betterproto2.Enum):
    PHONE_NUMBER_STATUS_UNSPECIFIED = 0
    PHONE_NUMBER_STATUS_ACTIVE = 1
    PHONE_NUMBER_STATUS_PENDING = 2
    PHONE_NUMBER_STATUS_RELEASED = 3
    PHONE_NUMBER_STATUS_OFFLINE = 4


class PhoneNumberType(betterproto2.Enum):
    PHONE_NUMBER_TYPE_UNKNOWN = 0
    PHONE_NUMBER_TYPE_MOBILE = 1
    PHONE_NUMBER_TYPE_LOCAL = 2
    PHONE_NUMBER_TYPE_TOLL_FREE = 3


@message
class SearchPhoneNumbersRequest(Message):
    country_code: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    area_code: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    limit: int | None = betterproto2.field(3, betterproto2.TYPE_INT32, optional=True)
    page_token: TokenPagination | None = betterproto2.field(
        4, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class SearchPhoneNumbersResponse(Message):
    items: list[PhoneNumber] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    next_page_token: TokenPagination | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class PurchasePhoneNumberRequest(Message):
    phone_numbers: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    sip_dispatch_rule_id: str | None = betterproto2.field(
        2, betterproto2.TYPE_STRING, optional=True
    )


@message
class PurchasePhoneNumberResponse(Message):
    phone_numbers: list[PhoneNumber] = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, repeated=True
    )


@message
class ListPhoneNumbersRequest(Message):
    limit: int | None = betterproto2.field(1, betterproto2.TYPE_INT32, optional=True)
    statuses: list[PhoneNumberStatus] = betterproto2.field(2, betterproto2.TYPE_ENUM, repeated=True)
    page_token: TokenPagination | None = betterproto2.field(
        3, betterproto2.TYPE_MESSAGE, optional=True
    )
    sip_dispatch_rule_id: str | None = betterproto2.field(
        4, betterproto2.TYPE_STRING, optional=True
    )


@message
class ListPhoneNumbersResponse(Message):
    items: list[PhoneNumber] = betterproto2.field(1, betterproto2.TYPE_MESSAGE, repeated=True)
    next_page_token: TokenPagination | None = betterproto2.field(
        2, betterproto2.TYPE_MESSAGE, optional=True
    )
    total_count: int = betterproto2.field(3, betterproto2.TYPE_INT32)
    offline_count: int = betterproto2.field(4, betterproto2.TYPE_INT32)


@message
class GetPhoneNumberRequest(Message):
    id: str | None = betterproto2.field(1, betterproto2.TYPE_STRING, optional=True)
    phone_number: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)


@message
class GetPhoneNumberResponse(Message):
    phone_number: PhoneNumber | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class UpdatePhoneNumberRequest(Message):
    id: str | None = betterproto2.field(1, betterproto2.TYPE_STRING, optional=True)
    phone_number: str | None = betterproto2.field(2, betterproto2.TYPE_STRING, optional=True)
    sip_dispatch_rule_id: str | None = betterproto2.field(
        3, betterproto2.TYPE_STRING, optional=True
    )


@message
class UpdatePhoneNumberResponse(Message):
    phone_number: PhoneNumber | None = betterproto2.field(
        1, betterproto2.TYPE_MESSAGE, optional=True
    )


@message
class ReleasePhoneNumbersRequest(Message):
    ids: list[str] = betterproto2.field(1, betterproto2.TYPE_STRING, repeated=True)
    phone_numbers: list[str] = betterproto2.field(2, betterproto2.TYPE_STRING, repeated=True)


@message
class ReleasePhoneNumbersResponse(Message):
    pass


@message
class PhoneNumber(Message):
    id: str = betterproto2.field(1, betterproto2.TYPE_STRING)
    e164_format: str = betterproto2.field(2, betterproto2.TYPE_STRING)
    country_code: str = betterproto2.field(3, betterproto2.TYPE_STRING)
    area_code: str = betterproto2.field(4, betterproto2.TYPE_STRING)
    number_type: PhoneNumberType = betterproto2.field(
        5, betterproto2.TYPE_ENUM, default_factory=lambda: PhoneNumberType(0)
    )
    locality: str = betterproto2.field(6, betterproto2.TYPE_STRING)
    region: str = betterproto2.field(7, betterproto2.TYPE_STRING)
    spam_score: float = betterproto2.field(8, betterproto2.TYPE_DOUBLE)
    created_at: datetime.datetime | None = betterproto2.field(
        9, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    updated_at: datetime.datetime | None = betterproto2.field(
        10, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    capabilities: list[str] = betterproto2.field(11, betterproto2.TYPE_STRING, repeated=True)
    status: PhoneNumberStatus = betterproto2.field(
        12, betterproto2.TYPE_ENUM, default_factory=lambda: PhoneNumberStatus(0)
    )
    assigned_at: datetime.datetime | None = betterproto2.field(
        13, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    released_at: datetime.datetime | None = betterproto2.field(
        14, betterproto2.TYPE_MESSAGE, unwrap=lambda: Timestamp, optional=True
    )
    sip_dispatch_rule_id: str = betterproto2.field(15, betterproto2.TYPE_STRING)
    sip_dispatch_rule_ids: list[str] = betterproto2.field(
        16, betterproto2.TYPE_STRING, repeated=True
    )
