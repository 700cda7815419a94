"""The claim ``roomConfig``, and the guard against secrets in it.

A participant can read its own token. Storage credentials and stream keys in the room configuration
would be given to everybody who may join.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

from lktrio import proto
from lktrio.proto._schema import schema_of
from lktrio.proto._secrets import is_secret
from lktrio.proto.codec import from_json_value, to_json_value

__all__ = ["check_types", "from_claim", "secrets_in", "to_claim"]


def check_types(config: object, agents: object) -> None:
    """Refuse what is no room configuration, and no list of agents.

    Raises:
        TypeError: It is none; the message names it.
    """
    if config is not None and not isinstance(config, proto.RoomConfiguration):
        raise TypeError(f"room_config must be a RoomConfiguration, not {type(config).__name__}")
    if not isinstance(agents, list | tuple):
        raise TypeError(f"agents must be a list, not {type(agents).__name__}")
    for agent in cast("Sequence[object]", agents):
        if not isinstance(agent, proto.RoomAgentDispatch):
            found = type(agent).__name__
            raise TypeError(f"agents must hold RoomAgentDispatch messages, not {found}")


def to_claim(
    config: proto.RoomConfiguration | None,
    agents: Sequence[proto.RoomAgentDispatch],
    *,
    allow_secrets: bool,
) -> Any:
    """The claim for a room configuration with further agents.

    Raises:
        ValueError: The configuration holds a secret.
    """
    config = proto.RoomConfiguration() if config is None else copy.copy(config)
    config.agents = [*config.agents, *agents]
    found = None if allow_secrets else next(secrets_in(config, "room_config"), None)
    if found is not None:
        raise ValueError(
            f"{found} would be readable by everybody who holds the token: leave it to a room "
            "preset or the server's configuration, or pass allow_sensitive_credentials=True"
        )
    return to_json_value(config)


def from_claim(claim: object) -> proto.RoomConfiguration:
    """The room configuration in a claim; RemoteProtocolError if it is none."""
    return from_json_value(proto.RoomConfiguration, claim)


def secrets_in(message: proto.Message, path: str) -> Iterator[str]:
    """The paths of fields that hold a secret."""
    cls = type(message)
    for field in schema_of(cls).fields:
        value = getattr(message, field.name)
        where = f"{path}.{field.name}"
        if value and is_secret(cls, field.name):
            yield where
        for item in _messages(value):
            yield from secrets_in(item, where)


def _messages(value: Any) -> Iterable[proto.Message]:
    items: Iterable[object] = ()
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).values()
    elif isinstance(value, list | proto.Message):
        items = [value] if isinstance(value, proto.Message) else cast("list[object]", value)
    return [item for item in items if isinstance(item, proto.Message)]
