"""The card by which other agents know an assistant."""

from __future__ import annotations

from typing import Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill
from a2a.utils.constants import PROTOCOL_VERSION_0_3, PROTOCOL_VERSION_1_0, TransportProtocol

from ...facade.runs import RunsFacade
from ..assistant_views import record_of
from ..graph_names import Chosen
from .schemas import properties_of

_TEXT, _DATA = "text/plain", "application/json"


async def card_of(runs: RunsFacade, chosen: Chosen, url: str) -> dict[str, Any]:
    """As both versions of the protocol have it."""
    assistant = record_of(chosen)
    keys = await properties_of(runs, chosen.graph, "input_schema")
    speaks = keys is None or "messages" in keys
    about = assistant.description or f"Runs the graph {chosen.graph}"
    takes = "" if keys is None else f" It takes data with {', '.join(keys)}."
    modes = [_TEXT, _DATA] if speaks else [_DATA]
    skill = AgentSkill(id=chosen.id, name=assistant.name, description=f"{about}.{takes}", tags=[chosen.graph])
    card = AgentCard(
        name=assistant.name,
        description=about,
        version=str(assistant.version),
        supported_interfaces=[_interface(url, version) for version in (PROTOCOL_VERSION_1_0, PROTOCOL_VERSION_0_3)],
        capabilities=AgentCapabilities(streaming=True, push_notifications=False, extended_agent_card=False),
        default_input_modes=modes,
        default_output_modes=modes,
        skills=[skill],
    )
    return agent_card_to_dict(card)


def _interface(url: str, version: str) -> AgentInterface:
    return AgentInterface(url=url, protocol_binding=TransportProtocol.JSONRPC.value, protocol_version=version)
