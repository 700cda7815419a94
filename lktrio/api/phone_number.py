"""PhoneNumberService: LiveKit Cloud's telephone numbers (livekit_phone_number.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio import proto

from ._grants import SIP_ADMIN
from ._twirp import Service, method

__all__ = ["PhoneNumberService"]

SEARCH_TIMEOUT = 30.0


def _slow(_: proto.Message) -> float:
    """The inventory is searched, and bought from, at a carrier."""
    return SEARCH_TIMEOUT


# fmt: off
class PhoneNumberService(Service):
    """Telephone numbers to search, buy, assign and give back."""

    service_name = "PhoneNumberService"

    search_phone_numbers = method("SearchPhoneNumbers", proto.SearchPhoneNumbersRequest, proto.SearchPhoneNumbersResponse, SIP_ADMIN, budget=_slow)
    purchase_phone_number = method("PurchasePhoneNumber", proto.PurchasePhoneNumberRequest, proto.PurchasePhoneNumberResponse, SIP_ADMIN, budget=_slow)
    list_phone_numbers = method("ListPhoneNumbers", proto.ListPhoneNumbersRequest, proto.ListPhoneNumbersResponse, SIP_ADMIN)
    get_phone_number = method("GetPhoneNumber", proto.GetPhoneNumberRequest, proto.GetPhoneNumberResponse, SIP_ADMIN)
    update_phone_number = method("UpdatePhoneNumber", proto.UpdatePhoneNumberRequest, proto.UpdatePhoneNumberResponse, SIP_ADMIN)
    release_phone_numbers = method("ReleasePhoneNumbers", proto.ReleasePhoneNumbersRequest, proto.ReleasePhoneNumbersResponse, SIP_ADMIN)
# fmt: on
