"""Where Temporal's UI shows the workflows of an installation."""

from __future__ import annotations

from urllib.parse import quote

from ..contracts.settings import Settings
from .target import server_address, temporal_target


def workflows_url(settings: Settings) -> str | None:
    """The address to which a workflow's id is appended; `None`: nobody has said where the UI is.

    Without the setting `gateway.temporal_ui` it is that of the development server, if that is the Temporal in use.
    """
    target, server = temporal_target(settings), settings.server
    found = settings.gateway.temporal_ui
    if found is None and server.ui and target.address == server_address(server):
        found = f"http://{server_address(server.model_copy(update={'port': server.ui_port}))}"
    return None if found is None else f"{found.rstrip('/')}/namespaces/{quote(target.namespace, safe='')}/workflows/"
