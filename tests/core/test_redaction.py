"""Redaction: no secret is left in any text, and what is no secret is left alone."""

import json
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_modeleval.core.redaction import IDENTITY, Redactor

SECRET = "hunter2-hunter2"
secrets = st.text(string.ascii_lowercase + string.digits + '-."\\$*( é', min_size=6, max_size=20)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "HF_TOKEN", "CLIENT_SECRET", "DB_PASSWORD", "GITHUB_TOKEN"]
)
def test_the_value_of_a_secret_variable_is_replaced_by_its_name(name):
    """The reader sees which secret stood there."""
    redactor = Redactor({name: SECRET})

    assert redactor.text(f"401: key {SECRET} is wrong") == f"401: key [secret {name}] is wrong"


@pytest.mark.parametrize("name", ["PATH", "KEYBOARD", "TOKEN_COUNT", "SECRETARY"])
def test_the_value_of_another_variable_stays(name):
    """Only names that end like a secret's hold one."""
    assert Redactor({name: SECRET}).text(SECRET) == SECRET


@pytest.mark.parametrize("value", ["", "x", "none", "12345"])
def test_a_short_value_stays(value):
    """Values under six characters stand in ordinary words."""
    assert Redactor({"API_KEY": value}).text("none 12345 x") == "none 12345 x"


def test_the_longer_of_two_secrets_is_replaced_whole():
    """A secret that begins like another leaves no rest."""
    redactor = Redactor({"A_KEY": "abcdef", "B_KEY": "abcdef-ghijkl"})

    assert redactor.text("abcdef-ghijkl abcdef") == "[secret B_KEY] [secret A_KEY]"


@pytest.mark.parametrize(
    "text",
    [
        "sk-proj-abcdefghijklmnop",
        "key=sk-abcdefghijklmnop1234",
        "Authorization: Bearer abcdefgh12345678",
        "authorization: bearer   abcdefgh12345678==",
        "Authorization: Basic dXNlcjpodW50ZXIyaHVudGVyMg==",
        "Authorization: abcdefgh12345678",
        '{"Authorization": "Token abcdefgh12345678"}',
        '{\\"authorization\\": \\"ApiKey abcdefghijkl\\"}',
        '[(b"Authorization", b"Basic dXNlcjpodW50ZXIyaHVudGVyMg==")]',
        'Proxy-Authorization: Digest username="me", response="abcdefgh12345678"',
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=abcdefgh12345678",
    ],
)
def test_keys_and_authorization_headers_are_known_by_their_form(text):
    """They are replaced though no variable holds them."""
    shown = Redactor({}).text(text)

    assert "[secret]" in shown
    assert not any(part in shown for part in ("abcdefgh", "dXNlcjpodW50"))


@pytest.mark.parametrize(
    "text",
    [
        "I lost my sk-8 skateboard, task-force and all",
        "Who is the bearer of this letter?",
        "What is a bearer certificate worth?",
        "The bearer instruments-of-title were stolen",
        "After authorization, transfer the money",
        "Authorization: yes",
    ],
)
def test_ordinary_words_stay(text):
    """A question about a bearer bond is no header, and its record keeps its words."""
    assert Redactor({}).text(text) == text


def test_data_is_searched_all_through():
    """Keys, lists and nested mappings hold no secret; numbers and None stay."""
    redactor = Redactor({"API_KEY": SECRET})

    data = redactor.data({SECRET: [SECRET, {"a": (SECRET, 1, None)}], "n": 0.5})

    assert data == {
        "[secret API_KEY]": ["[secret API_KEY]", {"a": ["[secret API_KEY]", 1, None]}],
        "n": 0.5,
    }


def test_the_value_of_an_authorization_header_is_a_secret():
    """Whatever its scheme; a short word is none."""
    data = {"Authorization": "Custom letters", "authorization": ["x" * 8], "AUTHORIZATION": "yes"}

    assert Redactor({}).data({"headers": data}) == {
        "headers": {
            "Authorization": "[secret]",
            "authorization": ["[secret]"],
            "AUTHORIZATION": "yes",
        }
    }


