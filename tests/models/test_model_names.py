"""Specs as users write them, and what is said about those that name nothing."""

import itertools
import sys

import pytest

from pytest_modeleval import UsageError
from pytest_modeleval.models.names import make_model
from pytest_modeleval.models.openai import OpenAIModel
from pytest_modeleval.settings import Settings

numbers = itertools.count()


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A function that writes a module of a fresh name and gives that name."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def write(source, name=None):
        name = name or f"spec_module_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write


def refusal(spec, tmp_path, **changes):
    """The message with which a spec is refused."""
    with pytest.raises(UsageError) as caught:
        make_model(spec, Settings(**changes), folders=[tmp_path], where="tests.ini")
    text = str(caught.value)
    assert text.startswith("tests.ini: ")
    assert repr(spec) in text
    return text


def test_module_and_callable(module, tmp_path):
    """``module:callable`` is imported from the folders given, and known by its spec."""
    name = module("def team(text):\n    return 'billing'\n")

    model = make_model(f"{name}:team", Settings(), folders=[tmp_path])

    assert model.name == f"{name}:team"


def test_an_attribute_of_an_attribute(module, tmp_path):
    """A dotted name reaches into objects."""
    name = module("class Router:\n    @staticmethod\n    def team(text):\n        return text\n")

    assert make_model(f"{name}:Router.team", Settings(), folders=[tmp_path])


def test_an_object_needs_no_name():
    """A callable is a model as it stands."""
    assert make_model(str.upper, Settings()).name.endswith("str.upper")


def test_openai():
    """``openai:NAME`` is a chat model of the configured server."""
    model = make_model("openai:gpt-5-mini", Settings(base_url="http://127.0.0.1:1/v1"))

    assert isinstance(model, OpenAIModel)
    assert model.name == "openai:gpt-5-mini"
    assert model.url == "http://127.0.0.1:1/v1/chat/completions"


@pytest.mark.parametrize("spec", ["", "router", "openai", ":team", "router:", "gpt-5-mini"])
def test_what_is_no_spec(spec, tmp_path):
    """Half a spec is refused with both forms."""
    assert "write module:callable or openai:NAME" in refusal(spec, tmp_path)


@pytest.mark.parametrize("spec", ["openai:", "openai:  "])
def test_openai_without_a_name(spec, tmp_path):
    """The provider alone names no model."""
    assert "names no model; write openai:gpt-5-mini" in refusal(spec, tmp_path)


def test_a_misspelt_provider(tmp_path):
    """A module that does not exist and looks like a provider is answered with the provider."""
    assert "did you mean 'openai'?" in refusal("opnai:gpt-5-mini", tmp_path)


def test_a_missing_module(tmp_path):
    """The message says what is not there, and how modules are found."""
    text = refusal("no_such_router:team", tmp_path)

    assert "there is no module 'no_such_router' on the path" in text
    assert "pythonpath" in text


def test_a_file_instead_of_a_module(module, tmp_path):
    """``router.py:team`` is answered with the spec that was meant."""
    name = module("def team(text):\n    return text\n")

    assert f"{name}:team" in refusal(f"{name}.py:team", tmp_path)


def test_a_missing_callable(module, tmp_path):
    """A misspelt name is answered with the close one."""
    name = module("def route(text):\n    return text\n")

    text = refusal(f"{name}:rout", tmp_path)

    assert f"{name} has no 'rout'; did you mean 'route'?" in text


def test_something_that_is_not_callable(module, tmp_path):
    """A constant is no model."""
    name = module("TEAM = 'billing'\n")

    with pytest.raises(UsageError, match="a str can't be called"):
        make_model(f"{name}:TEAM", Settings(), folders=[tmp_path])


def test_where_stands_in_every_message(module, tmp_path):
    """Also what is not callable is told with the place of the setting."""
    name = module("TEAM = 'billing'\n")

    with pytest.raises(UsageError, match=r"^tests\.ini: "):
        make_model(f"{name}:TEAM", Settings(), folders=[tmp_path], where="tests.ini")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('no weights')", "ValueError: no weights"),
        ("def team(:", "SyntaxError"),
        ("import no_such_library_of_ours", "No module named 'no_such_library_of_ours'"),
    ],
    ids=["raises", "syntax", "imports"],
)
def test_a_module_that_fails_to_import(source, reason, module, tmp_path):
    """The reason is told, and that it came from importing."""
    name = module(source)

    text = refusal(f"{name}:team", tmp_path)

    assert f"importing {name} failed" in text
    assert reason in text


def test_a_module_that_misses_one_its_own_name_begins_with(module, tmp_path):
    """``tickets_model`` importing a missing ``tickets`` is a failed import, not a missing spec."""
    name = module("import spec_tickets", name="spec_tickets_model")

    assert f"importing {name} failed" in refusal(f"{name}:team", tmp_path)


def test_a_module_that_exits(module, tmp_path):
    """A script without a guard can't end the session with its own ``sys.exit``."""
    name = module("import sys\nsys.exit(2)\n")

    try:
        text = refusal(f"{name}:team", tmp_path)
    except SystemExit:
        pytest.fail("sys.exit of an imported module reached the caller")

    assert "SystemExit" in text


@pytest.mark.parametrize("server", ["localhost:8123/v1", "example.com/v1", "10.0.0.5:80"])
def test_a_server_without_its_scheme(server, tmp_path):
    """It is no part of the model's name, which would be asked for at OpenAI."""
    message = refusal(f"openai:m@{server}", tmp_path)

    assert f"write the server with its scheme: openai:m@http://{server}" in message
