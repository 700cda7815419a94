"""What the server says about the peer connections: descriptions, candidates, and sections."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import ClassVar

from lktrio import proto
from lktrio._text import printable
from lktrio.errors import LiveKitError, RemoteProtocolError
from lktrio.room.session.link import ServerLink
from lktrio.room.session.negotiation import OfferExchange
from lktrio.room.session.subscribing import Subscriptions
from lktrio.rtc.capabilities import MediaKind
from lktrio.rtc.sdp import MAX_SECTIONS
from lktrio.signal import parse_trickle

__all__ = ["Descriptions"]

_log = logging.getLogger("lktrio.room")

_RESERVED_SECTIONS = 8  # kept for tracks of ours and for data when others ask for sections


class Descriptions:
    """Hands what the server says to the connection that it is about.

    Args:
        link: The connections.
        negotiation: Offers on the outgoing one.
        subscriptions: Who follows what sections carry.
        failed: Called with the error when a connection cannot be described.
    """

    def __init__(
        self,
        link: ServerLink,
        negotiation: OfferExchange,
        subscriptions: Subscriptions,
        failed: Callable[[LiveKitError], None],
    ) -> None:
        self._link = link
        self._negotiation = negotiation
        self._subscriptions = subscriptions
        self._failed = failed

    def handle(self, response: proto.SignalResponse) -> list[proto.SignalRequest]:
        """Take a message, if it is about connections; returns what is to be sent in return.

        One that makes no sense is logged; a description that does not, is a failure.
        """
        for name, handle in self._HANDLERS.items():
            message = getattr(response, name)
            if message is not None:
                try:
                    return handle(self, message) or []
                except RemoteProtocolError as error:
                    _log.warning("the server's %s cannot be used: %s", name, printable(str(error)))
        return []

    def _on_answer(self, answer: proto.SessionDescription) -> None:
        try:
            taken = self._negotiation.answered(answer)
        except RemoteProtocolError as error:
            self._fail("answer", error)
            return
        if taken:
            self._subscriptions.rebind(self._link.outgoing, answer.mid_to_track_id)

    def _on_offer(self, offer: proto.SessionDescription) -> list[proto.SignalRequest]:
        incoming = self._link.incoming
        if incoming is None:
            raise RemoteProtocolError("an offer came, but we offer on the only connection")
        try:
            answer = incoming.answer(offer)
        except RemoteProtocolError as error:
            self._fail("offer", error)
            return []
        self._subscriptions.rebind(incoming, offer.mid_to_track_id)
        return [proto.SignalRequest(answer=answer)]

    def _fail(self, what: str, error: LiveKitError) -> None:
        failure = RemoteProtocolError(
            f"the server's {what} cannot be used: {printable(str(error))}"
        )
        failure.__cause__ = error
        self._failed(failure)

    def _on_trickle(self, request: proto.TrickleRequest) -> None:
        trickled = parse_trickle(request)
        subscriber = trickled.target == proto.SignalTarget.SUBSCRIBER
        connection = self._link.incoming if subscriber else self._link.outgoing
        if connection is not None and trickled.candidate:
            connection.add_remote_candidate(trickled.candidate)

    def _on_sections(self, requirement: proto.MediaSectionsRequirement) -> None:
        outgoing = self._link.outgoing
        wanted: dict[MediaKind, int] = {
            "audio": requirement.num_audios,
            "video": requirement.num_videos,
        }
        for kind, count in wanted.items():
            free = max(0, MAX_SECTIONS - _RESERVED_SECTIONS - len(outgoing.peer.transceivers))
            if count > free:
                _log.warning("%d %s tracks cannot be received: too many", count - free, kind)
            outgoing.add_receiving_sections((kind,) * min(count, free))
        self._negotiation.request()

    _HANDLERS: ClassVar[Mapping[str, Callable[..., list[proto.SignalRequest] | None]]] = {
        "answer": _on_answer,
        "offer": _on_offer,
        "trickle": _on_trickle,
        "media_sections_requirement": _on_sections,
    }
