"""Each route has a rule that says what it does: one without is not there for callers."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from perdure.gateway.access_rules import RULES, methods_of, rule_of
from perdure.gateway.app import PARTS, TRANSLATIONS

ROUTES = sorted(
    (method, route.path)
    for routers in PARTS.values()
    for router in routers
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in route.methods or ()
)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_each_route_has_a_rule_of_its_own(method: str, path: str) -> None:
    match = rule_of(method, path)
    assert match is not None, f"{method} {path}: say in gateway/access_rules.py what it does"
    assert (match.rule.method, match.rule.path) == (method, path)


def test_all_that_is_routed_is_tried() -> None:
    assert len(ROUTES) > 40
    routed = [route for routers in PARTS.values() for router in routers for route in router.routes]
    sockets = [route for route in routed if isinstance(route, APIWebSocketRoute)]
    assert all(isinstance(route, APIRoute) for route in routed if route not in sockets)
    assert all(rule_of("WEBSOCKET", route.path) for route in sockets)


def test_only_what_tells_of_nobody_is_open() -> None:
    opened = {rule.path for rule in RULES if rule.is_open}
    documents = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
    assert opened == {"/", "/ok", "/info", "/ui/static/{version}/{name}", *documents}
    unasked = [one.path for one in RULES if one.resource is None and not one.is_open and not one.is_translated]
    assert unasked == ["/metrics"]


def test_each_route_of_another_protocol_is_translated() -> None:
    assert {rule.path for rule in RULES if rule.is_translated} == TRANSLATIONS.keys()


def test_more_specific_paths_come_first() -> None:
    found = rule_of("POST", "/threads/search")
    assert found is not None
    assert (found.rule.path, found.values) == ("/threads/search", {})
    state = rule_of("POST", "/threads/t/state/checkpoint")
    assert state is not None
    assert state.rule.path == "/threads/{thread_id}/state/checkpoint"
    assert (rule_of("POST", "/threads/"), rule_of("GET", "/nothing"), methods_of("/threads")) == (None, None, ["POST"])
