"""Ingress: media from other protocols into rooms (livekit_ingress.proto)."""

# One line per method, whatever its length, is what makes the table readable.

from __future__ import annotations

from lktrio import proto

from ._grants import INGRESS_ADMIN
from ._twirp import Service, method

__all__ = ["IngressService"]


# fmt: off
class IngressService(Service):
    """RTMP, WHIP and URL inputs."""

    service_name = "Ingress"

    create_ingress = method(
        "CreateIngress", proto.CreateIngressRequest, proto.IngressInfo, INGRESS_ADMIN
    )
    update_ingress = method(
        "UpdateIngress", proto.UpdateIngressRequest, proto.IngressInfo, INGRESS_ADMIN
    )
    list_ingress = method(
        "ListIngress", proto.ListIngressRequest, proto.ListIngressResponse, INGRESS_ADMIN
    )
    delete_ingress = method(
        "DeleteIngress", proto.DeleteIngressRequest, proto.IngressInfo, INGRESS_ADMIN
    )
# fmt: on
