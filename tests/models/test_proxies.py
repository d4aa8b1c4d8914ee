"""The proxy of the environment, which both HTTP clients go through."""

import asyncio

import pytest

from pytest_modeleval.models.transports import make_transport

REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def request_lines(kind, monkeypatch, *, n_calls=2, **environment):
    """What a server that is also the proxy is asked for models at server.test."""
    lines = []

    async def answer(reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines.append(head.split(b"\r\n")[0].decode())
            await reader.readexactly(len(b"{}"))
            writer.write(REPLY)

    async def ask():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for name, value in environment.items():
            monkeypatch.setenv(name, value.format(port=port))
        transport = make_transport(kind, timeout_s=5)
        headers = {"Authorization": "Bearer none"}
        for _ in range(n_calls):
            await transport.post(f"http://localhost:{port}/v1/x", b"{}", headers)
        await transport.close()
        server.close()
        return port

    port = asyncio.run(ask())
    return [line.replace(str(port), "PORT") for line in lines]


@pytest.mark.parametrize("kind", ["aiohttp", "sdk"])
def test_proxy_of_the_environment_is_used_by_every_call(kind, monkeypatch):
    lines = request_lines(kind, monkeypatch, HTTP_PROXY="http://127.0.0.1:{port}")

    assert lines == ["POST http://localhost:PORT/v1/x HTTP/1.1"] * 2


@pytest.mark.parametrize("kind", ["aiohttp", "sdk"])
def test_host_that_needs_no_proxy_is_asked_itself(kind, monkeypatch):
    lines = request_lines(kind, monkeypatch, HTTP_PROXY="http://127.0.0.1:9", NO_PROXY="localhost")

    assert lines == ["POST /v1/x HTTP/1.1"] * 2


def test_netrc_does_not_stand_in_the_way_of_the_key(monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password secret\n")
    netrc.chmod(0o600)

    lines = request_lines("aiohttp", monkeypatch, NETRC=str(netrc))

    assert lines == ["POST /v1/x HTTP/1.1"] * 2
