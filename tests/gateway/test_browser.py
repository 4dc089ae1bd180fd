"""The page in a real browser: what a person sees of runs, and does with them."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from graphs.page import MARKUP, graphs
from playwright.async_api import Browser, Page, Route, expect
from support.browsers import ELSEWHERE, Looked, chromium, looking
from support.gateways import MortalGateway, Served, served
from support.many_runs import add_calls, add_copies
from support.servers import until
from support.workers import WorkerProcess

import perdure
from perdure import ActorContext, RunRecord, RunScope, RunSpec, Settings, bind_actor
from perdure.contracts.gateway_settings import GatewaySettings
from perdure.contracts.settings import RunSettings
from perdure.gateway import Gateway, Serving

_OURS = uuid.uuid4().hex[:8]
expect.set_options(timeout=20_000)


@pytest.fixture(scope="module")
async def browser(needs_server: None) -> AsyncIterator[Browser]:
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
async def api(browser: Browser, temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    home: Path = tmp_path_factory.mktemp("browser")
    async with served(temporal, home, graphs()) as api:
        yield api


@pytest.fixture
async def looked(browser: Browser, api: Served) -> AsyncIterator[Looked]:
    async with looking(browser, api.gateway.url) as looked:
        yield looked


def own(thread: str) -> str:
    """All tests share a namespace."""
    return f"{thread}-{_OURS}"


async def begun(api: Served, graph: str, thread: str, input: Any = None, **more: Any) -> RunRecord:
    spec = RunSpec(assistant_id=graph, scope=RunScope(thread_id=own(thread)), input=input or {"topic": "x"}, **more)
    return await api.env.runs.create_background(spec)


def place(run: RunRecord) -> str:
    return f"runs/{run.thread_id}/{run.run_id}"


async def expect_status(page: Page, status: str) -> None:
    await expect(page.locator("h1 .pill")).to_have_text(status)


async def bars(page: Page, kind: str) -> list[str]:
    """The names of the bars of a kind, as a screen reader has them."""
    found = page.locator(f"svg.timeline [data-kind={kind}]")
    return [str(await one.get_attribute("aria-label")) for one in await found.all()]


async def test_a_run_is_watched_over_a_killed_worker_and_a_restarted_gateway(
    browser: Browser, settings: Settings
) -> None:
    settings = settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0)})
    places = {"research": "page.py:research"}
    worker, gateway = WorkerProcess(settings, places), MortalGateway(settings, places)
    spec = RunSpec(assistant_id="research", scope=RunScope(thread_id=own("watched")), input={"wait": 0.7})
    try:
        await until(gateway.is_there)
        async with looking(browser, f"http://{gateway.address}") as looked, perdure.connect(settings=settings) as runs:
            page = looked.page
            await looked.open()
            run = await runs.create_background(spec)
            row = page.get_by_role("row").filter(has_text=run.run_id)
            await expect(row.locator(".pill")).to_have_text("running")
            await row.focus()
            await page.keyboard.press("Enter")
            await expect(page.locator("svg.graph [data-node='research:gather']")).to_be_visible()
            await expect(page.get_by_role("button", name="step plan, done")).to_be_visible()
            await asyncio.to_thread(worker.kill)
            worker.start()
            gateway.kill()
            await expect(page.locator("#connection")).to_have_text("no connection, trying again")
            gateway.start()
            await expect_status(page, "success")
            assert re.search("attempt 1 .*, cut, .*attempt 2 .*, done", "; ".join(await bars(page, "attempt")))
            steps = {name.partition(",")[0] for name in await bars(page, "step")}
            assert steps == {f"step {name}" for name in ("plan", "research", "gather", "weigh", "write")}
            await expect(page.locator("svg.graph [data-node=write]")).to_have_attribute("data-state", "done")
    finally:
        worker.kill()
        gateway.kill()


async def test_who_finds_a_question_answers_it(api: Served, looked: Looked) -> None:
    run = await begun(api, "review", "asked")
    await looked.open("?status=attention")
    page = looked.page
    await expect(page.get_by_text("Awaits an answer: may it call send_mail?").first).to_be_visible()
    await page.get_by_role("link", name=run.run_id).click()
    await page.get_by_label("Edit").check()
    await page.get_by_label("Arguments (JSON)").fill('{"to": "bob@example.com"')
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.get_by_role("alert").filter(has_text="is no JSON")).to_be_visible()
    await page.get_by_label("Arguments (JSON)").fill('{"to": "bob@example.com"}')
    send, goes_on = page.get_by_role("button", name="Send the answer"), asyncio.Event()

    async def nobody_takes_it(route: Route) -> None:
        await goes_on.wait()
        await route.fulfill(status=503, json={"detail": "no worker takes it"})

    await page.route("**/answer", nobody_takes_it)
    await send.click()
    await expect(page.get_by_text("Sending it …")).to_be_visible()
    await expect(send).to_be_disabled()
    goes_on.set()
    await expect(page.get_by_role("alert").filter(has_text="no worker takes it")).to_be_visible()
    await expect(page.get_by_text("Sending it …")).to_have_count(0)
    await page.unroute("**/answer")
    await send.click()
    await expect_status(page, "success")
    await expect(page.locator("#main")).to_be_focused()
    edited = {"name": "send_mail", "args": {"to": "bob@example.com"}}
    decided = {"decisions": [{"type": "edit", "edited_action": edited}]}
    assert (await api.env.runs.join_wait(run.run_id)).values["answer"] == decided
    await expect(page.locator("#live")).to_have_text("The run is success.")


async def test_a_run_is_rolled_back(api: Served, looked: Looked) -> None:
    done = await begun(api, "research", "rolled", {"wait": 0.0})
    await api.env.runs.join_wait(done.run_id)
    run = await begun(api, "research", "rolled", {"wait": 60.0})
    await looked.open(place(run))
    page = looked.page
    await expect_status(page, "running")
    await page.get_by_role("button", name="Roll back").click()
    await page.get_by_role("button", name="Keep as it is").click()
    await expect_status(page, "running")
    await page.get_by_role("button", name="Roll back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    await expect_status(page, "rolled back")
    await expect(page.locator(".why-line")).to_have_text("Rolled back: its thread is as it was before it")
    state = await api.env.runs.get_state(own("rolled"))
    assert state is not None
    assert state.values["log"] == ["plan", "plan", "gather", "weigh", "write"]


async def test_a_failed_run_is_brought_on_its_way(api: Served, looked: Looked) -> None:
    run = await begun(api, "fails", "mended")
    await looked.open(place(run))
    page = looked.page
    await expect(page.locator(".failure")).to_contain_text("the quota is used up")
    await page.get_by_text("State: each checkpoint").click()
    await page.get_by_label("next: charge").check()
    edit = page.get_by_role("button", name="Edit the state")
    await expect(edit).to_have_attribute("aria-expanded", "false")
    await edit.click()
    await expect(edit).to_have_attribute("aria-expanded", "true")
    await page.get_by_label("Values (JSON)").fill('{"wait": -1}')
    await page.get_by_label("As node").fill("__start__")
    await page.get_by_role("button", name="Write them").click()
    newest = page.locator(".checkpoints li").first
    await expect(newest).to_contain_text("update")
    await page.get_by_label("next: charge").last.uncheck()
    await newest.get_by_role("checkbox").check()
    await page.get_by_role("button", name="Fork").click()
    await expect_status(page, "success")
    assert run.run_id not in page.url


async def test_a_run_that_has_failed_for_a_moment_goes_on(api: Served, looked: Looked) -> None:
    run = await begun(api, "unlucky", "unlucky", {"wait": 0.0})
    await looked.open("?status=error")
    page = looked.page
    await page.get_by_role("link", name=run.run_id).click()
    await page.get_by_role("button", name="Go on").click()
    await expect_status(page, "success")
    await expect(page.get_by_role("button", name="step charge, done")).to_be_visible()
    assert run.run_id not in page.url


async def test_a_run_does_not_go_on_whose_thread_has_gone_on_with_another(api: Served, looked: Looked) -> None:
    run = await begun(api, "review", "passed", on_interrupt="finish")
    await api.env.runs.join_wait(run.run_id)
    other = await begun(api, "review", "passed")
    await api.env.runs.join_wait(other.run_id)
    await looked.open(place(run))
    page = looked.page
    await expect_status(page, "interrupted")
    await expect(page.get_by_role("button", name="Retry")).to_be_visible()
    await expect(page.get_by_role("button", name="Go on")).to_have_count(0)
    await api.env.runs.cancel(other.run_id)


async def test_names_of_nodes_that_are_words_of_javascript(api: Served, looked: Looked) -> None:
    run = await begun(api, "names", "names", {"wait": 0.0, "log": ["x"] * 150})
    await looked.open(place(run))
    page = looked.page
    await expect_status(page, "success")
    for name in ("__proto__", "constructor", "without:within:alone"):
        await expect(page.locator(f"svg.graph [data-node='{name}']")).to_have_attribute("data-state", "done")
    shown = await page.locator("svg.graph .node > text").evaluate_all(
        "found => found.map((one) => one.firstChild.data)"
    )
    assert sorted(shown) == ["__proto__", "alone", "constructor", "end", "start"]
    assert {f"step {name}" for name in ("__proto__", "constructor", "without")} <= {
        name.partition(",")[0] for name in await bars(page, "step")
    }
    outer, inner = [await one.bounding_box() for one in await page.locator("svg.graph .cluster rect").all()]
    assert outer is not None
    assert inner is not None
    # The name of the outer one stands above the frame of the inner one.
    assert inner["y"] - outer["y"] > 10
    assert inner["y"] + inner["height"] < outer["y"] + outer["height"]
    await page.get_by_role("button", name="step constructor").click()
    changed = page.locator(".diff li")
    await expect(changed.locator("> code")).to_have_text(["answer.__proto__", "answer.constructor"])
    assert await changed.evaluate_all("found => found.map((one) => one.dataset.change)") == ["added", "added"]
    await page.get_by_text("Values at its end").click()
    await page.get_by_role("button", name=re.compile(r"^show \d+ more")).press("Enter")
    await expect(page.locator(".value-inner > :focus")).to_have_text("100: x")


async def test_what_agents_say_is_never_markup(api: Served, looked: Looked) -> None:
    asks = await begun(api, "wild", "wild-asks", metadata={"x": MARKUP})
    failed = await begun(api, "wild", f"wild {MARKUP.replace('/', '')}", {"topic": "fail"})
    page = looked.page
    await looked.open()
    await expect(page.get_by_text(f"Failed with ValueError: {MARKUP}").first).to_be_visible()
    await looked.open(place(asks))
    await expect(page.locator(".question")).to_have_text(MARKUP)
    await expect(page.locator("svg.graph")).to_contain_text("<script>")
    await page.get_by_text("State: each checkpoint").click()
    await page.get_by_role("checkbox").first.check()
    await page.get_by_role("textbox", name="Answer").fill(MARKUP)
    await page.get_by_role("button", name="Send the answer").click()
    await expect_status(page, "success")
    await page.locator("svg.timeline [data-kind=step]").first.click()
    await expect(page.locator(".detail .new").first).to_contain_text(MARKUP)
    await page.get_by_role("link", name="Runs", exact=True).first.click()
    await page.get_by_role("link", name=failed.run_id).click()
    await expect(page.locator(".failure pre").first).to_have_text(MARKUP)
    for name in ("threads", f"threads/{own('wild-asks')}"):
        await looked.open(name)
        await expect(page.locator("#main h1")).to_be_visible()
    await looked.open("chat/paints")
    await page.get_by_label("Message").fill(MARKUP)
    await page.keyboard.press("Enter")
    await expect(page.locator(".chat-said .said-text").last).to_have_text(f"{MARKUP}[image_url]")
    assert await page.evaluate("[window.hit, document.querySelectorAll('main img, main script').length]") == [None, 0]


async def test_a_thread_is_opened_whose_id_a_browser_takes_for_a_step(api: Served, looked: Looked) -> None:
    spec = RunSpec(assistant_id="research", scope=RunScope(thread_id=".."), input={"wait": 0.0})
    run = await api.env.runs.create_background(spec)
    await looked.open("threads")
    page = looked.page
    await page.get_by_role("link", name="..", exact=True).click()
    await page.get_by_role("link", name=run.run_id).click()
    await expect_status(page, "success")
    await expect(page.get_by_role("button", name="step write, done")).to_be_visible()


async def test_two_users_see_what_is_theirs(api: Served, browser: Browser) -> None:
    keys, runs = dict[str, str](), dict[str, RunRecord]()
    for name in ("ann", "bob"):
        keys[name] = (await api.env.runs.api_keys.create(name)).key
        with bind_actor(ActorContext(user_id=name)):
            runs[name] = await begun(api, "research", f"of-{name}", {"wait": 0.0})
    serving = Serving(GatewaySettings(api_keys=True))
    async with Gateway(api.env.runs, host="127.0.0.1", port=0, serving=serving) as gateway:
        for name, other in (("ann", "bob"), ("bob", "ann")):
            async with looking(browser, gateway.url) as looked:
                page = looked.page
                await looked.open()
                await page.get_by_label("API key").fill("wrong")
                await page.keyboard.press("Enter")
                await expect(page.get_by_text("The key that was entered is not let in.")).to_be_visible()
                await page.get_by_label("API key").fill(keys[name])
                await page.keyboard.press("Enter")
                await expect(page.get_by_role("link", name=runs[name].run_id)).to_be_visible()
                await expect(page.get_by_text(runs[other].run_id)).to_have_count(0)
                await looked.open(place(runs[other]))
                await expect(page.get_by_text("There is no such run")).to_be_visible()
                await looked.open(place(runs[name]))
                await expect_status(page, "success")
                assert [url for url in looked.addresses if keys[name] in url] == []
                assert keys[name] not in await page.evaluate("JSON.stringify(localStorage) + document.cookie")


async def test_a_conversation_over_plain_http(api: Served, browser: Browser) -> None:
    async with looking(browser, api.gateway.url.replace("127.0.0.1", ELSEWHERE)) as looked:
        page = looked.page
        await looked.open("chat")
        assert await page.evaluate("isSecureContext") is False
        await page.get_by_role("link", name="agent").click()
        await page.get_by_label("Message").fill("What is a fencing token?")
        await page.keyboard.press("Enter")
        await expect(page.locator(".chat-said")).to_contain_text("so that a late writer is told apart.")
        assert await page.locator(".chat-said .message").count() == 4


async def test_who_speaks_in_a_chat_is_heard_to_his_end(api: Served, looked: Looked) -> None:
    page = looked.page
    await looked.open("chat/sleeps")
    for seconds in ("2", "60"):
        await page.get_by_label("Message").fill(seconds)
        await page.keyboard.press("Enter")
    await expect(page.get_by_text("running · 1 more in line")).to_be_visible()
    said = page.locator(".message .said-text")
    await expect(said.filter(has_text="slept for 2 s")).to_be_visible()
    await expect(said.get_by_text("60", exact=True)).to_be_visible()
    await page.reload()
    await expect(page.get_by_text("running · look at the run")).to_be_visible()
    thread_id = page.url.rpartition("/")[2]
    (run, _) = await api.env.runs.list_runs(thread_id)
    await api.env.runs.cancel(run.run_id)
    await expect(page.get_by_text("interrupted · look at the run")).to_be_visible()


async def test_what_is_asked_in_a_chat_comes_before_what_was_sent_after_it(api: Served, looked: Looked) -> None:
    run = await begun(api, "sprawls", "asks-in-chat", {"messages": [("user", "ask")]})
    page = looked.page
    await looked.open(f"chat/sprawls/{run.thread_id}")
    await expect(page.get_by_text("awaiting input · look at the run")).to_be_visible()
    await page.get_by_label("Message").fill("fail")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("awaiting input · 1 more in line")).to_be_visible()
    await page.reload()
    await page.get_by_label("Approve").check()
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.locator(".chat-said")).to_contain_text("{'decisions': [{'type': 'approve'}]}")
    await expect(page.get_by_text("error: ")).to_be_visible()
    # A run of a chat ends at its question, and another one goes on with the answer.
    await page.get_by_label("Message").fill("ask")
    await page.keyboard.press("Enter")
    await page.get_by_label("Reject").check()
    await expect(page.get_by_text("awaiting input · look at the run")).to_be_visible()
    await page.get_by_role("button", name="Send the answer").click()
    await expect(page.locator(".chat-said")).to_contain_text("{'decisions': [{'type': 'reject'}]}")


OUTSIDE = """() => [...document.querySelectorAll("#main *")]
    .filter((one) => !one.closest("svg, .unseen, thead") && one.getBoundingClientRect().right > innerWidth + 1)
    .map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 20)}`)"""
"""What stands out of the page, or would, if it were not cut off."""
TURNED_ROUND = """() => [...document.querySelectorAll("#main a")].filter((one) => {
    const range = document.createRange();
    const left = (at) => {
        range.setStart(one.firstChild, at);
        range.setEnd(one.firstChild, at + 1);
        return range.getBoundingClientRect().left;
    };
    return one.textContent.startsWith("look at") && left(1) < left(0);
}).length"""


async def test_long_words_and_text_that_turns_stay_in_their_place(api: Served, browser: Browser) -> None:
    runs = [await begun(api, "sprawls", f"sprawls-{says}", {"messages": [("user", says)]}) for says in ("fail", "ask")]
    for run in runs:
        await api.env.runs.join_wait(run.run_id)
    async with looking(browser, api.gateway.url, viewport={"width": 360, "height": 700}) as looked:
        page = looked.page
        for run in runs:
            there = {
                "?status=attention": page.get_by_text(run.run_id),
                "threads": page.get_by_role("link", name=run.thread_id),
                f"threads/{run.thread_id}": page.get_by_role("link", name=run.run_id),
                place(run): page.locator(".failure pre, .answer"),
                f"chat/sprawls/{run.thread_id}": page.get_by_role("link", name="look at the run"),
            }
            for name, what in there.items():
                await looked.open(name)
                await expect(what.first).to_be_visible()
                assert await page.evaluate(OUTSIDE) == [], name
                assert await page.evaluate("document.documentElement.scrollWidth <= 360"), name
                assert await page.evaluate(TURNED_ROUND) == 0, name
    await api.env.runs.cancel(runs[-1].run_id)


async def test_it_can_be_used_with_keys_and_on_a_narrow_screen(api: Served, browser: Browser) -> None:
    run = await begun(api, "agent", "narrow", {"messages": [("user", "Hi " * 60)]}, stream_modes=("messages",))
    await api.env.runs.join_wait(run.run_id)
    async with looking(browser, api.gateway.url, viewport={"width": 360, "height": 700}) as looked:
        page = looked.page
        for name in ("", "threads", "chat", "chat/agent", f"threads/{own('narrow')}", place(run)):
            await looked.open(name)
            await expect(page.locator("#main h1")).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= 360"), name
        await expect(page.locator("svg.timeline [data-kind=model]")).to_have_count(2)
        await page.locator("svg.timeline").focus()
        for key in ("ArrowRight", "ArrowRight", "Enter"):
            await page.keyboard.press(key)
        await expect(page.get_by_label("The chosen bar")).to_be_focused()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("The chosen bar")).to_be_hidden()
        await expect(page.locator("svg.timeline [data-bar]:focus")).to_have_count(1)
        await page.reload()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="To the content")).to_be_focused()


async def size(page: Page) -> int:
    found: int = await page.evaluate("document.querySelectorAll('*').length")
    return found


async def test_ten_thousand_runs_and_fifty_thousand_events(api: Served, looked: Looked) -> None:
    run = await begun(api, "spends", "large", {"wait": 0.0})
    await api.env.runs.join_wait(run.run_id)
    store = Path(api.env.settings.store_url.removeprefix("sqlite:///"))
    await asyncio.to_thread(add_calls, store, run.run_id, 25_000)
    await asyncio.to_thread(add_copies, store, run.run_id, 10_000)
    page = looked.page
    await looked.open()
    await expect(page.locator("#count")).to_have_text("50 runs, and more")
    await page.get_by_role("link", name="Older").click()
    await expect(page.locator("tr.row a").first).to_have_text("run-of-many-9949")
    await page.get_by_label("Thread").fill(own("large"))
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=run.run_id).click()

    async def is_whole() -> bool:  # 2,000 events a part
        return len([url for url in looked.addresses if "/timeline" in url]) > 25

    await until(is_whole)
    await expect(page.get_by_role("button", name=re.compile(r"^[\d.]+ k models,")).first).to_be_visible()
    assert await size(page) < 3_000
    await page.get_by_label("Zoom in").click()
    await page.locator("svg.timeline").focus()
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(page.get_by_label("The chosen bar")).to_be_focused()


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
async def test_without_a_browser_ci_fails(monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[Exception]) -> None:
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(outcome, match="apt install chromium"):
        await chromium().__aenter__()
