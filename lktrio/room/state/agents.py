"""What agents tell about themselves, in attributes of their participants."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from lktrio.room.state.enums import AgentState

__all__ = ["AGENT_STATE", "AgentAttributes"]

AGENT_STATE = "lk.agent.state"
_INPUTS = "lk.agent.inputs"
_OUTPUTS = "lk.agent.outputs"
_ON_BEHALF = "lk.publish_on_behalf"


@dataclass(frozen=True, slots=True)
class AgentAttributes:
    """What an agent tells about itself (LiveKit's attribute definitions)."""

    state: AgentState = AgentState.UNKNOWN
    """What it is doing."""
    inputs: tuple[str, ...] = ()
    """What it takes: ``audio``, ``video``, ``text``."""
    outputs: tuple[str, ...] = ()
    """What it gives: ``transcription``, ``audio``."""
    on_behalf_of: str = ""
    """Identity of the agent for which it publishes, such as an avatar; empty for an agent."""

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, str]) -> AgentAttributes:
        """Read the attributes of a participant; what makes no sense counts as not told."""
        return cls(
            _state(attributes.get(AGENT_STATE, "")),
            _listed(attributes.get(_INPUTS, "")),
            _listed(attributes.get(_OUTPUTS, "")),
            attributes.get(_ON_BEHALF, ""),
        )


def _state(text: str) -> AgentState:
    try:
        return AgentState(text)
    except ValueError:
        return AgentState.UNKNOWN


def _listed(text: str) -> tuple[str, ...]:
    """The texts of a JSON array; those of a list with commas too."""
    if not text.lstrip().startswith("["):
        return tuple(word.strip() for word in text.split(",") if word.strip())
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    return tuple(one for one in cast("list[object]", found) if isinstance(one, str))
