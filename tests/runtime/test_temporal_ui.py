"""Where Temporal's UI is: of the development server, of the setting, or nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import Settings
from perdure.runtime.temporal_ui import workflows_url

OWN = "http://127.0.0.1:8233/namespaces/default/workflows/"


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, OWN),
        ({"temporal": {"address": "127.0.0.1:7233"}}, OWN),
        ({"temporal": {"address": "elsewhere:7233"}}, None),
        ({"server": {"ui": False}}, None),
        (
            {
                "temporal": {"address": "elsewhere:7233", "namespace": "a b"},
                "gateway": {"temporal_ui": "https://ui/t/"},
            },
            "https://ui/t/namespaces/a%20b/workflows/",
        ),
    ],
)
def test_the_address_of_a_workflow(settings: dict[str, Any], url: str | None) -> None:
    assert workflows_url(Settings.model_validate(settings)) == url


@pytest.mark.parametrize("url", ["javascript:alert(1)", "ui.example.com", "https://"])
def test_no_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must begin with https://"):
        Settings.model_validate({"gateway": {"temporal_ui": url}})
