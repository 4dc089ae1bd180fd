"""A real Temporal server behind TLS: certificates of both sides, and API keys."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.tls import Authority, TlsProxy

from perdure.contracts.errors import TemporalUnreachableError
from perdure.contracts.settings import Settings, load_settings
from perdure.contracts.temporal_settings import TemporalSettings
from perdure.runtime.connection import connect_temporal
from perdure.runtime.dev_server import DevServer


@dataclass(frozen=True)
class Behind:
    """The server behind TLS, as `localhost`."""

    proxy: TlsProxy
    files: dict[str, Path]

    def settings(self, *names: str, host: str = "localhost", **tls: object) -> Settings:
        given = {name.removeprefix("other_"): str(self.files[name]) for name in names}
        address = f"{host}:{self.proxy.port}"
        return Settings(
            temporal=TemporalSettings.model_validate({"address": address, "tls": given | tls, "connect_timeout": 3})
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def behind(server: DevServer, authority: Authority, tmp_path: Path) -> AsyncGenerator[Behind]:
    other = Authority(tmp_path, "other")
    cert, key = authority.client()
    other_cert, other_key = other.client("other")
    files = {"server_ca_cert": authority.file, "client_cert": cert, "client_key": key}
    files |= {"other_server_ca_cert": other.file, "other_client_cert": other_cert, "other_client_key": other_key}
    async with TlsProxy(server.address, authority.server("localhost")) as proxy:
        yield Behind(proxy, files)


ALL = ("server_ca_cert", "client_cert", "client_key")


async def test_with_a_certificate_of_each_side(behind: Behind) -> None:
    assert (await connect_temporal(behind.settings(*ALL))).namespace == "default"


async def test_by_another_name_than_the_certificate_has(behind: Behind) -> None:
    assert await connect_temporal(behind.settings(*ALL, host="127.0.0.1", server_name="localhost"))


async def test_by_temporals_variables(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, variable in zip(ALL, ("SERVER_CA_CERT", "CLIENT_CERT", "CLIENT_KEY"), strict=True):
        monkeypatch.setenv(f"TEMPORAL_TLS_{variable}_PATH", str(behind.files[name]))
    assert await connect_temporal(behind.settings())


WRONG = {
    "nobody signed for the server": (("other_server_ca_cert", *ALL[1:]), "nobody who is trusted has signed"),
    "no certificate of the client": (ALL[:1], "perhaps it wants another client certificate than temporal.tls gives"),
    "one of another authority": ((ALL[0], "other_client_cert", "other_client_key"), "wants another client certificate"),
    "a certificate with another key": ((*ALL[:2], "other_client_key"), "certificate and key do not belong together"),
    "no TLS": ((), "perhaps it wants TLS"),
}


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_named(case: str, behind: Behind) -> None:
    names, told = WRONG[case]
    with pytest.raises(TemporalUnreachableError, match=told):
        await connect_temporal(behind.settings(*names))


async def test_a_server_of_another_name(behind: Behind) -> None:
    with pytest.raises(TemporalUnreachableError, match=r"for another name than its address: see temporal.tls"):
        await connect_temporal(behind.settings(*ALL, host="127.0.0.1"))


async def test_an_api_key_goes_in_the_header(
    server: DevServer, authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PERDURE_TEMPORAL__API_KEY", "key-4711")
    async with TlsProxy(server.address, authority.open_server("localhost")) as proxy:
        file = tmp_path / "perdure.yaml"
        temporal = {"address": f"localhost:{proxy.port}", "tls": {"server_ca_cert": authority.file.name}}
        file.write_text(json.dumps({"temporal": temporal}))
        await connect_temporal(load_settings(file))
        assert proxy.authorizations == {"Bearer key-4711"}
