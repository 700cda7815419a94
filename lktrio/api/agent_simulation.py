"""AgentSimulation: evaluating agents (livekit_agent_simulation.proto)."""

# One line per method, whatever its length, is what makes the table readable.
# ruff: noqa: E501

from __future__ import annotations

from lktrio.proto import Scenario, SimulationRun

from ._grants import SIMULATION_ADMIN
from ._twirp import Service, method

__all__ = ["AgentSimulationService"]


# fmt: off
class AgentSimulationService(Service):
    """Simulated conversations with agents, and the scenarios they play."""

    service_name = "AgentSimulation"

    create_simulation_run = method("CreateSimulationRun", SimulationRun.Create.Request, SimulationRun.Create.Response, SIMULATION_ADMIN)
    confirm_simulation_source_upload = method("ConfirmSimulationSourceUpload", SimulationRun.ConfirmSourceUpload.Request, SimulationRun.ConfirmSourceUpload.Response, SIMULATION_ADMIN)
    get_simulation_run = method("GetSimulationRun", SimulationRun.Get.Request, SimulationRun.Get.Response, SIMULATION_ADMIN)
    list_simulation_runs = method("ListSimulationRuns", SimulationRun.List.Request, SimulationRun.List.Response, SIMULATION_ADMIN)
    count_simulation_runs = method("CountSimulationRuns", SimulationRun.Counts.Request, SimulationRun.Counts.Response, SIMULATION_ADMIN)
    cancel_simulation_run = method("CancelSimulationRun", SimulationRun.Cancel.Request, SimulationRun.Cancel.Response, SIMULATION_ADMIN)
    create_scenario_from_session = method("CreateScenarioFromSession", Scenario.CreateFromSession.Request, Scenario.CreateFromSession.Response, SIMULATION_ADMIN)
# fmt: on
