"""Methods with types: how a value becomes the text that is sent, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from lktrio.proto import Message, codec

__all__ = ["RpcCodec", "RpcMethod"]

T = TypeVar("T")
Q = TypeVar("Q")
A = TypeVar("A")
M = TypeVar("M", bound=Message)
N = TypeVar("N", bound=Message)


@dataclass(frozen=True, slots=True)
class RpcCodec(Generic[T]):
    """How values of a type are written as text. Any pair of functions will do.

    ::

        RpcCodec(Point.model_dump_json, Point.model_validate_json)  # pydantic
    """

    encode: Callable[[T], str]
    """Writes a value."""
    decode: Callable[[str], T]
    """Reads a value; raises any exception if the text is none."""

    @staticmethod
    def text() -> RpcCodec[str]:
        """Text as it is."""
        return RpcCodec(_text, _text)

    @staticmethod
    def json() -> RpcCodec[Any]:
        """JSON of what the module ``json`` takes, without blanks."""
        return RpcCodec(_to_json, json.loads)

    @staticmethod
    def proto(message: type[M]) -> RpcCodec[M]:
        """A protobuf message of `lktrio.proto`, in protobuf's JSON form."""
        return RpcCodec(codec.to_json, lambda text: codec.from_json(message, text))


def _text(value: str) -> str:
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"the payload of a call is text, not {type(value).__name__}")
    return value


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class RpcMethod(Generic[Q, A]):
    """A method with the types of its request and its answer, for both of its sides.

    ::

        ADD = RpcMethod.json("add")
        total = await room.local_participant.perform_rpc("alice", ADD, [1, 2])
    """

    name: str
    """By which it is called."""
    request: RpcCodec[Q]
    """How requests are written."""
    response: RpcCodec[A]
    """How answers are written."""

    @staticmethod
    def text(name: str) -> RpcMethod[str, str]:
        """A method of text, what a bare name stands for."""
        return RpcMethod(name, RpcCodec.text(), RpcCodec.text())

    @staticmethod
    def json(name: str) -> RpcMethod[Any, Any]:
        """A method whose request and answer are JSON."""
        return RpcMethod(name, RpcCodec.json(), RpcCodec.json())

    @staticmethod
    def proto(name: str, request: type[M], response: type[N]) -> RpcMethod[M, N]:
        """A method whose request and answer are protobuf messages, in protobuf's JSON form."""
        return RpcMethod(name, RpcCodec.proto(request), RpcCodec.proto(response))