def test_a_known_secret_in_a_header_keeps_its_name():
    """The reader sees which key the server refused."""
    shown = Redactor({"API_KEY": SECRET}).text(f"Authorization: Bearer {SECRET}")

    assert shown == "Authorization: Bearer [secret API_KEY]"


@pytest.mark.parametrize("name", sorted(IDENTITY))
def test_what_cases_are_counted_by_stays(name):
    """A variable like ``SORT_KEY=passed`` changes no count."""
    line = Redactor({"SORT_KEY": "passed"}).json_line({name: "passed", "output": "passed"})

    assert json.loads(line) == {name: "passed", "output": "[secret SORT_KEY]"}


class Unshowable:
    """An object whose class breaks."""

    def __repr__(self):
        raise RuntimeError


@pytest.mark.parametrize("depth", [10, 300, 450, 900, 2000])
def test_a_deep_value_is_written_without_its_secret(depth):
    """However deep, it costs neither the line nor the secret."""
    value = SECRET
    for _ in range(depth):
        value = [value]

    line = Redactor({"API_KEY": SECRET}).json_line({"case_id": "a", "output": value})

    assert json.loads(line)["case_id"] == "a"
    assert SECRET not in line


def test_a_secret_that_json_escapes_is_found_in_a_line():
    """Quotes and backslashes of a password hide nothing."""
    secret = 'pa"ss\\word\n'

    line = Redactor({"DB_PASSWORD": secret}).json_line({"output": f"it is {secret}"})

    assert json.loads(line) == {"output": "it is [secret DB_PASSWORD]"}


@pytest.mark.parametrize(
    "value",
    [object(), float("nan"), {1, 2}, 10**5000, {(1, 2): 3}, {"a": {(1, 2): 3}}, Unshowable()],
    ids=["object", "nan", "set", "huge", "tuple key", "nested tuple key", "unshowable"],
)
def test_a_line_is_always_written(value):
    """What JSON cannot hold is shown, and costs nothing of the rest."""
    line = Redactor({}).json_line({"case_id": "a", "output": value})

    assert json.loads(line)["case_id"] == "a"


@pytest.mark.parametrize("value", ["case_id", "outcome", "expected"])
def test_the_names_of_fields_are_no_secrets(value):
    """A variable like ``SORT_KEY=case_id`` takes no field out of a record."""
    line = Redactor({"SORT_KEY": value}).json_line({value: "a", "output": f"by {value}"})

    assert json.loads(line) == {value: "a", "output": "by [secret SORT_KEY]"}


@given(data=st.dictionaries(texts, texts | st.integers() | st.lists(texts)))
def test_without_secrets_a_line_is_the_data(data):
    """Redaction changes nothing where there is nothing to hide."""
    assume(not any(name.lower().endswith("authorization") for name in data))
    line = Redactor({}).json_line(data)

    assert "\n" not in line
    assert json.loads(line) == data


@given(values=st.lists(secrets, min_size=1, max_size=4), data=st.data())
def test_no_secret_is_left(values, data):
    """Whatever stands around it, no value of a secret variable is left in text, data or line."""
    assume(not any(value in ("output", "reason", "secret") for value in values))
    environment = {f"N{index}_KEY": value for index, value in enumerate(values)}
    redactor = Redactor(environment)
    around = st.text(string.ascii_uppercase + ' \n"\\', max_size=5)
    parts = data.draw(st.lists(st.sampled_from(values) | around, max_size=6))
    text = "".join(parts)

    shown = redactor.text(text)
    line = redactor.json_line({"output": [text], "reason": text})

    for value in values:
        assert value not in shown
        assert value not in json.loads(line)["output"][0]
        assert value not in json.loads(line)["reason"]


def test_a_secret_that_was_read_from_a_file():
    """It is one without the newline at its end too, since it is sent without."""
    redactor = Redactor({"APP_SECRET": "hunter2hunter2\n"})

    assert redactor.text("bad key hunter2hunter2!") == "bad key [secret APP_SECRET]!"
    assert "hunter2" not in redactor.json_line({"reason": "hunter2hunter2\n"})
