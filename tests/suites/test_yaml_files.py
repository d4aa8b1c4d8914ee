"""YAML datasets: what stands in the file is what a case gets."""

import subprocess
import sys
import time

import pytest

from pytest_modeleval.errors import DatasetError
from pytest_modeleval.suites import load_cases


@pytest.fixture(params=["libyaml", "pure Python"], autouse=True)
def _loader(request, monkeypatch):
    """Run every test with both parsers of PyYAML."""
    if request.param == "pure Python":
        monkeypatch.delattr("yaml.CSafeLoader")


def load(tmp_path, content, **options):
    """The cases of a file ``tickets.yaml`` with this content."""
    path = tmp_path / "tickets.yaml"
    path.write_text(content, encoding="utf-8")
    return load_cases(path, shown_from=tmp_path, **options)


def refusal(tmp_path, content):
    """The message with which a file of this content is refused."""
    with pytest.raises(DatasetError) as caught:
        load(tmp_path, content)
    return str(caught.value)


@pytest.mark.parametrize("start", ["", "# tickets\n---\n", "cases:\n"])
def test_a_list_may_stand_alone_or_under_cases(tmp_path, start):
    """Both shapes give the same cases."""
    cases = load(tmp_path, start + "- {input: a, expected: b, customer: Ada}\n- input: c\n")

    assert [(case.input, case.expected) for case in cases] == [("a", "b"), ("c", None)]
    assert cases[0].metadata == {"customer": "Ada"}


def test_every_case_has_its_line(tmp_path):
    """The line is the one in which the case begins."""
    cases = load(tmp_path, "# tickets\n\n- input: a\n  expected: b\n-\n  input: c\n")

    assert [case.source for case in cases] == ["tickets.yaml:3", "tickets.yaml:6"]


@pytest.mark.parametrize(
    "written",
    [
        "1.0",
        "007",
        "yes",
        "no",
        "on",
        "NO",
        "1e3",
        "12:30",
        "2020-01-01",
        "=",
        "0x1f",
        "true",
        ".inf",
    ],
)
@pytest.mark.parametrize("field", ["input", "expected", "id", "cluster"])
def test_text_fields_are_taken_verbatim(tmp_path, field, written):
    """What looks like a number, a truth value or a date is the text that stands in the file."""
    fields = {"input": "a", field: written}

    (case,) = load(tmp_path, "- " + "\n  ".join(f"{key}: {value}" for key, value in fields.items()))

    assert getattr(case, field) == written


def test_the_mapped_column_is_the_verbatim_one(tmp_path):
    """A column that stands for a text field is one."""
    (case,) = load(tmp_path, "- {q: 007, a: yes}", columns={"input": "q", "expected": "a"})

    assert (case.input, case.expected) == ("007", "yes")


def test_tags_are_verbatim(tmp_path):
    """The items of a list of tags are text, and a text is split."""
    first, second = load(tmp_path, "- {input: a, tags: [2024, no]}\n- {input: b, tags: 'x; y'}\n")

    assert first.tags == ("2024", "no")
    assert second.tags == ("x", "y")


@pytest.mark.parametrize("written", ["null", "~", "", "!!null null"])
def test_null_is_no_expected_answer(tmp_path, written):
    """Null is the one plain scalar that is no text in a text field."""
    (case,) = load(tmp_path, f"- input: a\n  expected: {written}\n")

    assert case.expected is None


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1f", 31),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("yes", "yes"),
        ("off", "off"),
        ("12:30", "12:30"),
        ("2020-01-01", "2020-01-01"),
        ("1_000", "1_000"),
        ("=", "="),
        ("'5'", "5"),
        ("!!str 5", "5"),
        ("!!int 0x10", 16),
        ("!!float 5", 5.0),
        ("!!bool true", True),
    ],
)
def test_other_values_follow_the_core_schema(tmp_path, written, value):
    """Elsewhere, and inside of text fields, scalars mean what YAML 1.2 says."""
    (case,) = load(tmp_path, f"- input: [{written}]\n  x: {written}\n")

    found = case.metadata["x"]
    assert (found, type(found)) == (value, type(value))
    assert case.input == [value]


def test_keys_are_text(tmp_path):
    """A key that looks like a number or a truth value is the text that stands in the file."""
    (case,) = load(tmp_path, "- input: a\n  1: x\n  on: {2: y}\n")

    assert case.metadata == {"1": "x", "on": {"2": "y"}}


def test_merge_keys_and_aliases(tmp_path):
    """``<<`` brings what a mapping lacks, the first of a list first, text fields verbatim."""
    cases = load(
        tmp_path,
        "- &one {input: a, expected: 1.0, x: 1}\n"
        "- &two {<<: *one, input: b, y: 2}\n"
        "- {<<: [*two, *one], z: *two}\n",
    )

    assert [(case.input, case.expected) for case in cases] == [
        ("a", "1.0"),
        ("b", "1.0"),
        ("b", "1.0"),
    ]
    assert cases[2].metadata == {
        "x": 1,
        "y": 2,
        "z": {"input": "b", "expected": 1.0, "x": 1, "y": 2},
    }


def test_cases_share_nothing_that_can_be_changed(tmp_path):
    """What an alias repeats is a copy in every case."""
    first, second = load(tmp_path, "- input: &m [{role: user, content: hi}]\n- input: *m\n")

    first.input.append("more")

    assert second.input == [{"role": "user", "content": "hi"}]


