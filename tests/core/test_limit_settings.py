"""Settings of what may be asked and spent: rate limits, a budget, keys, transports and prices."""

import importlib.util

import pytest

from pytest_modeleval.errors import UsageError
from pytest_modeleval.models.transports import make_transport
from pytest_modeleval.settings import Price, RateLimit, resolve

KEY_HINT = (
    "model_eval_api_keys: a line names a host and the environment variable that holds its key, in "
    "capitals: openrouter.ai OPENROUTER_API_KEY (never the key itself)"
)


def refusal(root=None, **ini):
    """The message with which settings are refused."""
    with pytest.raises(UsageError) as caught:
        resolve({}, ini, root=root)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("500", RateLimit(requests=500)),
        (500, RateLimit(requests=500)),
        ("500 requests", RateLimit(requests=500)),
        ("1 request", RateLimit(requests=1)),
        ("0.5 requests/min", RateLimit(requests=0.5)),
        ("200000 tokens", RateLimit(tokens=200_000)),
        ("200k tokens per minute", RateLimit(tokens=200_000)),
        ("2M tokens, 500 requests", RateLimit(requests=500, tokens=2_000_000)),
        (["500 requests", "1k tokens"], RateLimit(requests=500, tokens=1_000)),
        (None, RateLimit()),
    ],
)
def test_a_rate_limit_is_requests_and_tokens(text, limit):
    """Per minute; a bare number counts requests."""
    assert resolve({}, {"rate_limit": text}).rate_limit == limit


@pytest.mark.parametrize(
    "text", ["0", "-1", "many", "500 calls", "1e3", "500 requests/s", "9" * 400, "5,", "nan"]
)
def test_a_rate_limit_that_is_none(text):
    """Says what would do."""
    message = refusal(rate_limit=text)

    assert message.startswith("model_eval_rate_limit: ")
    assert message.endswith(
        "is not a limit per minute; write '500 requests' or '500 requests, 200000 tokens'"
    )


@pytest.mark.parametrize("text", ["500, 600", "1k tokens, 5 tokens", ["5", "6 requests"]])
def test_two_limits_on_one_thing(text):
    """Neither is taken silently."""
    assert "model_eval_rate_limit: there are two limits on " in refusal(rate_limit=text)


@pytest.mark.parametrize(
    ("text", "dollars"),
    [("$5", 5.0), ("5", 5.0), (5, 5.0), (0.5, 0.5), ("$.50", 0.5), (None, None)],
)
def test_a_budget_is_dollars(text, dollars):
    """With or without their sign."""
    assert resolve({}, {"max_cost": text}).max_cost_usd == dollars


@pytest.mark.parametrize("text", ["0", "$0.00", "-5", "five", "5€", "inf", "nan", "9" * 400])
def test_a_budget_that_is_none(text):
    """Says what would do."""
    assert refusal(max_cost=text) == (
        f"model_eval_max_cost: {text!r} is not an amount of dollars; write $5 or $0.50"
    )


@pytest.mark.parametrize(
    ("line", "host", "variable"),
    [
        ("openrouter.ai OPENROUTER_API_KEY", "openrouter.ai", "OPENROUTER_API_KEY"),
        ("OpenRouter.AI\tKEY_2", "openrouter.ai", "KEY_2"),
        ("https://openrouter.ai/api/v1   KEY", "openrouter.ai", "KEY"),
        ("localhost:8000 LOCAL_KEY", "localhost:8000", "LOCAL_KEY"),
        ("inner.example none", "inner.example", "none"),
    ],
)
def test_a_key_is_named_by_its_variable(line, host, variable):
    """For a host."""
    assert resolve({}, {"api_keys": line}).api_keys == {host: variable}


@pytest.mark.parametrize(
    "line",
    [
        "openrouter.ai sk-or-v1-0123456789abcdef",
        "api.groq.com gsk_0123456789abcdefABCDEF",
        "api.example.com AIzaSyD0123456789abcdef",
        "api.example.com 0123456789ABCDEF",
        "api.example.com KEY sk-0123",
        "sk-or-v1-0123456789abcdef openrouter.ai",
        "sk-or-v1-0123456789abcdef",
        "OPENROUTER_API_KEY",
        "openrouter.ai=KEY",
    ],
)
def test_a_key_that_was_pasted_is_refused_and_not_repeated(line):
    """Messages end up in logs."""
    assert refusal(api_keys=line) == KEY_HINT


def test_two_keys_of_one_host():
    """Neither is taken silently."""
    assert refusal(api_keys=["a.example ONE", "A.example TWO"]) == (
        "model_eval_api_keys: a.example is named twice; write one line"
    )


def test_a_transport():
    """Is one of three."""
    assert resolve({}, {}).transport == "auto"
    names = ["auto", "aiohttp", "sdk"]
    assert [resolve({}, {"transport": name}).transport for name in names] == names
    assert refusal(transport="curl") == (
        "model_eval_transport: 'curl' is unknown; write auto, aiohttp, sdk"
    )


def test_a_transport_that_is_not_installed(monkeypatch):
    """Says how to install it; ``auto`` takes the other."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)

    with pytest.raises(UsageError) as caught:
        make_transport("aiohttp", timeout_s=1)

    assert str(caught.value) == (
        "model_eval_transport: aiohttp is not installed; pip install 'pytest-modeleval[fast]'"
    )
    assert type(make_transport("auto", timeout_s=1)).__name__ == "_SdkTransport"


@pytest.mark.parametrize("start", ["", "\ufeff"], ids=["plain", "bom"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_prices_in_a_file(tmp_path, start, end):
    """Relative to rootdir, with comments and empty lines, as editors on Windows write them."""
    lines = [
        "a input=1 output=2",
        "# from the price list",
        "",
        "  b input=3 output=4  # per million",
    ]
    text = start + end.join(lines)
    (tmp_path / "prices.txt").write_bytes(text.encode())

    settings = resolve({}, {"prices": ["c input=5 output=6", "prices.txt"]}, root=tmp_path)

    assert settings.prices == {
        "a": Price(input=1.0, output=2.0),
        "b": Price(input=3.0, output=4.0),
        "c": Price(input=5.0, output=6.0),
    }


def test_a_wrong_line_in_a_file_of_prices(tmp_path):
    """Is named by file and line."""
    path = tmp_path / "prices.txt"
    path.write_text("a input=1 output=2\n\nb inptu=1 output=2\n")

    assert refusal(tmp_path, prices="prices.txt") == (
        f"{path}:3: 'b inptu=1 output=2': unknown price 'inptu'; known are input, output, "
        "cached_input"
    )


@pytest.mark.parametrize(
    ("ini", "text"), [([], "a input=1 output=2\n"), (["a input=9 output=9"], "")]
)
def test_a_model_with_two_prices(tmp_path, ini, text):
    """In one file, or in the ini file and a file."""
    path = tmp_path / "prices.txt"
    path.write_text(text + "a input=3 output=4\n")

    assert refusal(tmp_path, prices=[*ini, "prices.txt"]) == (
        f"{path}:{1 + text.count(chr(10))}: 'a input=3 output=4': a has a price already; "
        "write one line"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing.txt", "No such file or directory"), (".", "Is a directory"), ("binary", "utf-8")],
)
def test_a_file_of_prices_that_cannot_be_read(tmp_path, name, reason):
    """The message says why, and what a price is."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    message = refusal(tmp_path, prices=name)

    assert message.startswith(
        f"model_eval_prices: {name!r}: a price is MODEL input=DOLLARS output=DOLLARS per million "
        "tokens, and no file of that name can be read ("
    )
    assert reason in message
