"""Which codecs are kept from which clients, because they handle them badly.

LiveKit's server has a table of such clients, and so has this one: a client that a rule is about is
told the codecs in ``client_configuration`` of the join response, and finds them in no description.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lktrio import proto

__all__ = ["client_configuration", "obeys_order"]

_SAFARI, _FIREFOX = ("safari",), ("firefox", "firefox mobile")
_LINUX = ("linux", "android")
_XIAOMI_11T_LITE = ("xiaomi 2201117ti",)


@dataclass(frozen=True, slots=True)
class _Rule:
    """One line of the table; what it leaves out is the same for all clients it is about."""

    browsers: tuple[str, ...] = ()
    """In lower case, like all names here."""
    newer_than: str = ""
    """A version of the browser."""
    systems: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    codecs: tuple[str, ...] = ()
    """What the client gets neither to send nor to receive."""
    publish: tuple[str, ...] = ()
    """What it does not get to send."""
    alone: bool = False
    """Whether no other rule counts for the client."""


_RULES = (
    _Rule(browsers=_SAFARI, codecs=("video/AV1",)),
    _Rule(browsers=_SAFARI, newer_than="18.3", publish=("video/VP9",)),
    _Rule(devices=_XIAOMI_11T_LITE, systems=("android",), publish=("video/H264",), alone=True),
    _Rule(browsers=_FIREFOX, systems=_LINUX, publish=("video/H264",), alone=True),
)


def client_configuration(client: proto.ClientInfo) -> proto.ClientConfiguration | None:
    """What a client has to know about itself, None if there is nothing."""
    rules = [rule for rule in _RULES if _is_about(rule, client)]
    rules = [rule for rule in rules if rule.alone][:1] or rules
    if not rules:
        return None
    disabled = proto.DisabledCodecs(
        codecs=[proto.Codec(mime=mime) for rule in rules for mime in rule.codecs],
        publish=[proto.Codec(mime=mime) for rule in rules for mime in rule.publish],
    )
    return proto.ClientConfiguration(disabled_codecs=disabled)


def obeys_order(client: proto.ClientInfo) -> bool:
    """Whether it sends video in the first codec of an answer; Firefox there takes its own first."""
    return not _is_about(_Rule(browsers=_FIREFOX, systems=_LINUX), client)


def _is_about(rule: _Rule, client: proto.ClientInfo) -> bool:
    named = (
        (rule.browsers, client.browser),
        (rule.systems, client.os),
        (rule.devices, client.device_model),
    )
    return all(not names or name.lower() in names for names, name in named) and (
        not rule.newer_than or _is_newer(client.browser_version, rule.newer_than)
    )


_MAX_VERSION = 64
_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(rf"{_NUMBER}(?:\.{_NUMBER}(?:\.{_NUMBER}(-[^+]+)?(?:\+.+)?)?)?", re.ASCII)


def _is_newer(version: str, other: str) -> bool:
    """Compare versions by semantic versioning, and as text if one is something else."""
    order, other_order = _order(version), _order(other)
    if order is None or other_order is None:
        return version > other
    return order > other_order


def _order(version: str) -> tuple[int, int, int, bool] | None:
    found = _VERSION.fullmatch(version[:_MAX_VERSION])
    if found is None:
        return None
    major, minor, patch = (int(number or 0) for number in found.group(1, 2, 3))
    return major, minor, patch, found[4] is None
