"""What agents tell about themselves is read, whatever it is."""

from __future__ import annotations

from typing import Any, cast

from lktrio import proto
from lktrio.room import AgentAttributes, AgentState
from lktrio.room.state.participant import Participant, ParticipantRecord

Kind = proto.ParticipantInfo.Kind


def somebody(**values: Any) -> Participant[Any]:
    info = proto.ParticipantInfo(identity="somebody", **values)
    return Participant(ParticipantRecord(info, cast("Any", None)))


def test_who_is_an_agent() -> None:
    """By its kind or by its grant, never by its attributes."""
    attributes = {"lk.agent.state": "speaking"}
    by_grant = proto.ParticipantPermission(agent=True)
    speaking = AgentAttributes(AgentState.SPEAKING)
    assert somebody(kind=Kind.AGENT, attributes=attributes).agent == speaking
    assert somebody(permission=by_grant, attributes=attributes).agent == speaking
    assert somebody(kind=Kind.AGENT).agent == AgentAttributes()
    assert somebody(kind=Kind.SIP, attributes=attributes).agent is None
    other = proto.ParticipantPermission()
    assert somebody(permission=other, attributes=attributes).agent is None


def test_attributes_of_agents() -> None:
    for name, attributes, expected in (
        (
            "all",
            {
                "lk.agent.state": "thinking",
                "lk.agent.inputs": '["audio", "video"]',
                "lk.agent.outputs": '["transcription"]',
                "lk.publish_on_behalf": "other",
            },
            AgentAttributes(AgentState.THINKING, ("audio", "video"), ("transcription",), "other"),
        ),
        ("upper case", {"lk.agent.state": "IDLE"}, AgentAttributes(AgentState.IDLE)),
        ("a newer state", {"lk.agent.state": "dreaming"}, AgentAttributes()),
        ("words", {"lk.agent.inputs": "audio,,  text "}, AgentAttributes(inputs=("audio", "text"))),
        (
            "not all texts",
            {"lk.agent.inputs": '["audio", 5, null]'},
            AgentAttributes(inputs=("audio",)),
        ),
        ("deep", {"lk.agent.inputs": "[" * 100_000}, AgentAttributes()),
        ("damaged", {"lk.agent.inputs": '["audio"'}, AgentAttributes()),
        ("a long number", {"lk.agent.inputs": f"[{'9' * 10_000}]"}, AgentAttributes()),
    ):
        assert AgentAttributes.from_attributes(attributes) == expected, name
