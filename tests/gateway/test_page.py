"""What the page asks its gateway for: files, lists of runs, why one stands still, its story, and what can be done."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphs.page import graphs
from support.gateways import Served, served
from support.servers import until

import perdure.gateway.page
from perdure import RetryPolicy, RunRecord, RunScope, RunSpec
from perdure.contracts.errors import InvalidRunError
from perdure.contracts.filters import Condition, Filter
from perdure.contracts.gateway_settings import GatewaySettings
from perdure.gateway import Gateway, Serving

STATIC = Path(perdure.gateway.page.__file__).with_name("static")


@pytest.fixture(scope="module")
async def api(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home: Path = tmp_path_factory.mktemp("page")
    async with served(temporal, home, graphs()) as api:
        yield api


@pytest.fixture(scope="module")
def http(api: Served) -> httpx.AsyncClient:
    return api.http


async def begun(api: Served, graph: str, thread: str, input: Any = None, **more: Any) -> RunRecord:
    spec = RunSpec(assistant_id=graph, scope=RunScope(thread_id=thread), input=input or {"topic": "x"}, **more)
    return await api.env.runs.create_background(spec)


def place(run: RunRecord) -> str:
    return f"/ui/threads/{run.thread_id}/runs/{run.run_id}"


async def why(http: httpx.AsyncClient, run: RunRecord) -> dict[str, Any] | None:
    return (await http.get(place(run))).json()["why"]


async def test_the_page_is_for_who_reads_html(http: httpx.AsyncClient) -> None:
    shown = await http.get("/", headers={"accept": "text/html,*/*"})
    assert shown.headers["content-type"].startswith("text/html")
    assert (await http.get("/")).json()["ok"] is True
    named = re.findall(r'(?:href|src)="(ui/static/[^"]+)"', shown.text)
    assert [name.rpartition("/")[2] for name in named].count("app.js") == 1
    for name in named:
        file = await http.get(f"/{name}")
        assert file.status_code == 200, name
        policy = file.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "immutable" in file.headers["cache-control"]
        again = await http.get(f"/{name}", headers={"if-none-match": file.headers["etag"]})
        assert again.status_code == 304
    assert "immutable" not in shown.headers["cache-control"]
    of_another_version = await http.get("/ui/static/other/app.js")
    assert (of_another_version.status_code, of_another_version.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/ok", 200),
        ("/ui/static/x/app.js", 200),
        ("/ui/runs", 200),
        ("/info", 200),
        ("/threads/nobody/runs", 422),
        ("/ui/static/x/nothing.js", 404),
    ],
)
async def test_head_is_get_without_a_body(http: httpx.AsyncClient, path: str, status: int) -> None:
    for accept in ("text/html", "*/*"):
        got, head = await http.get(path, headers={"accept": accept}), await http.head(path, headers={"accept": accept})
        assert (head.status_code, head.content) == (got.status_code, b"") == (status, b"")
        for name in ("content-type", "content-length", "etag", "cache-control"):
            assert head.headers.get(name) == got.headers.get(name), name


async def test_head_of_a_stream_is_refused_at_once(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "research", "head-of-a-stream", {"wait": 60.0})
    assert (await http.head(f"{place(run)}/stream")).status_code == 405
    await api.env.runs.cancel(run.run_id)


@pytest.mark.parametrize("name", ["nothing.js", "..%2F__init__.py", "%2e%2e%2ffiles.py"])
async def test_no_other_file_is_given(http: httpx.AsyncClient, name: str) -> None:
    assert (await http.get(f"/ui/static/x/{name}")).status_code == 404


def test_no_text_becomes_markup_and_nothing_is_fetched_from_elsewhere() -> None:
    files = [path for path in STATIC.iterdir() if path.suffix in (".js", ".html", ".css")]
    assert len(files) > 15
    sinks = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|setHTML"
        r"|\beval\(|new Function|javascript:|setAttribute\(\s*[\"']on"
    )
    elsewhere = re.compile(r"(?:https?:)?//(?!www\.w3\.org/2000/svg)[a-z0-9-]+\.[a-z]")
    for path in files:
        text = path.read_text()
        assert sinks.findall(text) == [], path.name
        assert elsewhere.findall(text) == [], path.name
        assert " style=" not in text, path.name  # which the policy would not let through


@pytest.mark.parametrize(("thread", "sent"), [("~..", "~~.."), ("~.x", "~.x")])
async def test_an_id_that_a_browser_would_lose_is_sent_with_a_tilde(
    api: Served, http: httpx.AsyncClient, thread: str, sent: str
) -> None:
    run = await begun(api, "research", thread, {"wait": 0.0})
    assert (await http.get(f"/ui/threads/{sent}/runs/{run.run_id}")).json()["thread_id"] == thread
    await api.env.runs.join_wait(run.run_id)


async def test_behind_a_prefix_its_address_ends_in_a_slash(api: Served) -> None:
    serving = Serving(GatewaySettings(mount_prefix="/agents"))
    async with (
        Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway,
        httpx.AsyncClient(base_url=gateway.url, headers={"accept": "text/html"}) as http,
    ):
        for asked in ("/", "/agents"):
            assert (await http.get(asked)).headers["location"] == "/agents/"
        assert (await http.get("/agents/")).status_code == 200
        assert (await http.get("/agents/ui/static/x/app.js")).status_code == 200


async def test_why_runs_stand_still(api: Served, http: httpx.AsyncClient) -> None:
    asks = await begun(api, "review", "why-asks")
    failed = await begun(api, "fails", "why-failed")
    held = await begun(api, "research", "why-held", {"wait": 60.0})
    queued = await begun(api, "research", "why-held", {"wait": 0.0})
    later = await begun(api, "research", "why-later", {"wait": 0.0}, after_seconds=300)
    stops = await begun(api, "research", "why-stops", {"wait": 0.0}, interrupt_before=("write",))
    made = (asks, failed, held, queued, later, stops)
    wanted = ("question", "ended", "step", "queued", "delayed", "breakpoint")
    reasons = {run.run_id: reason for run, reason in zip(made, wanted, strict=True)}

    async def found() -> dict[str, Any]:
        page = (await http.get("/ui/runs", params={"limit": 200})).json()
        return {one["run_id"]: one["why"] for one in page["runs"] if one["run_id"] in reasons and one["why"]}

    async def as_wanted() -> bool:
        return {run_id: one["reason"] for run_id, one in (await found()).items()} == reasons

    await until(as_wanted)
    told = {run_id: one["text"] for run_id, one in (await found()).items()}
    assert told[asks.run_id] == "Awaits an answer: may it call send_mail?"
    assert told[failed.run_id] == "Failed with ValueError: the quota is used up"
    assert told[queued.run_id] == f"Queued behind run {held.run_id} of its thread"
    assert (await why(http, queued) or {})["behind"] == held.run_id
    for run in (held, queued, later, stops, asks):
        assert (await http.post(f"{place(run)}/cancel", json={})).json() == {"accepted": True}


async def test_a_run_that_is_tried_again_says_with_what_it_has_failed(api: Served, http: httpx.AsyncClient) -> None:
    retry = RetryPolicy(max_attempts=2, initial_interval=2.0)
    run = await begun(api, "fails", "tried-again", retry=retry)

    said = "it is tried again; it failed with ValueError: the quota is used up"

    async def is_told() -> bool:  # before that: that the node has failed
        return ((await why(http, run)) or {})["text"] == f"Attempt 1 failed at step 1, and {said}"

    await until(is_told)
    assert (await why(http, run) or {})["reason"] == "failing"
    assert (await api.env.runs.join_wait(run.run_id)).status == "error"
    assert (await why(http, run) or {})["reason"] == "ended"
    story = (await http.get(f"{place(run)}/timeline")).json()
    assert (await http.get(place(run), params={"after": 0})).json()["timeline"] == story
    attempts = [turn.get("after") for turn in story["turns"] if turn["type"] == "run_attempt_started"]
    assert attempts == [None, {"type": "ValueError", "message": "the quota is used up"}]


async def test_a_list_has_the_tokens_of_a_run_that_goes_on(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "spends", "spent", {"wait": 60.0})

    async def shown() -> dict[str, Any]:
        page = (await http.get("/ui/runs", params={"thread": "spent"})).json()
        return page["runs"][0]

    async def has_some() -> bool:
        return bool((await shown())["tokens"])

    await until(has_some)
    assert (await shown())["status"] == "running"
    so_far = (await shown())["tokens"]
    assert (await http.get(place(run))).json()["tokens"] == so_far
    await api.env.runs.cancel(run.run_id)
    ended = await api.env.runs.join_wait(run.run_id)
    assert ended.status == "interrupted"
    assert (await shown())["tokens"] == so_far
    threads = (await http.get("/ui/threads", params={"limit": 200})).json()["threads"]
    assert {one["thread_id"]: one["tokens"] for one in threads}["spent"] == so_far


async def test_a_list_is_filtered_and_paged(api: Served, http: httpx.AsyncClient) -> None:
    made = [await begun(api, "research", f"paged-{number}", {"wait": 0.0}) for number in range(3)]
    for run in made:
        await api.env.runs.join_wait(run.run_id)

    async def listed(**query: Any) -> list[str]:
        page = (await http.get("/ui/runs", params={"graph": "research", **query})).json()
        return [one["run_id"] for one in page["runs"] if one["thread_id"].startswith("paged-")]

    newest_first = [run.run_id for run in reversed(made)]
    assert await listed(limit=200) == newest_first
    assert await listed(thread="paged-1") == [made[1].run_id]
    assert await listed(status=["error", "timeout"]) == []
    assert await listed(since=made[1].created_at.isoformat(), until=made[2].created_at.isoformat()) == [made[1].run_id]
    assert await listed(before=made[1].run_id, limit=200) == [made[0].run_id]
    assert (await http.get("/ui/runs", params={"status": "nonsense"})).status_code == 422
    assert (await http.get("/ui/runs", params={"before": "nobody"})).status_code == 404


async def test_threads_are_listed(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "review", "listed")
    await api.env.runs.join_wait(run.run_id)
    page = (await http.get("/ui/threads", params={"status": "awaiting_input", "limit": 200})).json()
    found = {one["thread_id"]: one for one in page["threads"]}
    assert page["total"] == len(page["threads"])
    assert (found["listed"]["graph"], found["listed"]["questions"][0]["breakpoint"]) == ("review", False)
    assert found["listed"]["tokens"] is None
    assert "listed" not in [one["thread_id"] for one in (await http.get("/ui/threads?status=idle")).json()["threads"]]
    await api.env.runs.cancel(run.run_id)


async def test_a_filter_of_threads_chooses_runs(api: Served) -> None:
    for name in ("ann", "bob"):
        await api.env.runs.create_thread(f"matched-{name}", metadata={"owner": name})
        run = await begun(api, "research", f"matched-{name}", {"wait": 0.0})
        await api.env.runs.join_wait(run.run_id)
    only = Filter(all=(Condition(key="owner", op="eq", values=("ann",)),))
    found = await api.env.runs.overview.page(matching=only)
    assert [run.thread_id for run in found.runs] == ["matched-ann"]


async def test_the_story_of_a_run(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "agent", "story", {"messages": [("user", "What is it?")]}, stream_modes=("messages",))
    await api.env.runs.join_wait(run.run_id)
    story = (await http.get(f"{place(run)}/timeline")).json()
    assert [turn["type"] for turn in story["turns"]] == ["run_started", "run_attempt_started", "run_completed"]
    assert re.fullmatch(r"process \d+ on .+", story["turns"][1]["worker"])
    told = [(event["type"], event["path"]) for event in story["events"]]
    assert told == [
        ("llm_request", ["agent"]),
        ("llm_response", ["agent"]),
        ("tool_start", ["tools"]),
        ("tool_end", ["tools"]),
        ("llm_request", ["agent"]),
        ("llm_response", ["agent"]),
    ]
    assert story["events"][1]["usage"]["total_tokens"] > 0
    rest = (await http.get(f"{place(run)}/timeline", params={"after": story["next"]})).json()
    assert (rest["events"], rest["next"], rest["more"]) == ([], story["next"], False)
    seq = story["events"][3]["seq"]
    assert "three pages" in str((await http.get(f"{place(run)}/events/{seq}")).json()["content"])
    steps = (await http.get(f"{place(run)}/steps")).json()["steps"]
    assert [step["next"] for step in reversed(steps)] == [["__start__"], ["agent"], ["tools"], ["agent"], []]
    assert (await http.get(f"{place(run)}/asked")).json()["stream_mode"] == ["messages-tuple"]


async def test_steps_come_in_pages(api: Served) -> None:
    run = await begun(api, "research", "pages-of-steps", {"wait": 0.0})
    await api.env.runs.join_wait(run.run_id)
    overview, found, before = api.env.runs.overview, list[str](), None
    while True:
        page = await overview.steps(run.run_id, limit=2, before=before)
        found += [step.checkpoint_id for step in page.steps]
        if not page.more:
            break
        before = page.steps[-1].checkpoint_id
    assert found == [step.checkpoint_id for step in (await overview.steps(run.run_id)).steps]
    steps = (await overview.steps(run.run_id)).steps
    assert len(set(found)) == len(found) == len(steps)
    assert [step.next for step in steps if not step.namespace] == [
        (),
        ("write",),
        ("research",),
        ("plan",),
        ("__start__",),
    ]
    within = [step.next for step in steps if step.namespace.startswith("research:")]
    assert within == [(), ("weigh",), ("gather",), ("__start__",)]
    with pytest.raises(InvalidRunError, match="limit must be 1 or more"):
        await overview.timeline(run.run_id, limit=0)


async def test_a_question_is_answered_where_the_run_waits(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "review", "answered")
    await api.env.runs.join_wait(run.run_id)
    shown = (await http.get(place(run))).json()
    assert (shown["answerable"], shown["questions"][0]["value"]["action_requests"][0]["name"]) == (True, "send_mail")
    answer = {"decisions": [{"type": "approve"}]}
    assert (await http.post(f"{place(run)}/answer", json={"value": answer})).json()["run_id"] == run.run_id
    assert (await api.env.runs.join_wait(run.run_id)).values["answer"] == answer
    assert (await http.post(f"{place(run)}/answer", json={"value": answer})).status_code == 409


async def test_a_question_at_which_a_run_has_ended_is_answered_by_another_run(
    api: Served, http: httpx.AsyncClient
) -> None:
    run = await begun(api, "review", "ended-at-question", on_interrupt="finish")
    await api.env.runs.join_wait(run.run_id)
    assert (await http.get(place(run))).json()["why"]["reason"] == "question"
    assert (await http.post(f"{place(run)}/answer", json={"value": None})).status_code == 422
    made = (await http.post(f"{place(run)}/answer", json={"value": "yes"})).json()
    assert made["run_id"] != run.run_id
    assert (await http.get(place(run))).json()["can_go_on"] is False
    assert (await api.env.runs.join_wait(made["run_id"])).values["answer"] == "yes"
    answered = (await http.get(place(run))).json()
    assert (answered["answerable"], answered["why"]["reason"]) == (False, "ended")


async def test_a_failed_run_is_retried_and_a_state_is_edited_and_forked(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "fails", "mended")
    await api.env.runs.join_wait(run.run_id)
    again = (await http.post(f"{place(run)}/retry", json={})).json()
    assert (await api.env.runs.join_wait(again["run_id"])).status == "error"
    history = (await http.get("/ui/threads/mended/history")).json()
    assert (history["more"], history["checkpoints"][-1]["step"]) == (False, -1)
    edited = await http.post("/ui/threads/mended/state", json={"values": {"wait": -1.0}, "as_node": "__start__"})
    state = (await http.get("/ui/threads/mended/state")).json()
    assert (state["checkpoint_id"], state["values"]["wait"]) == (edited.json()["checkpoint_id"], -1.0)
    fork = await http.post(f"{place(run)}/fork", json={"checkpoint_id": state["checkpoint_id"]})
    assert (await api.env.runs.join_wait(fork.json()["run_id"])).status == "success", fork.text
    assert fork.json()["follow_up_to"] == run.run_id
    assert (await http.post(f"{place(run)}/fork", json={"checkpoint_id": "nothing"})).status_code == 422


async def test_a_failed_run_goes_on_where_it_has_stopped(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "unlucky", "gone-on", {"wait": 0.0})
    assert (await api.env.runs.join_wait(run.run_id)).status == "error"
    assert (await http.get(place(run))).json()["can_go_on"] is True
    made = (await http.post(f"{place(run)}/continue", json={})).json()
    ended = await api.env.runs.join_wait(made["run_id"])
    assert (ended.status, ended.values["log"]) == ("success", ["plan", "passed"])
    assert made["follow_up_to"] == run.run_id
    for one, why in ((run.run_id, "has gone on with another run"), (made["run_id"], "it is success")):
        refused = await http.post(f"/ui/threads/gone-on/runs/{one}/continue", json={})
        assert (refused.status_code, refused.json()["detail"].endswith(why)) == (409, True)
        assert refused.json()["detail"].count(f"run {one!r}") == 1
        assert (await http.get(f"/ui/threads/gone-on/runs/{one}")).json()["can_go_on"] is False


async def test_a_chat_begins_a_thread(api: Served, http: httpx.AsyncClient) -> None:
    body = {"assistant_id": "agent", "input": {"messages": [{"role": "user", "content": "Hello"}]}}
    run = (await http.post("/ui/threads/a chat/runs", json=body)).json()
    stream = await http.get(f"/ui/threads/a chat/runs/{run['run_id']}/stream")
    assert stream.status_code == 200
    assert "fencing" in stream.text
    assert "event: values" not in stream.text
    state = (await http.get("/ui/threads/a chat/state")).json()
    assert [one["type"] for one in state["values"]["messages"]] == ["human", "ai", "tool", "ai"]


async def test_a_run_of_another_thread_is_not_found(api: Served, http: httpx.AsyncClient) -> None:
    run = await begun(api, "research", "its-own", {"wait": 0.0})
    for part in ("", "/timeline", "/steps", "/asked", "/stream", "/events/1"):
        assert (await http.get(f"/ui/threads/another/runs/{run.run_id}{part}")).status_code == 404
    assert (await http.get(f"{place(run)}/events/999999")).status_code == 404
    await api.env.runs.join_wait(run.run_id)


async def test_what_is_served_is_told(api: Served, http: httpx.AsyncClient) -> None:
    about = (await http.get("/ui/about")).json()
    assert ({"agent", "review"} <= {*about["graphs"]}, about["temporal_ui"]) == (True, None)
