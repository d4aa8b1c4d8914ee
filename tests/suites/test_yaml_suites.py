"""YAML suites: what a file says, the cases that it names, and each message with its line."""

import re
import textwrap
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pytest_modeleval.errors import UsageError
from pytest_modeleval.suites.yaml_suites import load_suite_cases, read_suite, read_suite_file


def read(text):
    return read_suite(textwrap.dedent(text), "it.eval.yaml")


def load(text, folder):
    return load_suite_cases(read(text), folders=[folder], shown_from=folder)


def refusal(text, folder=None):
    with pytest.raises(UsageError) as caught:
        read(text) if folder is None else load(text, folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_every_key_is_read():
    """One of each."""
    suite = read("""
        name: tickets
        description: Routes tickets.
        model: [robot:answer, openai:gpt-5-mini]
        system: One word.
        parameters: {temperature: 0}
        prompt: "{{ input }}"
        scorers: [exact, {contains: refund}]
        min_score: 0.7
        thresholds: ["accuracy >= 90%", "p95_latency <= 800ms"]
        repeats: 3
        tags: [smoke]
        columns: {input: text}
        defaults: {cluster: mail}
        cases: tickets.csv
    """)

    assert suite.name == "tickets"
    assert suite.models == ("robot:answer", "openai:gpt-5-mini")
    assert (suite.system, suite.parameters) == ("One word.", {"temperature": 0})
    assert suite.scorers.items == ("exact", {"contains": "refund"})
    assert suite.scorers.places[1] == "it.eval.yaml:8: scorers"
    assert (suite.min_score, suite.repeats, suite.tags) == (0.7, 3, ("smoke",))
    assert suite.thresholds[1] == ("p95_latency <= 800ms", "it.eval.yaml:10: thresholds")
    assert suite.defaults == {"cluster": "mail"}
    assert suite.sources[0].path == "tickets.csv"
    assert suite.sources[0].columns == {"input": "text"}


def test_inline_cases_stand_at_their_lines(tmp_path):
    """So that a failure points there."""
    found = load(
        """
        cases:
          - {id: a, input: hello, expected: HELLO}
          - input: bye
            expected: 007
            tags: [x, 1]
        """,
        tmp_path,
    )

    first, second = found.cases
    assert (first.id, first.source, found.lines[first.id]) == ("a", "it.eval.yaml:3", 3)
    assert (second.expected, second.tags) == ("007", ("x", "1"))
    assert second.id.startswith("bye-")
    assert found.lines[second.id] == 4


def test_several_datasets_are_one_suite_in_order(tmp_path):
    """Files and inline cases mixed, each file with columns of its own where it needs them."""
    (tmp_path / "a.csv").write_text("id,input,expected\na1,x,X\n")
    (tmp_path / "b.csv").write_text("id,text,label\nb1,y,Y\n")

    found = load(
        """
        cases:
          - a.csv
          - {id: c1, input: z, expected: Z}
          - {file: b.csv, columns: {input: text, expected: label}}
        """,
        tmp_path,
    )

    assert [(case.id, case.input, case.expected) for case in found.cases] == [
        ("a1", "x", "X"),
        ("c1", "z", "Z"),
        ("b1", "y", "Y"),
    ]
    assert found.lines == {"a1": 3, "c1": 4, "b1": 5}
    assert [name for name, _ in found.datasets] == ["a.csv", "b.csv"]


def test_defaults_fill_what_a_case_does_not_say(tmp_path):
    """The suite's own tags are added to each."""
    found = load(
        """
        tags: smoke
        defaults: {expected: yes, tags: [plain], cluster: one, metadata: {lang: en, tier: 1}}
        cases:
          - {id: a, input: x}
          - {id: b, input: y, expected: "no", tags: [own], cluster: two, metadata: {lang: de}}
        """,
        tmp_path,
    )

    first, second = found.cases
    assert (first.expected, first.tags, first.cluster) == ("yes", ("plain", "smoke"), "one")
    assert first.metadata == {"lang": "en", "tier": 1}
    assert (second.expected, second.tags, second.cluster) == ("no", ("own", "smoke"), "two")
    assert second.metadata == {"lang": "de", "tier": 1}


def test_a_case_may_have_scorers_and_a_mark_of_its_own():
    """By its id, which it may have from its content."""
    suite = read("""
        cases:
          - {id: a, input: x, scorers: [exact], min_score: 0.5}
          - {id: b, input: y}
    """)

    assert suite.case_scorers["a"].items == ("exact",)
    assert suite.case_scorers["a"].where == "it.eval.yaml:3: scorers"
    assert suite.case_min_scores == {"a": 0.5}


def test_the_prompt_is_rendered_for_each_case(tmp_path):
    """The input in the record stays the case's own."""
    found = load('prompt: "Q: {{ input }}"\ncases:\n- {id: a, input: x}\n', tmp_path)

    assert found.questions == {"a": "Q: x"}
    assert found.cases[0].input == "x"


def test_a_prompt_may_stand_in_a_file_of_its_own(tmp_path):
    """Messages then have that file's lines."""
    (tmp_path / "route.txt").write_text("Route.\n{{ inptu }}\n")
    text = "prompt: {file: route.txt}\ncases:\n- {id: a, input: x}\n"

    assert refusal(text, tmp_path).startswith("route.txt:2: prompt: 'inptu' is undefined")


def test_a_literal_block_knows_the_line_of_the_file(tmp_path):
    """The line within the prompt is that of the YAML file."""
    message = refusal(
        """\
        cases:
          - {id: a, input: x}
        prompt: |
          Route this:
          {{ inptu }}
        """,
        tmp_path,
    )

    assert message.startswith("it.eval.yaml:5: prompt: 'inptu' is undefined (case a, ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it.eval.yaml:1: a suite is a mapping of keys, of which 'cases' is needed"),
        ("- a", "it.eval.yaml:1: a suite is a mapping of keys"),
        ("name: x", "it.eval.yaml:1: the suite has no cases; add 'cases: FILE'"),
        ("cases: x\nmodl: y", "it.eval.yaml:2: unknown key 'modl'; did you mean 'model'?"),
        ("cases: x\nzzz: y", "it.eval.yaml:2: unknown key 'zzz'; the keys are 'cases', "),
        ("cases: x\ncases: y", "it.eval.yaml:2:1: the key 'cases' stands twice"),
        ("cases: [", "it.eval.yaml:2:1: broken YAML"),
        ("cases: []", "it.eval.yaml:1: cases: expected the name of a file or a list, found an emp"),
        ("cases: 3", "it.eval.yaml:1: cases: expected text, found 3; put it in quotes"),
        ("cases:\n- [a]", "it.eval.yaml:2: cases[0]: expected a case, or the name of a file"),
        ("cases:\n- id: a", "it.eval.yaml:2: cases[0] has no 'input'"),
        ("cases:\n- input: ", "it.eval.yaml:2: the case has no input"),
        (
            "cases:\n- input: a\n- input: b\n  expcted: c",
            "it.eval.yaml:4: cases[1]: unknown key 'expcted'; did you mean 'expected'?",
        ),
        ("cases:\n- {input: a, id: 1}\n- {input: b, id: 1}", "it.eval.yaml:3: the id '1' is alr"),
        ("cases:\n- {file: a, input: b}", "it.eval.yaml:2: cases[0]: unknown key 'input'"),
        ("cases: x\nscorers: exact", "it.eval.yaml:2: scorers: expected a list of names"),
        ("cases: x\nscorers: []", "it.eval.yaml:2: scorers: expected a list of names"),
        ("cases: x\nscorers: [{a: 1, b: 2}]", "it.eval.yaml:2: scorers: expected a list of na"),
        ("cases: x\nthresholds:", "it.eval.yaml:2: thresholds: expected text, found nothing"),
        ("cases: x\nrepeats: 0", "it.eval.yaml:2: repeats: expected a whole number from 1 to"),
        ("cases: x\nrepeats: 1.5", "it.eval.yaml:2: repeats: expected a whole number from 1"),
        ("cases: x\nmin_score: 1.1", "it.eval.yaml:2: min_score: expected a number from 0 to 1"),
        ("cases: x\nmin_score: 101%", "it.eval.yaml:2: min_score: a rate is between 0% and 100%"),
        ("cases: x\nmin_score: '0.8'", "it.eval.yaml:2: min_score: expected a number from 0 to 1"),
        ("cases: x\nscorers:\n- exact\n- 3", "it.eval.yaml:4: scorers: expected a list of names"),
        ("cases: x\nmin_score: true", "it.eval.yaml:2: min_score: expected a number from 0 to"),
        ("cases: x\nname: 'a:b'", "it.eval.yaml:2: name: expected text without [, ] and :"),
        ("cases: x\nmodel: 3", "it.eval.yaml:2: model: expected text, found 3; put it in quotes"),
        ("cases: x\nmodel: [a, a]", "it.eval.yaml:2: model: 'a' is named twice"),
        ("cases: x\nsystem: '{{ y }}'", "it.eval.yaml:2: system: system is no template; make"),
        ("cases: x\nparameters: 3", "it.eval.yaml:2: parameters: expected a mapping such as"),
        ("cases: x\nprompt: []", "it.eval.yaml:2: prompt: expected text, a list of messages"),
        ("cases: x\nprompt: {}", "it.eval.yaml:2: prompt has no 'file'"),
        ("cases: x\nprompt: [a]", "it.eval.yaml:2: prompt[0]: expected a mapping of role and"),
        (
            "cases: x\nprompt:\n- role: usr\n  content: y",
            (
                "it.eval.yaml:3: prompt[0].role: a role is one of 'system', 'developer', 'user' and "
                "'assistant', not 'usr'; did you mean 'user'?"
            ),
        ),
        ("cases: x\nprompt:\n- role: user", "it.eval.yaml:3: prompt[0] has no 'content'"),
        ("cases: x\ntags:", "it.eval.yaml:2: tags: expected text or a list of text, found noth"),
        ("cases: x\ntags: [[a]]", "it.eval.yaml:2: tags: a tag is text, not a list"),
        ("cases: x\ncolumns: {inptu: a}", "it.eval.yaml:2: columns: unknown key 'inptu'; did"),
        ("cases: x\ncolumns: {input: 3}", "it.eval.yaml:2: columns.input: expected text, found"),
        ("cases: x\ndefaults: {input: 3}", "it.eval.yaml:2: defaults: unknown key 'input'"),
        ("cases: x\ndefaults: 3", "it.eval.yaml:2: defaults: expected a mapping of 'expected'"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, message):
    """Where, what was found, and what would do."""
    assert refusal(text).startswith(message)


def test_a_file_of_cases_that_is_not_there_is_said_where_it_is_named(tmp_path):
    """With a look at what is there."""
    (tmp_path / "tickets.csv").write_text("input\nx\n")

    message = refusal("name: x\ncases: tickts.csv\n", tmp_path)

    assert message.startswith("it.eval.yaml:2: cases: tickts.csv: there is no such file")
    assert message.endswith("did you mean 'tickets.csv'?")


def test_what_is_wrong_in_a_dataset_is_said_with_the_datasets_line(tmp_path):
    """That is where it is mended."""
    (tmp_path / "a.csv").write_text("id,input\n1,x\n1,y\n")

    assert refusal("cases: a.csv", tmp_path).startswith("a.csv:3: the id '1' is already that of")


def test_an_id_of_two_datasets_is_refused(tmp_path):
    """Both places are named."""
    (tmp_path / "a.csv").write_text("id,input\n1,x\n")
    (tmp_path / "b.csv").write_text("id,input\n1,x\n")

    assert refusal("cases: [a.csv, b.csv]", tmp_path) == (
        "b.csv:2: the id '1' is already that of a.csv:2; every case needs one of its own"
    )


def test_a_prompt_that_is_not_there_is_said_where_it_is_named(tmp_path):
    """Like a dataset."""
    text = "prompt: {file: route.txt}\ncases: [{input: x}]\n"

    assert refusal(text, tmp_path).startswith(
        "it.eval.yaml:1: prompt.file: route.txt: there is no such file"
    )


VALID = """\
# comment
name: tickets
model: robot:answer
parameters: &p {temperature: 0, stop: [a, b]}
prompt:
  - role: system
    content: "One of {{ team }}."
  - {role: user, content: "{{ input }}"}
scorers: [exact, {contains: {any_of: [a, b], min_score: 0.5}}]
thresholds: ["accuracy >= 90%"]
repeats: 2
tags: [smoke]
defaults: {metadata: {team: x}}
cases:
  - {id: a, input: x, expected: 007, metadata: &m {team: y}}
  - id: b
    input: |
      two
      lines
    metadata: *m
    min_score: 1
  - {input: {city: Oslo}, scorers: [exact], tags: [1, no]}
"""
ODD = st.sampled_from(
    [
        *("\t", "\n", "\r\n", "\r", "\x85", "\u2028", "\ufeff", "\x00", "\x1b", " ", "  - ", ": "),
        *(
            "[",
            "]",
            "{",
            "}",
            "]]]]",
            "{{{{",
            "&m ",
            "*m",
            "*nowhere",
            "<<: *m",
            "<<: [*p, 3]",
            "? ",
        ),
        *(
            "!!python/object:os.system x",
            "!!int x",
            "!!binary aGk=",
            "!!set {a}",
            "!own x",
            "%YAML 9",
        ),
        *("---\n", "...\n", "| ", ">-\n", "'", '"', '"\\x00"', '"\\ud800"', "# ", "@", "`", "|9\n"),
        *(
            "9" * 5000,
            "1e999",
            ".nan",
            "-.inf",
            "0x" + "f" * 2000,
            "12:30",
            "2026-01-01",
            "~",
            "on",
        ),
        *("{% if %}", "{{ nope }}", "{{ input.a.b }}", "{{ 9 ** 9 ** 9 }}"[:12], "{{ team() }}"),
        *("name: twice\n", "cases: []\n", "input: x\n", "null: 1\n", "1: 2\n", "expcted: x\n"),
    ]
)


@st.composite
def damaged(draw):
    """A good suite to which a few things happened, as bytes."""
    text = draw(st.sampled_from([VALID, VALID.replace("\n", "\r\n"), "\ufeff" + VALID]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(start + draw(st.sampled_from([0, 0, 1, 3, 30, 400])), len(text))
        text = text[:start] + draw(st.one_of(ODD, st.text(max_size=5))) + text[end:]
    data = text.encode("utf-8", "surrogatepass")
    return data[: draw(st.sampled_from([len(data), len(data), len(data) // 2]))]


PLACE = re.compile(r"it\.eval\.yaml(:\d+)?(:\d+)?: \S")


@settings(max_examples=400, deadline=None)
@given(damaged())
@example(b"")
@example(b"\xff\xfe")
@example(b"cases: &a [*a]")
@example(b"cases: [{input: &a {b: *a}}]")
@example(b"cases:\n- input: x\n<<: {cases: y}")
@example(b"cases: {<<: [1]}")
@example(("cases: " + "[" * 5000).encode())
@example(("cases:\n- input: " + "{a: " * 5000).encode())
@example(b"cases: x\nrepeats: " + b"9" * 400)
@example(b"cases: x\nrepeats: 1" + b"0" * 400)
@example(b"cases: x\nrepeats: 1.5e300")
@example(b"cases: x\nmin_score: " + b"9" * 400)
def test_a_damaged_suite_is_read_or_refused_with_its_line(data):
    """Whatever happened to the file: one sentence, and never another exception."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "it.eval.yaml")
        path.write_bytes(data)
        try:
            suite = read_suite_file(path, "it.eval.yaml")
            load_suite_cases(suite, folders=[path.parent], shown_from=path.parent)
        except UsageError as error:
            message = str(error)
            place = PLACE.match(message)
            assert place is not None, message
            assert len(message.splitlines()) == 1
            # Only of a file that is no text at all there is no line to name.
            assert place[1] or "UTF" in message or "empty" in message, message


@given(st.text(max_size=80))
def test_no_text_raises_anything_else(text):
    """A suite is read, or refused in a sentence with its place."""
    try:
        read_suite(text, "it.eval.yaml")
    except UsageError as error:
        assert str(error).startswith("it.eval.yaml:")  # noqa: PT017


@given(st.text(alphabet="cases: input-\n[]{}&*a|>'\"#!,x1\t", max_size=60))
def test_no_text_that_looks_like_yaml_raises_anything_else(text):
    """The same of what gets further."""
    try:
        read_suite("cases:\n" + text, "it.eval.yaml")
    except UsageError as error:
        assert str(error).startswith("it.eval.yaml:")  # noqa: PT017
