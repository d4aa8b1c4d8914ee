"""JSON datasets: one document, in which every case still has its line."""

import json

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases


def load(tmp_path, content):
    """The cases of a file ``tickets.json`` with this content."""
    path = tmp_path / "tickets.json"
    path.write_text(content, encoding="utf-8")
    return load_cases(path, shown_from=tmp_path)


def refusal(tmp_path, content):
    """The message with which a file of this content is refused."""
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, content)
    return str(caught.value)


@pytest.mark.parametrize("wrap", [lambda rows: rows, lambda rows: {"cases": rows}])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_may_stand_alone_or_under_cases(tmp_path, wrap, indent):
    """Both shapes and any layout give the same cases."""
    rows = [{"input": "a", "expected": [1, None]}, {"input": {"q": "b"}}]

    cases = load(tmp_path, json.dumps(wrap(rows), indent=indent))

    assert [(case.input, case.expected) for case in cases] == [
        ("a", [1, None]),
        ({"q": "b"}, None),
    ]


def test_every_case_has_its_line(tmp_path):
    """The line is the one in which the case's object begins."""
    cases = load(
        tmp_path, '{"cases": [\n  {"input": "a",\n   "x": 1}, {"input": "b"},\n\n  {"input": "c"}]}'
    )

    assert [case.source for case in cases] == ["tickets.json:2", "tickets.json:3", "tickets.json:5"]


SHAPE = "a list of cases, or an object whose key 'cases' holds one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "tickets.json:1: the file has no cases."),
        ('{"cases": []}', "tickets.json:1: the file has no cases."),
        ("5", f"tickets.json:1: expected {SHAPE}, found 5."),
        ("{}", f"tickets.json:1: expected {SHAPE}, found an empty object."),
        (
            '{"cases": [{"input": "a"}],\n "case": 1}',
            "tickets.json:2: unknown key 'case'; did you mean 'cases'?",
        ),
        ('{"input": "a"}', f"tickets.json:1: unknown key 'input'; expected {SHAPE}."),
        ('{"cases": 5}', "tickets.json:1: 'cases' holds a list of cases, not 5."),
        ('{"cases": [],\n"cases": []}', "tickets.json:2: the key 'cases' stands twice."),
        (
            '{"input": "a"}\n{"input": "b"}\n',
            "tickets.json:1: looks like one object a line; name the file .jsonl.",
        ),
        ('[{"input": "a"},\n 5]', "tickets.json:2: cases[1] is 5, a case is an object."),
        (
            '[{"input": "a"}\n{"input": "b"}]',
            "tickets.json:2:1: broken JSON: expected ',' or ']'.",
        ),
        ('[{"input": "a"}', "tickets.json:1:16: broken JSON: expected ',' or ']'."),
        (
            '[{"input": "a"}]\nmore',
            "tickets.json:2:1: broken JSON: there is more text after the end of the document.",
        ),
        ("{cases: []}", "tickets.json:1:2: broken JSON: expected a key in double quotes."),
        ('{"cases" []}', "tickets.json:1:10: broken JSON: expected ':'."),
        (
            '[\n{"input":\n"a" "b"}]',
            "tickets.json:3:5: broken JSON: Expecting ',' delimiter.",
        ),
        (
            '[\n{"input": "a", "x": {"k": 1, "k": 2}}]',
            "tickets.json:2: an object has the key 'k' more than once.",
        ),
        (
            '[{"input": "a", "x": NaN}]',
            "tickets.json:1: NaN is no number that a record can keep; write null or a text.",
        ),
        (
            f'[{{"input": "a", "x": {"9" * 5000}}}]',
            "tickets.json:1: a number has too many digits; put it in quotes.",
        ),
        ("[" * 100_000, "tickets.json:1: the value is nested too deep to be read."),
    ],
    ids=lambda value: value[:30],
)
def test_a_broken_document_is_refused(tmp_path, content, message):
    """Each way to break a document has a sentence of its own, with the line."""
    assert refusal(tmp_path, content) == message
