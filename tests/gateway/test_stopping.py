"""A gateway that is stopped in good order: the clients of its streams go on at another one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from langgraph_sdk import get_client
from support.gateways import Client, Served
from support.proxy import Proxy

from perdure.contracts.errors import UnavailableError
from perdure.gateway import Gateway


@pytest.mark.filterwarnings("ignore")  # the client says that it tries again
@pytest.mark.parametrize("on_disconnect", ["continue", "cancel"])
@pytest.mark.parametrize("way", ["stream", "wait"])
async def test_a_client_goes_on_at_another_gateway(api: Served, way: str, on_disconnect: str) -> None:
    async with Gateway(api.env.runs, host="127.0.0.1", port=0) as second:
        first = Gateway(api.env.runs, host="127.0.0.1", port=0)
        await first.__aenter__()
        async with Proxy(first.url.removeprefix("http://")) as proxy:
            client: Client = get_client(url=f"http://{proxy.address}")
            thread = (await client.threads.create())["thread_id"]
            wanted = {"input": {"tag": "t", "wait": 0.5}, "on_disconnect": on_disconnect}

            def stop_the_first(_: Any) -> None:
                proxy.point(second.url.removeprefix("http://"))
                first.stop()

            if way == "wait":
                values = await client.runs.wait(thread, "steps", on_run_created=stop_the_first, **wanted)
                assert values["log"] == ["a:t", "b:t", "c:t"]
            else:
                names: list[str] = []
                async for part in client.runs.stream(thread, "steps", stream_mode="updates", **wanted):
                    names += [*part.data] if part.event == "updates" else []
                    if names == ["a"]:
                        stop_the_first(None)
                assert names == ["a", "b", "c"]
            (run,) = await client.runs.list(thread)
            assert run["status"] == "success"
            await client.aclose()
        await first.__aexit__()


async def test_a_body_does_not_wait_for_the_acknowledgement_of_its_headers(api: Served) -> None:
    async def seconds() -> float:
        began = time.perf_counter()
        assert (await api.http.get("/ok")).is_success
        return time.perf_counter() - began

    await seconds()
    assert min([await seconds() for _ in range(20)]) < 0.03  # the kernel delays an acknowledgement by 40 ms


async def test_a_port_that_is_taken_is_said(api: Served) -> None:
    with pytest.raises(UnavailableError, match=rf"127\.0\.0\.1:{api.gateway.port} .*--api-port .*gateway\.port"):
        await Gateway(api.env.runs, host="127.0.0.1", port=api.gateway.port).__aenter__()