def test_aliases_can_not_exhaust_the_process(tmp_path):
    """A page that stands for ten thousand million values is refused at once."""
    lines = ["- input: a", "  a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    started = time.process_time()

    message = refusal(tmp_path, "\n".join(lines))

    assert message == "tickets.yaml:6:7: aliases repeat too much; write the cases out."
    assert time.process_time() - started < 2


SHAPE = "a list of cases, or a mapping whose key 'cases' holds one"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("# nothing\n", "tickets.yaml:1: the file has no cases."),
        ("~", "tickets.yaml:1: the file has no cases."),
        ("[]", "tickets.yaml:1: the file has no cases."),
        ("cases:\n", "tickets.yaml:1: the file has no cases."),
        ("hello", f"tickets.yaml:1: expected {SHAPE}, found the text 'hello'."),
        ("cases: {a: b}", "tickets.yaml:1: expected a list of cases, found a mapping."),
        (
            "cases:\n- input: a\ncase: b\n",
            "tickets.yaml:3: unknown key 'case'; did you mean 'cases'?",
        ),
        ("input: a\n", f"tickets.yaml:1: unknown key 'input'; expected {SHAPE}."),
        (
            "- input: a\n- hello\n",
            "tickets.yaml:2: cases[1] is the text 'hello', a case is a mapping.",
        ),
        ("- [a]\n", "tickets.yaml:1: cases[0] is a list, a case is a mapping."),
        (
            "- input: a\n  input: b\n",
            "tickets.yaml:2:3: the key 'input' stands twice; first in line 1.",
        ),
        (
            "- input: {q: a, 'q': b}\n",
            "tickets.yaml:1:17: the key 'q' stands twice; first in line 1.",
        ),
        (
            "- input: a\n  expected: !function x\n",
            "tickets.yaml:2:13: the tag '!function' is unknown; a dataset is plain data.",
        ),
        (
            "- input: a\n  x: !!set {a, b}\n",
            "tickets.yaml:2:6: the tag '!!set' is unknown; a dataset is plain data.",
        ),
        (
            "- input: a\n  x: .inf\n",
            "tickets.yaml:2:6: '.inf' is no number that a record can keep; put it in quotes.",
        ),
        (
            "- input: a\n  x: 1e999\n",
            "tickets.yaml:2:6: '1e999' is no number that a record can keep; put it in quotes.",
        ),
        (
            f"- input: a\n  x: {'9' * 2000}\n",
            "tickets.yaml:2:6: a number has too many digits; put it in quotes.",
        ),
        ("- input: a\n  x: !!int abc\n", "tickets.yaml:2:6: 'abc' is no !!int."),
        (
            "- input: a\n---\n- input: b\n",
            "tickets.yaml:3: a second document begins; a dataset is one document.",
        ),
        ("- input: &x [*x]\n", "tickets.yaml:1:10: an alias names a value that it is part of."),
        ("- &x {<<: *x}\n", "tickets.yaml:1:3: an alias names a value that it is part of."),
        (
            "- input: a\n  <<: 5\n",
            "tickets.yaml:2:7: '<<' merges a mapping or a list of mappings.",
        ),
        ("- {input: a, [b]: c}\n", "tickets.yaml:1:14: a key is a text, not a list or a mapping."),
        (
            '- input: "a\x07"\n',
            (
                r"tickets.yaml:1:12: the character '\x07' may not stand in YAML; "
                "write it as an escape in double quotes."
            ),
        ),
        ("- " * 100_000, "tickets.yaml:1: nested deeper than 100 levels."),
        (
            (f"- input: a\n  x: &x {'[' * 60}{']' * 60}\n  y: &y {'[' * 60}*x{']' * 60}\n"),
            "tickets.yaml:2:6: nested deeper than 100 levels.",
        ),
    ],
    ids=lambda value: value[:30].strip(),
)
def test_what_is_no_dataset_is_refused(tmp_path, content, message):
    """Each of them has a sentence of its own, with line and, where it helps, column."""
    assert refusal(tmp_path, content) == message


@pytest.mark.parametrize(
    ("content", "place", "hint"),
    [
        (
            "- input: a: b\n",
            "tickets.yaml:1:11: broken YAML: mapping values are not allowed",
            "; put a text that holds ': ' in quotes.",
        ),
        (
            "- input: a\n  x: [b\n",
            "tickets.yaml:3:1: broken YAML: while parsing a flow sequence",
            ".",
        ),
        ("- input: a\n  x: *b\n", "tickets.yaml:2:6: broken YAML: found undefined alias", "."),
        ("- input: a\n\t- b\n", "tickets.yaml:2:", "."),
        ("%YAML 3.0\n---\n- input: a\n", "tickets.yaml:1:1: broken YAML: found incompatible", "."),
    ],
)
def test_broken_yaml_is_one_line_with_its_place(tmp_path, content, place, hint):
    """The parser's own words, which differ between the two, behind file, line and column."""
    message = refusal(tmp_path, content)

    assert message.startswith(place)
    assert message.endswith(hint)
    assert "\n" not in message


def test_a_tab_that_indents_is_explained(tmp_path):
    """The likeliest reason for a tab that YAML can't take."""
    message = refusal(tmp_path, "- input:\n\t\tx: 1\n")

    assert message.startswith("tickets.yaml:2:1: broken YAML: ")


def test_yaml_is_imported_for_yaml_only():
    """A session without YAML files does not pay for the import."""
    code = "import sys, pytest_modeleval.suites; sys.exit('yaml' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
