"""LangGraph's store over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from support.gateways import Client


async def test_items_are_kept_found_and_removed(client: Client) -> None:
    for key, n in (("a", 1), ("b", 2)):
        await client.store.put_item(["users", "ann"], key, {"n": n})
    item = await client.store.get_item(["users", "ann"], "a")
    assert (item["namespace"], item["value"]) == (["users", "ann"], {"n": 1})
    await client.store.put_item(["users", "ann"], "a", {"n": 3})
    again = await client.store.get_item(["users", "ann"], "a")
    assert again["value"] == {"n": 3}
    found = await client.store.search_items(["users"], filter={"n": 2})
    assert [one["key"] for one in found["items"]] == ["b"]
    assert (await client.store.list_namespaces(prefix=["users"]))["namespaces"] == [["users", "ann"]]
    await client.store.delete_item(["users", "ann"], key="a")
    await client.store.delete_item(["users", "ann"], key="a")
    assert await client.store.get_item(["users", "ann"], "a") is None


@pytest.mark.parametrize(
    ("method", "path", "body", "detail"),
    [
        ("PUT", "/store/items", {"namespace": [], "key": "k", "value": {}}, "one label or more"),
        ("PUT", "/store/items", {"namespace": ["a.b"], "key": "k", "value": {}}, "period"),
        ("PUT", "/store/items", {"namespace": ["a"], "key": "k", "value": 5}, "value"),
        ("GET", "/store/items?namespace=a", None, "key"),
        ("POST", "/store/items/search", {"limit": 0}, "limit"),
    ],
)
async def test_what_is_wrong_is_said(http: httpx.AsyncClient, method: str, path: str, body: Any, detail: str) -> None:
    answer = await http.request(method, path, json=body)
    assert (answer.status_code, detail in answer.json()["detail"]) == (422, True), answer.text
