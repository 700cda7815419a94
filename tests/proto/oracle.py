"""Google's protobuf library as an oracle: its classes of our messages, and random contents."""

# mypy: disable-error-code="no-untyped-call"
# Google's library has no annotations.

from __future__ import annotations

import importlib
import pkgutil
import random
import sys
from collections.abc import Iterator
from typing import Any

import livekit.protocol
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, FileDescriptor

from lktrio.proto import Message, _supplement

SKIPPED_FILES = {"google/protobuf/descriptor.proto", "logger/options.proto"}
MAX_FILL_DEPTH = 4


def _load() -> list[FileDescriptor]:
    package = livekit.protocol
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    pool = descriptor_pool.Default()
    _supplement.register(pool)
    names = {
        module.DESCRIPTOR.name
        for name, module in list(sys.modules.items())
        if name.startswith("livekit.protocol.") and hasattr(module, "DESCRIPTOR")
    }
    names |= set(_supplement.FILE_NAMES)
    return [pool.FindFileByName(name) for name in sorted(names - SKIPPED_FILES)]


def _with_nested(message: Descriptor) -> Iterator[Descriptor]:
    if not message.GetOptions().map_entry:
        yield message
        for nested in message.nested_types:
            yield from _with_nested(nested)


FILE_DESCRIPTORS = _load()
DESCRIPTORS: dict[str, Descriptor] = {
    found.full_name: found
    for file in FILE_DESCRIPTORS
    for message in file.message_types_by_name.values()
    for found in _with_nested(message)
}
GOOGLE_NAMES = ("Any", "Duration", "Empty", "ListValue", "Struct", "Timestamp", "Value")
FILES: dict[str, list[str]] = {}
for _name, _found in DESCRIPTORS.items():
    FILES.setdefault(_found.file.name, []).append(_name)

for _name in GOOGLE_NAMES:
    _found = descriptor_pool.Default().FindMessageTypeByName(f"google.protobuf.{_name}")
    DESCRIPTORS[_found.full_name] = _found


def google_class(name: str) -> Any:
    """Google's class of a message."""
    return message_factory.GetMessageClass(DESCRIPTORS[name])


def our_class(name: str) -> type[Message]:
    """Our class of the same message."""
    found = DESCRIPTORS[name]
    stem = found.file.name.rpartition("/")[2].removesuffix(".proto")
    stem = "google_protobuf" if found.file.package == "google.protobuf" else stem
    value: Any = importlib.import_module(f"lktrio.proto.livekit.{stem}")
    for part in name.removeprefix(f"{found.file.package}.").split("."):
        value = getattr(value, part)
    assert issubclass(value, Message)
    cls: type[Message] = value
    return cls


def holds_times(found: Descriptor, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a Timestamp or Duration can be in a message: they lose what Python cannot express."""
    if found.full_name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
        return True
    seen |= {found.full_name}
    return any(
        field.message_type is not None
        and field.message_type.full_name not in seen
        and holds_times(field.message_type, seen)
        for field in found.fields
    )


def fill(message: Any, rng: random.Random, density: float, depth: int = 0) -> Any:
    """Give random values to the fields of one of Google's messages."""
    found = message.DESCRIPTOR
    if found.full_name == "google.protobuf.Timestamp":
        message.seconds = rng.randint(-62_135_596_800, 253_402_300_799)
        message.nanos = rng.randrange(1_000_000) * 1000
        return message
    if found.full_name == "google.protobuf.Duration":
        sign = rng.choice((-1, 1))
        message.seconds = sign * rng.randint(0, 315_576_000_000)
        message.nanos = sign * rng.randrange(1_000_000) * 1000
        return message
    for field in found.fields:
        if rng.random() > density or (field.message_type and depth >= MAX_FILL_DEPTH):
            continue
        _fill_field(message, field, rng, density * 0.8, depth)
    return message


def _fill_field(
    message: Any, field: FieldDescriptor, rng: random.Random, density: float, depth: int
) -> None:
    target = getattr(message, field.name)
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        key_field, value_field = kind.fields_by_name["key"], kind.fields_by_name["value"]
        for _ in range(rng.randint(1, 3)):
            key = _scalar(key_field, rng)
            if value_field.message_type is not None:
                fill(target[key], rng, density, depth + 1)
            else:
                target[key] = _scalar(value_field, rng)
    elif field.is_repeated:
        for _ in range(rng.randint(1, 3)):
            if kind is not None:
                fill(target.add(), rng, density, depth + 1)
            else:
                target.append(_scalar(field, rng))
    elif kind is not None:
        target.SetInParent()
        fill(target, rng, density, depth + 1)
    else:
        setattr(message, field.name, _scalar(field, rng))


_RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-3, 40),
}
_TEXTS = ("", "a", "demo", "größe", "\x00", "日本語", "😀", "x" * 200)


def _scalar(field: FieldDescriptor, rng: random.Random) -> Any:
    kind = field.cpp_type
    if kind in _RANGES:
        low, high = _RANGES[kind]
        return rng.choice((0, low, high, rng.randint(low, high), 1))
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return rng.random() < 0.7
    if kind == FieldDescriptor.CPPTYPE_STRING and field.type == FieldDescriptor.TYPE_BYTES:
        return rng.randbytes(rng.choice((0, 1, 5, 130)))
    if kind == FieldDescriptor.CPPTYPE_STRING:
        return rng.choice(_TEXTS)
    return rng.choice((0.0, -0.0, 1.5, -2.25, float("inf"), 1e-5, 1e30, rng.random()))
