"""JSON Lines datasets: one object a line."""

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases


def load(tmp_path, content, name="tickets.jsonl"):
    """The cases of a file with this content."""
    path = tmp_path / name
    path.write_bytes(content.encode())
    return load_cases(path, shown_from=tmp_path)


def refusal(tmp_path, content):
    """The message with which a file of this content is refused."""
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, content)
    return str(caught.value)


@pytest.mark.parametrize("name", ["tickets.jsonl", "tickets.ndjson", "TICKETS.JSONL"])
def test_a_line_becomes_a_case(tmp_path, name):
    """Values keep their types, and the suffix may be written in several ways."""
    (case,) = load(
        tmp_path,
        '{"id": 7, "input": "hi", "expected": 5, "tags": ["a", " b "], "cluster": 3, "n": [1.5]}',
        name,
    )

    assert (case.id, case.input, case.expected) == ("7", "hi", 5)
    assert case.tags == ("a", "b")
    assert case.cluster == "3"
    assert case.metadata == {"n": [1.5]}
    assert case.source == f"{name}:1"


def test_lines_end_at_line_feeds_only(tmp_path):
    """U+2028 and U+0085 may stand in a text; CRLF and blank lines are no trouble."""
    cases = load(tmp_path, '{"input": "a\u2028b\x85c"}\r\n\r\n{"input": "d"}\r\n')

    assert [case.input for case in cases] == ["a\u2028b\x85c", "d"]
    assert [case.source for case in cases] == ["tickets.jsonl:1", "tickets.jsonl:3"]


def test_lone_surrogates_are_replaced(tmp_path):
    """A text that no file could hold again does not get in, in names neither."""
    (case,) = load(tmp_path, r'{"input": "a\ud800", "x\udfff": 1}')

    assert "\ud800" not in case.input
    assert case.input.startswith("a\ufffd")
    assert [name[:2] for name in case.metadata] == ["x\ufffd"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(
            '{"input": "a"}\n{"input": }\n',
            "tickets.jsonl:2:11: broken JSON: Expecting value.",
            id="broken",
        ),
        pytest.param(
            '{"input": "a"}\n5\n', "tickets.jsonl:2: a line holds one object, not 5.", id="number"
        ),
        pytest.param(
            '{"input": "a"}\n["b"]\n',
            "tickets.jsonl:2: a line holds one object, not a list.",
            id="list",
        ),
        pytest.param(
            '[{"input": "a"}, {"input": "b"}]',
            "tickets.jsonl:1: looks like one JSON document; name it .json.",
            id="a list of cases",
        ),
        pytest.param(
            '{\n  "cases": [\n    {"input": "a"}\n  ]\n}\n',
            "tickets.jsonl:1: looks like one JSON document; name it .json.",
            id="pretty-printed",
        ),
        pytest.param(
            '{"input": "a", "input": "b"}',
            "tickets.jsonl:1: an object has the key 'input' more than once.",
            id="key twice",
        ),
        pytest.param(
            '{"input": "a", "x": -Infinity}',
            "tickets.jsonl:1: -Infinity is no number that a record can keep; write null or a text.",
            id="infinity",
        ),
        pytest.param(
            '{"input": "a", "x": 1e999}',
            "tickets.jsonl:1: 'x' holds the number inf; a record can keep only what JSON can.",
            id="overflow",
        ),
        pytest.param(
            f'{{"input": "a", "x": {"9" * 5000}}}',
            "tickets.jsonl:1: a number has too many digits; put it in quotes.",
            id="huge number",
        ),
        pytest.param(
            f'{{"input": "a", "x": {"[" * 100_000}}}',
            "tickets.jsonl:1: the value is nested too deep to be read.",
            id="very deep",
        ),
        pytest.param(
            f'{{"input": "a", "x": {"[" * 150}{"]" * 150}}}',
            "tickets.jsonl:1: 'x' holds a value nested deeper than 100 levels; "
            "a record can keep only what JSON can.",
            id="deep",
        ),
    ],
)
def test_a_broken_line_is_refused(tmp_path, content, message):
    """Each way to break a line has a sentence of its own, with the line."""
    assert refusal(tmp_path, content) == message
