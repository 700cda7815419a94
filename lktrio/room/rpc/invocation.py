"""What the handler of a method is called with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from lktrio.room.state.remote import RemoteParticipant

__all__ = ["RpcInvocation"]

Q = TypeVar("Q")


@dataclass(frozen=True, slots=True)
class RpcInvocation(Generic[Q]):
    """A call of a method, as its handler sees it (``RpcInvocationData`` of other SDKs)."""

    request_id: str
    """Id of the call, chosen by the caller."""
    method: str
    """What was called."""
    caller_identity: str
    """Identity of the caller. A call of the server API has its own id in this place."""
    caller: RemoteParticipant | None
    """The caller; None for the server API."""
    payload: Q
    """The request."""
    response_timeout: float
    """Seconds for which the caller waited for the answer when the request arrived."""
    deadline: float
    """When that ends, by ``trio.current_time``. The handler is cancelled then."""
