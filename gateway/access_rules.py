"""What each route does to what: the one place that says it. A route that is not in it is not there for callers.

Resources and actions are those of LangGraph's `Auth`. `{thread_id}` in a path is the thread that is acted on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one route."""

    method: str
    path: str
    resource: str | None = None
    """`None`: nothing of anybody's; any caller may."""
    action: str = ""
    is_open: bool = False
    """Also for nobody in particular."""
    is_long: bool = False
    """Its answer may take as long as a run."""
    is_translated: bool = False
    """Another protocol's: what it does stands in its body, and is asked for as the routes of the API that do so."""

    @property
    def parts(self) -> list[str]:
        """Of its path."""
        return self.path.split("/")


@dataclass(frozen=True, slots=True)
class Match:
    """A rule, and what its path has at its placeholders."""

    rule: Rule
    values: dict[str, str]


_OPEN = ("/", "/ok", "/info", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc")
_RUNS = "/threads/{thread_id}/runs"
_UI = "/ui/threads/{thread_id}"
_UI_RUN = f"{_UI}/runs/{{run_id}}"

RULES = (
    *(Rule("GET", path, is_open=True) for path in _OPEN),
    Rule("GET", "/metrics"),
    # The page. Its files have nothing of anybody's in them.
    Rule("GET", "/ui/static/{version}/{name}", is_open=True),
    Rule("GET", "/ui/about", "assistants", "search"),
    Rule("GET", "/ui/runs", "threads", "search"),
    Rule("GET", "/ui/threads", "threads", "search"),
    Rule("GET", f"{_UI}/history", "threads", "read"),
    Rule("GET", f"{_UI}/state", "threads", "read"),
    Rule("POST", f"{_UI}/state", "threads", "update"),
    Rule("POST", f"{_UI}/runs", "threads", "create_run"),
    *(Rule("GET", f"{_UI_RUN}{part}", "threads", "read") for part in ("", "/asked", "/timeline", "/steps")),
    Rule("GET", f"{_UI_RUN}/events/{{seq}}", "threads", "read"),
    Rule("GET", f"{_UI_RUN}/stream", "threads", "read", is_long=True),
    Rule("POST", f"{_UI_RUN}/answer", "threads", "create_run"),
    Rule("POST", f"{_UI_RUN}/retry", "threads", "create_run"),
    Rule("POST", f"{_UI_RUN}/continue", "threads", "create_run"),
    Rule("POST", f"{_UI_RUN}/fork", "threads", "create_run"),
    Rule("POST", f"{_UI_RUN}/cancel", "threads", "update"),
    Rule("POST", f"{_UI_RUN}/interrupt", "threads", "update"),
    # Assistants.
    Rule("POST", "/assistants", "assistants", "create"),
    Rule("POST", "/assistants/search", "assistants", "search"),
    Rule("POST", "/assistants/count", "assistants", "search"),
    Rule("GET", "/assistants/{assistant_id}", "assistants", "read"),
    Rule("PATCH", "/assistants/{assistant_id}", "assistants", "update"),
    Rule("DELETE", "/assistants/{assistant_id}", "assistants", "delete"),
    Rule("GET", "/assistants/{assistant_id}/graph", "assistants", "read"),
    Rule("GET", "/assistants/{assistant_id}/schemas", "assistants", "read"),
    Rule("GET", "/assistants/{assistant_id}/subgraphs", "assistants", "read"),
    Rule("GET", "/assistants/{assistant_id}/subgraphs/{namespace}", "assistants", "read"),
    Rule("POST", "/assistants/{assistant_id}/versions", "assistants", "search"),
    Rule("POST", "/assistants/{assistant_id}/latest", "assistants", "update"),
    # Threads.
    Rule("POST", "/threads", "threads", "create"),
    Rule("POST", "/threads/search", "threads", "search"),
    Rule("POST", "/threads/count", "threads", "search"),
    Rule("POST", "/threads/prune", "threads", "delete"),
    Rule("GET", "/threads/{thread_id}", "threads", "read"),
    Rule("PATCH", "/threads/{thread_id}", "threads", "update"),
    Rule("DELETE", "/threads/{thread_id}", "threads", "delete"),
    Rule("POST", "/threads/{thread_id}/copy", "threads", "read"),
    Rule("GET", "/threads/{thread_id}/state", "threads", "read"),
    Rule("POST", "/threads/{thread_id}/state", "threads", "update"),
    Rule("GET", "/threads/{thread_id}/state/{checkpoint_id}", "threads", "read"),
    Rule("POST", "/threads/{thread_id}/state/checkpoint", "threads", "read"),
    Rule("GET", "/threads/{thread_id}/history", "threads", "read"),
    Rule("POST", "/threads/{thread_id}/history", "threads", "read"),
    Rule("GET", "/threads/{thread_id}/stream", "threads", "read", is_long=True),
    Rule("POST", "/threads/{thread_id}/stream/events", "threads", "read", is_long=True),
    Rule("WEBSOCKET", "/threads/{thread_id}/stream/events", "threads", "read", is_long=True),
    Rule("POST", "/threads/{thread_id}/commands", "threads", "create_run"),
    # Runs of a thread.
    Rule("POST", _RUNS, "threads", "create_run"),
    Rule("POST", f"{_RUNS}/stream", "threads", "create_run", is_long=True),
    Rule("POST", f"{_RUNS}/wait", "threads", "create_run", is_long=True),
    Rule("GET", _RUNS, "threads", "search"),
    Rule("GET", f"{_RUNS}/{{run_id}}", "threads", "read"),
    Rule("DELETE", f"{_RUNS}/{{run_id}}", "threads", "delete"),
    Rule("GET", f"{_RUNS}/{{run_id}}/join", "threads", "read", is_long=True),
    Rule("GET", f"{_RUNS}/{{run_id}}/stream", "threads", "read", is_long=True),
    Rule("POST", f"{_RUNS}/{{run_id}}/cancel", "threads", "update", is_long=True),
    # Runs without a thread, or whose thread is not said.
    Rule("POST", "/runs", "threads", "create_run"),
    Rule("POST", "/runs/stream", "threads", "create_run", is_long=True),
    Rule("POST", "/runs/wait", "threads", "create_run", is_long=True),
    Rule("POST", "/runs/batch", "threads", "create_run"),
    Rule("POST", "/runs/cancel", "threads", "update"),
    Rule("GET", "/runs/{run_id}", "threads", "read"),
    Rule("GET", "/runs/{run_id}/stream", "threads", "read", is_long=True),
    # Crons.
    Rule("POST", "/runs/crons", "crons", "create"),
    Rule("POST", f"{_RUNS}/crons", "crons", "create"),
    Rule("POST", "/runs/crons/search", "crons", "search"),
    Rule("POST", "/runs/crons/count", "crons", "search"),
    Rule("GET", "/runs/crons/{cron_id}", "crons", "read"),
    Rule("PATCH", "/runs/crons/{cron_id}", "crons", "update"),
    Rule("DELETE", "/runs/crons/{cron_id}", "crons", "delete"),
    # The store.
    Rule("PUT", "/store/items", "store", "put"),
    Rule("GET", "/store/items", "store", "get"),
    Rule("DELETE", "/store/items", "store", "delete"),
    Rule("POST", "/store/items/search", "store", "search"),
    Rule("POST", "/store/namespaces", "store", "list_namespaces"),
    # What other agents, and their pages, speak.
    Rule("POST", "/mcp", is_long=True, is_translated=True),
    Rule("POST", "/a2a/{assistant_id}", is_long=True, is_translated=True),
    Rule("GET", "/a2a/{assistant_id}/.well-known/agent-card.json", "assistants", "read"),
    Rule("GET", "/.well-known/agent-card.json", "assistants", "read"),
    Rule("POST", "/ag-ui/{assistant_id}", is_long=True, is_translated=True),
)


def rule_of(method: str, path: str) -> Match | None:
    """The rule of a request; where two fit, that which says more of the path."""
    words = path.split("/")
    method = "GET" if method == "HEAD" else method
    found = [match for match in _fitting(words) if match.rule.method == method]
    return min(found, key=lambda match: len(match.values), default=None)


def methods_of(path: str) -> list[str]:
    """With which a path may be asked for; none: there is no such path."""
    return sorted({match.rule.method for match in _fitting(path.split("/"))} - {"WEBSOCKET"})


def _fitting(words: list[str]) -> list[Match]:
    begun = _by_beginning().get((len(words), words[1] if len(words) > 1 else ""), ())
    found = ((rule, _values(parts, words)) for rule, parts in begun)
    return [Match(rule, values) for rule, values in found if values is not None]


def _values(parts: list[str], words: list[str]) -> dict[str, str] | None:
    values: dict[str, str] = {}
    for part, word in zip(parts, words, strict=True):
        if part.startswith("{") and word:
            values[part[1:-1]] = word
        elif part != word:
            return None
    return values


@lru_cache(maxsize=1)
def _by_beginning() -> dict[tuple[int, str], list[tuple[Rule, list[str]]]]:
    """By the number of their parts, and the first one, which is a word in each of them."""
    found: dict[tuple[int, str], list[tuple[Rule, list[str]]]] = {}
    for rule in RULES:
        found.setdefault((len(rule.parts), rule.parts[1]), []).append((rule, rule.parts))
    return found
