"""Where the library of a protocol is not installed, the rest is served, and who asks is told what to install."""

from __future__ import annotations

import sys

import pytest
from support.gateways import Served

from perdure.gateway.agents.installed import needs

PROTOCOLS = (("POST", "/mcp", "mcp"), ("POST", "/a2a/chat", "a2a"), ("POST", "/ag-ui/chat", "ag-ui"))


@pytest.mark.parametrize(("method", "path", "extra"), PROTOCOLS)
async def test_an_extra_that_is_missing_is_named(
    api: Served, monkeypatch: pytest.MonkeyPatch, method: str, path: str, extra: str
) -> None:
    library = extra.replace("-", "_")
    for name in [name for name in sys.modules if name.startswith("perdure.gateway.agents.")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, library, None)
    answer = await api.http.request(method, path, json={})
    assert (answer.status_code, f"perdure[{extra}]" in answer.json()["detail"]) == (404, True)


def test_another_error_of_an_import_is_not_hidden() -> None:
    with pytest.raises(ModuleNotFoundError), needs("MCP", "mcp", "mcp"):
        import nothing_of_the_kind  # type: ignore[import-not-found] # noqa: F401
