"""What a server can be made to do wrong, for tests of clients.

Everything here concerns signalling. What networks do wrong is up to them: see
`lktrio.testing.SimulatedNetwork`. What LiveKit's own server offers for the same purpose, a client
asks for (`lktrio.Room.simulate`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

from lktrio import proto

__all__ = ["Faults", "Refusal", "RequestFilter", "ResponseFilter", "Upgrade"]

ResponseFilter: TypeAlias = "Callable[[str, proto.SignalResponse], proto.SignalResponse | None]"
"""Gets the identity of a client and a message to it; returns what is sent, None for nothing."""
RequestFilter: TypeAlias = "Callable[[str, proto.SignalRequest], proto.SignalRequest | None]"
"""Gets the identity of a client and a message of it; returns what is received, None for nothing."""
Upgrade: TypeAlias = Literal["join", "resume"]
Refusal: TypeAlias = "int | proto.LeaveRequest"
"""An HTTP status, or what is said on a link that ends with it."""


class Faults:
    """The faults of one server.

    Attributes:
        on_response: Changes or drops what the server tells its clients; None for nothing.
        on_request: Changes or drops what the clients ask; None for nothing.
        delay: Seconds that each message to a client takes in addition.
    """

    def __init__(self) -> None:
        self.on_response: ResponseFilter | None = None
        self.on_request: RequestFilter | None = None
        self.delay = 0.0
        self._refusals: dict[Upgrade, list[Refusal]] = {"join": [], "resume": []}

    def refuse(
        self,
        kind: Upgrade,
        *,
        count: int = 1,
        status: int = 503,
        leave: proto.LeaveRequest | None = None,
    ) -> None:
        """Refuse what clients ask for next.

        Args:
            kind: What is refused: the beginning of a session, or its resume.
            count: How often.
            status: The HTTP status of the answer.
            leave: What is said instead, on a link that ends with it.
        """
        self._refusals[kind] += [status if leave is None else leave] * count

    def refusal(self, kind: Upgrade) -> Refusal | None:
        """What to refuse a client with that asks now, if it is to be refused."""
        refusals = self._refusals[kind]
        return refusals.pop(0) if refusals else None

    def filter_response(
        self, identity: str, response: proto.SignalResponse
    ) -> proto.SignalResponse | None:
        """What becomes of a message to a client."""
        return response if self.on_response is None else self.on_response(identity, response)

    def filter_request(
        self, identity: str, request: proto.SignalRequest
    ) -> proto.SignalRequest | None:
        """What becomes of a message of a client."""
        return request if self.on_request is None else self.on_request(identity, request)
