"""What a server is asked for when it is to make trouble (LiveKit's ``SimulateScenario``)."""

from __future__ import annotations

from lktrio import proto
from lktrio.room.state.enums import SimulateScenario

__all__ = ["fault_request"]

_PROTOCOLS = {
    "udp": proto.CandidateProtocol.UDP,
    "tcp": proto.CandidateProtocol.TCP,
    "tls": proto.CandidateProtocol.TLS,
}
_NUMBERS = frozenset((SimulateScenario.SUBSCRIBER_BANDWIDTH, SimulateScenario.SPEAKER_UPDATE))
_LARGEST = 2**31 - 1


def fault_request(scenario: SimulateScenario, value: int | str | None) -> proto.SimulateScenario:
    """The message for a scenario.

    Raises:
        ValueError: The scenario needs a value, or another one, or has none.
    """
    fault = proto.SimulateScenario()
    if scenario is SimulateScenario.SWITCH_CANDIDATE_PROTOCOL:
        if value not in _PROTOCOLS:
            raise ValueError(f"{scenario} needs one of {', '.join(_PROTOCOLS)}, not {value!r}")
        fault.switch_candidate_protocol = _PROTOCOLS[value]
    elif scenario in _NUMBERS:
        if not isinstance(value, int) or not 0 <= value <= _LARGEST:
            raise ValueError(f"{scenario} needs a number from 0 on, not {value!r}")
        setattr(fault, scenario.value, value)
    elif value is not None:
        raise ValueError(f"{scenario} has no value, but there is {value!r}")
    else:
        setattr(fault, scenario.value, True)
    return fault
