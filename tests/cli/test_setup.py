"""`perdure setup`: what it adds to a namespace, and what it finds wrong there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from support.namespaces import KEYWORD, add_attributes, bare_namespace, client_of, present
from support.servers import local_settings, started
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contracts.settings import Settings
from perdure.contracts.wire import SEARCH_ATTRIBUTES
from perdure.runtime import namespace
from perdure.runtime.check import Check

from .conftest import CommandLine

Setup = Callable[..., Awaitable[tuple[int, dict[str, dict[str, str]]]]]


@pytest.fixture
def setup(lonely: CommandLine, temporal: str) -> Setup:
    async def called(name: str, *flags: str) -> tuple[int, dict[str, dict[str, str]]]:
        cli = lonely.having(PERDURE_TEMPORAL__NAMESPACE=name)
        ended = await cli("setup", "--json", *flags)
        return ended.code, {check["name"]: check for check in ended.document["checks"]}

    return called


async def test_it_adds_what_is_missing_and_says_so(setup: Setup, temporal: str) -> None:
    client = await bare_namespace(temporal, "set-up")
    await add_attributes(client, {"ThreadId": KEYWORD})
    code, checks = await setup("set-up")
    assert (code, {check["level"] for check in checks.values()}) == (0, {"ok"})
    assert checks["search attributes"]["detail"] == "added: AssistantId, RunStatus, UserId; there already: ThreadId"
    assert set(SEARCH_ATTRIBUTES) <= set(await present(client))
    code, checks = await setup("set-up")
    assert (code, checks["search attributes"]["detail"]) == (0, f"there already: {', '.join(SEARCH_ATTRIBUTES)}")


async def test_a_check_changes_nothing(setup: Setup, temporal: str) -> None:
    client = await bare_namespace(temporal, "checked")
    code, checks = await setup("checked", "--check")
    assert (code, checks["search attributes"]["level"]) == (1, "fail")
    assert "run `perdure setup`" in checks["search attributes"]["advice"]
    assert not set(SEARCH_ATTRIBUTES) & set(await present(client))


@pytest.mark.parametrize("flags", [(), ("--check",)])
async def test_a_wrong_type_is_an_error_with_the_command_that_mends_it(
    flags: tuple[str, ...], setup: Setup, temporal: str
) -> None:
    name = f"wrong{len(flags)}"
    client = await bare_namespace(temporal, name)
    await add_attributes(client, {"RunStatus": IndexedValueType.INDEXED_VALUE_TYPE_INT})
    code, checks = await setup(name, *flags)
    assert code == 1
    assert "RunStatus has the type Int" in checks["search attributes"]["detail"]
    assert f"--namespace {name} --name RunStatus" in checks["search attributes"]["detail"]
    assert set(SEARCH_ATTRIBUTES) & set(await present(client)) == {"RunStatus"}, "all or nothing"


async def test_without_temporal_it_is_69(lonely: CommandLine) -> None:
    ended = await lonely.having(PERDURE_TEMPORAL__ADDRESS="127.0.0.1:1")("setup")
    assert ended.code == 69
    assert "temporal.address" in ended.err


@pytest.fixture
async def client(temporal: str) -> Client:
    return await client_of(temporal)


async def checked(client: Client, name: str) -> Check:
    found = {check.name: check async for check in namespace.examine_namespace(client, Settings())}
    return found[name]


async def test_a_short_retention_is_too_short_for_something(temporal: str) -> None:
    brief = await bare_namespace(temporal, "brief", retention=timedelta(hours=1))
    check = await checked(brief, "retention")
    assert (check.level, "in Temporal for 1 h: too short for runs" in check.detail) == ("warn", True)
    assert check.advice is not None
    assert "--namespace brief" in check.advice


@pytest.mark.usefixtures("needs_server")
async def test_a_server_without_updates(tmp_path: Path) -> None:
    off = {"frontend.enableUpdateWorkflowExecution": False}
    async with started(local_settings(tmp_path, db_filename=None, dynamic_config=off)) as server:
        check = await checked(await server.connect(), "limits")
    assert (check.level, check.detail) == ("fail", "updates of workflows are not enabled: nobody can submit a run")


# What a development server never does.


def refused(status: RPCStatusCode) -> AsyncMock:
    return AsyncMock(side_effect=RPCError("Request unauthorized.", status, b""))


async def test_a_reader_may_not_submit(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client.workflow_service, "signal_workflow_execution", refused(RPCStatusCode.PERMISSION_DENIED))
    check = await checked(client, "permissions")
    assert (check.level, check.detail) == ("fail", "no permission to write: Request unauthorized.")


async def test_small_payloads(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    described = DescribeNamespaceResponse()
    described.namespace_info.limits.blob_size_limit_error = 65536
    described.namespace_info.capabilities.sync_update = described.namespace_info.capabilities.async_update = True
    monkeypatch.setattr(client.workflow_service, "describe_namespace", AsyncMock(return_value=described))
    check = await checked(client, "limits")
    assert (check.level, check.detail) == ("warn", "updates, payloads up to 65,536 bytes")


@pytest.mark.parametrize(("version", "old"), [("1.28.1", True), ("1.29.1", False), ("v2.0", False), ("dev", False)])
def test_an_old_server(version: str, old: bool) -> None:
    assert namespace.is_old(version) is old
