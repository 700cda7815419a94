"""A TURN server on any network, over UDP and TCP: small, and it can be told to be difficult."""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeAlias

import trio

from lktrio.net import DatagramSocket, Network
from lktrio.rtc.base import Address
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage, StunMethod
from lktrio.rtc.turn.framing import CHANNEL_HEADER, TurnReader, is_channel_data

__all__ = ["TurnServer"]

_REALM = "example.org"
_PORT = 3478
_LIFETIME = 600
_FORBIDDEN, _UNAUTHENTICATED, _MISMATCH, _STALE, _WRONG, _ALTERNATE = 403, 401, 437, 438, 441, 300

Reply: TypeAlias = Callable[[bytes], object]


@dataclass(eq=False)
class _Allocation:
    user: str
    socket: DatagramSocket
    reply: Reply
    permissions: set[str] = field(default_factory=set[str])
    channels: dict[int, Address] = field(default_factory=dict[int, Address])


@dataclass
class TurnServer:
    """A TURN server."""

    network: Network
    users: dict[str, str]
    """Passwords by name; may change."""
    alternate: Address | None = None
    """Whom it sends everybody to."""
    nonce_life: float = math.inf
    """Seconds until a nonce is stale."""
    lifetime: int = _LIFETIME
    """Seconds until an allocation has to be renewed."""
    asked: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Methods that were asked for, and by whom; empty for nobody."""
    answered: list[int] = field(default_factory=list[int])
    """Codes of the errors that were answered."""
    relayed: int = 0
    """Datagrams that went through."""
    _allocations: dict[object, _Allocation] = field(default_factory=dict[object, _Allocation])

    @property
    def allocations(self) -> int:
        """How many there are."""
        return len(self._allocations)

    @asynccontextmanager
    async def open(self, host: str) -> AsyncGenerator[str, None]:
        """Serve; the value is host and port, the same for UDP and TCP."""
        udp = self.network.open_udp(host, _PORT)
        (listener,) = await self.network.listen_tcp(host, _PORT)
        async with trio.open_nursery() as self._nursery:
            self._nursery.start_soon(self._serve_udp, udp)
            self._nursery.start_soon(trio.serve_listeners, self._serve_tcp, [listener])
            yield f"[{host}]:{_PORT}" if ":" in host else f"{host}:{_PORT}"
            self._nursery.cancel_scope.cancel()
        for allocation in self._allocations.values():
            allocation.socket.close()
        udp.close()
        listener.close()

    async def _serve_udp(self, udp: DatagramSocket) -> None:
        while True:
            await udp.wait_readable()
            for data, client in udp.drain():
                reply = partial(_send, udp, client)
                self._take(data, client, client, reply)

    async def _serve_tcp(self, stream: trio.abc.Stream) -> None:
        send, receive = trio.open_memory_channel[bytes](math.inf)
        reader = TurnReader()
        async with stream, trio.open_nursery() as nursery:
            nursery.start_soon(_write, stream, receive)
            try:
                while data := await stream.receive_some():
                    for message in reader.feed(bytes(data)):
                        reply = partial(_queue, send)
                        self._take(message, stream, ("192.0.2.99", 1), reply)
            except trio.BrokenResourceError:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        gone = self._allocations.pop(stream, None)
        if gone is not None:
            gone.socket.close()

    def _take(self, data: bytes, key: object, client: Address, reply: Reply) -> None:
        allocation = self._allocations.get(key)
        if is_channel_data(data):
            number, length = CHANNEL_HEADER.unpack_from(data)
            if allocation is not None and number in allocation.channels:
                payload = data[CHANNEL_HEADER.size : CHANNEL_HEADER.size + length]
                self._pass_on(allocation, allocation.channels[number], payload)
            return
        message = StunMessage.parse(data)
        if message.message_class is StunClass.INDICATION:
            peer = message.get_address(Attribute.XOR_PEER_ADDRESS)
            content = message.get(Attribute.DATA)
            if allocation is not None and peer is not None and content is not None:
                self._pass_on(allocation, peer, content)
            return
        self._answer(message, key, client, reply)

    def _pass_on(self, allocation: _Allocation, peer: Address, data: bytes) -> None:
        if peer[0] in allocation.permissions:
            self.relayed += 1
            allocation.socket.send(peer, [data])

    def _answer(self, message: StunMessage, key: object, client: Address, reply: Reply) -> None:
        user = (message.get(Attribute.USERNAME) or b"").decode()
        method = StunMethod(message.method)
        self.asked.append((method.name, user))
        nonce = b"%d" % (trio.current_time() // self.nonce_life)
        secret = f"{user}:{_REALM}:{self.users.get(user, '')}".encode()
        password = hashlib.md5(secret, usedforsecurity=False).digest()
        allocation = self._allocations.get(key)
        code = 0
        if not message.has_integrity or user not in self.users or not message.verify(password):
            code = _UNAUTHENTICATED
        elif message.get(Attribute.NONCE) != nonce:
            code = _STALE
        elif self.alternate is not None:
            code = _ALTERNATE
        elif (allocation is None) is not (method is StunMethod.ALLOCATE):
            code = _MISMATCH
        elif allocation is not None and allocation.user != user:
            code = _WRONG
        if code:
            self.answered.append(code)
            answer = message.respond(StunClass.ERROR)
            answer.add_error(code, "no")
            if code in (_UNAUTHENTICATED, _STALE):
                answer.add(Attribute.REALM, _REALM.encode())
                answer.add(Attribute.NONCE, nonce)
                reply(answer.serialize())
                return
            if self.alternate is not None:
                answer.add_address(Attribute.ALTERNATE_SERVER, self.alternate)
        else:
            answer = self._do(message, method, key, client, user, reply)
        reply(answer.serialize(password))

    def _do(
        self,
        message: StunMessage,
        method: StunMethod,
        key: object,
        client: Address,
        user: str,
        reply: Reply,
    ) -> StunMessage:
        answer = message.respond(StunClass.SUCCESS)
        peer = message.get_address(Attribute.XOR_PEER_ADDRESS)
        if method is StunMethod.ALLOCATE:
            (local,) = [a for a in self.network.local_addresses() if ":" not in a][:1]
            allocation = _Allocation(user, self.network.open_udp(local), reply)
            self._allocations[key] = allocation
            self._nursery.start_soon(self._serve_allocation, allocation)
            answer.add_address(Attribute.XOR_RELAYED_ADDRESS, allocation.socket.address)
            answer.add_address(Attribute.XOR_MAPPED_ADDRESS, client)
        allocation = self._allocations[key]
        if method in (StunMethod.ALLOCATE, StunMethod.REFRESH):
            answer.add_uint32(Attribute.LIFETIME, self.lifetime)
            if message.get_uint32(Attribute.LIFETIME) == 0:
                self._allocations.pop(key).socket.close()
        if peer is not None:
            allocation.permissions.add(peer[0])
        if method is StunMethod.CHANNEL_BIND and peer is not None:
            number = int.from_bytes((message.get(Attribute.CHANNEL_NUMBER) or b"")[:2], "big")
            allocation.channels[number] = peer
        return answer

    async def _serve_allocation(self, allocation: _Allocation) -> None:
        try:
            while True:
                await allocation.socket.wait_readable()
                for data, peer in allocation.socket.drain():
                    self._hand_over(allocation, data, peer)
        except trio.ClosedResourceError:
            await trio.lowlevel.checkpoint()

    def _hand_over(self, allocation: _Allocation, data: bytes, peer: Address) -> None:
        if peer[0] not in allocation.permissions:
            return
        self.relayed += 1
        for number, bound in allocation.channels.items():
            if bound == peer:
                allocation.reply(CHANNEL_HEADER.pack(number, len(data)) + data)
                return
        message = StunMessage(StunMethod.DATA, StunClass.INDICATION, bytes(12))
        message.add_address(Attribute.XOR_PEER_ADDRESS, peer)
        message.add(Attribute.DATA, data)
        allocation.reply(message.serialize(fingerprint=False))


def _send(udp: DatagramSocket, client: Address, data: bytes) -> None:
    udp.send(client, [data])


def _queue(send: trio.MemorySendChannel[bytes], data: bytes) -> None:
    send.send_nowait(data + bytes(-len(data) & 3))


async def _write(stream: trio.abc.Stream, receive: trio.MemoryReceiveChannel[bytes]) -> None:
    async for data in receive:
        try:
            await stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return
