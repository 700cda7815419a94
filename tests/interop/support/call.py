"""A call between our peer and that of another program."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Literal

import trio

from lktrio.rtc.peer import PeerConfig
from tests.interop.support.child import Child, open_child
from tests.interop.support.host import Host, open_host

__all__ = ["Call", "Offerer", "open_aiortc_call"]

Offerer = Literal["we offer", "they offer"]


def unchanged(sdp: str) -> str:
    return sdp


class Call:
    """The two ends."""

    def __init__(self, host: Host, other: Child) -> None:
        self.host = host
        self.other = other

    async def negotiate(
        self,
        offerer: Offerer,
        change: Callable[[str], str] = unchanged,
        answering: Callable[[], None] | None = None,
    ) -> None:
        """Exchange descriptions.

        Args:
            offerer: Who begins.
            change: Applied to the offer on its way.
            answering: Called before we answer.
        """
        known = len(self.other.matching("description"))
        peer = self.host.peer
        if offerer == "we offer":
            offer = change(peer.create_offer(trio.current_time()))
            await self.other.tell("take", type="offer", sdp=offer)
            peer.set_answer(await self._description(known), trio.current_time())
        else:
            await self.other.tell("offer")
            peer.set_offer(change(await self._description(known)), trio.current_time())
            if answering is not None:
                answering()
            answer = peer.create_answer(trio.current_time())
            await self.other.tell("take", type="answer", sdp=answer)
        self.host.driver.flush()

    async def _description(self, known: int) -> str:
        def is_new(report: object) -> bool:
            return len(self.other.matching("description")) > known

        await self.other.wait("description", is_new)
        sdp: str = self.other.matching("description")[-1]["sdp"]
        return sdp

    async def wait_connected(self) -> None:
        await self.host.wait_connected()
        await self.other.wait("state", state="connected")


@asynccontextmanager
async def open_aiortc_call(config: PeerConfig | None = None) -> AsyncGenerator[Call, None]:
    """Our end and aiortc's, not connected yet, for the time of the block."""
    async with open_host(config) as host, open_child("aiortc_peer", name="aiortc") as aiortc:
        yield Call(host, aiortc)
