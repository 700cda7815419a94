"""What an attacker does to a call: mutated, replayed and invented datagrams."""

from __future__ import annotations

import gc
import random
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable

from lktrio.rtc.base import Address
from lktrio.testing.engines import EngineNetwork

INTERESTING = (0, 1, 2, 3, 4, 0x7F, 0x80, 0xFF)
STRANGER: Address = ("203.0.113.66", 6666)


class Mutator:
    """Damages byte strings in many small ways, repeatably.

    Args:
        seed: The same seed and the same calls give the same damage.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def mutate(self, data: bytes, other: bytes = b"") -> bytes:
        """Damage ``data``, sometimes with a piece of ``other``; the result may be empty."""
        out = bytearray(data)
        for _ in range(self.random.choice((1, 1, 1, 2, 4, 8))):
            self.random.choice(_DAMAGES)(self.random, out, other)
        return bytes(out)


def _flip_bit(order: random.Random, out: bytearray, _: bytes) -> None:
    if out:
        bit = order.randrange(8 * len(out))
        out[bit // 8] ^= 1 << bit % 8


def _overwrite(order: random.Random, out: bytearray, _: bytes) -> None:
    if out:
        out[order.randrange(len(out))] = order.choice((*INTERESTING, order.randrange(256)))


def _overwrite_word(order: random.Random, out: bytearray, _: bytes) -> None:
    """Lengths and counts are mostly 16 bits at an even place."""
    if len(out) >= 2:
        at = order.randrange(len(out) // 2) * 2
        value = order.choice((0, 1, 3, 4, 5, len(out), len(out) - at, 0x7FFF, 0x8000, 0xFFFF))
        out[at : at + 2] = (value & 0xFFFF).to_bytes(2, "big")


def _cut_off(order: random.Random, out: bytearray, _: bytes) -> None:
    del out[order.randrange(len(out) + 1) :]


def _cut_out(order: random.Random, out: bytearray, _: bytes) -> None:
    start = order.randrange(len(out) + 1)
    del out[start : start + order.randrange(20)]


def _repeat(order: random.Random, out: bytearray, _: bytes) -> None:
    start = order.randrange(len(out) + 1)
    piece = out[start : start + order.randrange(60)]
    out[start:start] = piece * order.randrange(1, 4)


def _insert_noise(order: random.Random, out: bytearray, _: bytes) -> None:
    at = order.randrange(len(out) + 1)
    out[at:at] = order.randbytes(order.randrange(16))


def _splice(order: random.Random, out: bytearray, other: bytes) -> None:
    start = order.randrange(len(other) + 1)
    at = order.randrange(len(out) + 1)
    out[at:at] = other[start : start + order.randrange(80)]


_DAMAGES: tuple[Callable[[random.Random, bytearray, bytes], None], ...] = (
    _flip_bit,
    _overwrite,
    _overwrite,
    _overwrite_word,
    _overwrite_word,
    _cut_off,
    _cut_out,
    _repeat,
    _insert_noise,
    _splice,
)


class Attacker:
    """Sees every datagram of a network and answers with forged ones.

    For each datagram seen, one to its destination is a mutated copy, a replay of an earlier one,
    or noise that begins like some protocol.

    Args:
        network: The network.
        seed: Of its choices.
        sources: Where forged datagrams seem to come from; given the true source.
        per_datagram: How many are forged for each one seen.
    """

    def __init__(
        self,
        network: EngineNetwork,
        seed: int,
        sources: Callable[[Address], Iterable[Address]],
        per_datagram: int = 1,
    ) -> None:
        self.active = True
        self.injected = 0
        self._network = network
        self._sources = sources
        self._per_datagram = per_datagram
        self._mutator = Mutator(seed)
        self._seen: deque[tuple[Address, bytes]] = deque(maxlen=500)
        network.watch(self._watch)

    def _watch(self, source: Address, destination: Address, data: bytes) -> None:
        self._seen.append((destination, data))
        if not self.active:
            return
        for origin in self._sources(source):
            for _ in range(self._per_datagram):
                self.injected += 1
                self._network.inject(origin, destination, self._forge(destination, data))

    def forge(self, destination: Address) -> bytes:
        """One more forgery, made of what was sent to ``destination`` before."""
        same = [data for to, data in self._seen if to == destination]
        return self._forge(destination, self._mutator.random.choice(same))

    def _forge(self, destination: Address, data: bytes) -> bytes:
        order = self._mutator.random
        kind = order.randrange(4)
        if kind == 0:
            return noise(order)
        if kind == 1:
            same = [seen for to, seen in self._seen if to == destination]
            return order.choice(same)
        return self._mutator.mutate(data, order.choice(self._seen)[1])


def noise(order: random.Random) -> bytes:
    """Random bytes whose first byte is mostly that of a protocol (RFC 7983)."""
    first = order.choice((0, 1, 20, 21, 22, 23, 25, 63, 128, 144, 191, order.randrange(256)))
    second = order.choice((0, 1, 0xFE, 96, 111, 200, 205, order.randrange(256)))
    size = order.choice((0, 1, 2, 12, 20, 50, 1200))
    return (bytes((first, second)) + order.randbytes(size))[: order.randrange(1, size + 3)]


def held_bytes(root: object) -> int:
    """Bytes of everything that can be reached from an object, code left out."""
    seen: set[int] = set()
    stack: list[object] = [root]
    total = 0
    while stack:
        found = stack.pop()
        if id(found) not in seen and not isinstance(found, _CODE):
            seen.add(id(found))
            total += sys.getsizeof(found)
            stack.extend(gc.get_referents(found))
    return total


_CODE = (
    type,
    types.ModuleType,
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodType,
    types.CodeType,
)
