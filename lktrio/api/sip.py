"""SIP: telephony (livekit_sip.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from lktrio import proto
from lktrio.auth import SIPGrants

from ._dialing import dial_budget, pin_ringing, pin_ringing_if_waiting, waiting_budget
from ._grants import SIP_ADMIN, SIP_CALL, room_admin
from ._twirp import Service, method

__all__ = ["SIPService"]

InfoT = TypeVar("InfoT")


# fmt: off
class SIPService(Service):
    """Trunks, dispatch rules and calls.

    The ``update_`` methods take either a ``replace`` with the whole object or an ``update`` with
    the fields to change. Calls that fail with a SIP status raise `lktrio.SipCallError`.
    """

    service_name = "SIP"

    list_sip_trunk = method("ListSIPTrunk", proto.ListSIPTrunkRequest, proto.ListSIPTrunkResponse, SIP_ADMIN)
    create_sip_inbound_trunk = method("CreateSIPInboundTrunk", proto.CreateSIPInboundTrunkRequest, proto.SIPInboundTrunkInfo, SIP_ADMIN)
    create_sip_outbound_trunk = method("CreateSIPOutboundTrunk", proto.CreateSIPOutboundTrunkRequest, proto.SIPOutboundTrunkInfo, SIP_ADMIN)
    update_sip_inbound_trunk = method("UpdateSIPInboundTrunk", proto.UpdateSIPInboundTrunkRequest, proto.SIPInboundTrunkInfo, SIP_ADMIN)
    update_sip_outbound_trunk = method("UpdateSIPOutboundTrunk", proto.UpdateSIPOutboundTrunkRequest, proto.SIPOutboundTrunkInfo, SIP_ADMIN)
    get_sip_inbound_trunk = method("GetSIPInboundTrunk", proto.GetSIPInboundTrunkRequest, proto.GetSIPInboundTrunkResponse, SIP_ADMIN)
    get_sip_outbound_trunk = method("GetSIPOutboundTrunk", proto.GetSIPOutboundTrunkRequest, proto.GetSIPOutboundTrunkResponse, SIP_ADMIN)
    list_sip_inbound_trunk = method("ListSIPInboundTrunk", proto.ListSIPInboundTrunkRequest, proto.ListSIPInboundTrunkResponse, SIP_ADMIN)
    list_sip_outbound_trunk = method("ListSIPOutboundTrunk", proto.ListSIPOutboundTrunkRequest, proto.ListSIPOutboundTrunkResponse, SIP_ADMIN)
    delete_sip_trunk = method("DeleteSIPTrunk", proto.DeleteSIPTrunkRequest, proto.SIPTrunkInfo, SIP_ADMIN)
    create_sip_dispatch_rule = method("CreateSIPDispatchRule", proto.CreateSIPDispatchRuleRequest, proto.SIPDispatchRuleInfo, SIP_ADMIN)
    update_sip_dispatch_rule = method("UpdateSIPDispatchRule", proto.UpdateSIPDispatchRuleRequest, proto.SIPDispatchRuleInfo, SIP_ADMIN)
    list_sip_dispatch_rule = method("ListSIPDispatchRule", proto.ListSIPDispatchRuleRequest, proto.ListSIPDispatchRuleResponse, SIP_ADMIN)
    delete_sip_dispatch_rule = method("DeleteSIPDispatchRule", proto.DeleteSIPDispatchRuleRequest, proto.SIPDispatchRuleInfo, SIP_ADMIN)
    create_sip_participant = method("CreateSIPParticipant", proto.CreateSIPParticipantRequest, proto.SIPParticipantInfo, SIP_CALL, prepare=pin_ringing_if_waiting, budget=waiting_budget)
    transfer_sip_participant = method("TransferSIPParticipant", proto.TransferSIPParticipantRequest, proto.TransferSIPParticipantResponse, room_admin("room_name", sip=SIPGrants(call=True)), prepare=pin_ringing, budget=dial_budget)
    # fmt: on

    async def get_sip_inbound_trunks(self, ids: Sequence[str]) -> list[proto.SIPInboundTrunkInfo | None]:
        """The inbound trunks with these ids, in their order; None for those that do not exist."""
        found = await self.list_sip_inbound_trunk(proto.ListSIPInboundTrunkRequest(trunk_ids=list(ids)))
        return _in_order(ids, {item.sip_trunk_id: item for item in found.items})

    async def get_sip_outbound_trunks(
        self, ids: Sequence[str]
    ) -> list[proto.SIPOutboundTrunkInfo | None]:
        """The outbound trunks with these ids, in their order; None for those that do not exist."""
        found = await self.list_sip_outbound_trunk(
            proto.ListSIPOutboundTrunkRequest(trunk_ids=list(ids))
        )
        return _in_order(ids, {item.sip_trunk_id: item for item in found.items})

    async def get_sip_dispatch_rules(self, ids: Sequence[str]) -> list[proto.SIPDispatchRuleInfo | None]:
        """The dispatch rules with these ids, in their order; None for those that do not exist."""
        found = await self.list_sip_dispatch_rule(
            proto.ListSIPDispatchRuleRequest(dispatch_rule_ids=list(ids))
        )
        return _in_order(ids, {item.sip_dispatch_rule_id: item for item in found.items})


def _in_order(ids: Iterable[str], found: dict[str, InfoT]) -> list[InfoT | None]:
    return [found.get(one) for one in ids]
