"""``--model-eval-baseline`` and ``--model-eval-save-baseline``: measure a change against a run."""

import json
import re

import pytest

BASELINE = "evals/baseline.jsonl"


@pytest.fixture
def saved(project):
    """A project whose baseline has three right answers and a wrong one."""
    project.suite("right-1", "right-2", "right-3", "wrong-1")
    project.thresholds("accuracy >= 10%")
    result = project.run("--model-eval-save-baseline")
    assert result.ret == 0
    result.stdout.fnmatch_lines([f"baseline saved: {BASELINE} (4 cases)"])
    project.forget()
    return project


def lines(project):
    return [json.loads(line) for line in (project.path / BASELINE).read_text().splitlines()]


def test_the_first_run_says_how_to_make_one(project):
    """No baseline is no trouble."""
    project.suite("right-1")
    project.thresholds("accuracy >= 10%")

    result = project.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["Next: *pytest *--model-eval-replay=* --model-eval-save-baseline"])


def test_the_file_is_sorted_and_stable(saved):
    """A case a line, by id; the same answers give the same lines but for times."""
    head, *cases = lines(saved)

    assert head["kind"] == "pytest-modeleval baseline"
    assert [case["case_id"] for case in cases] == ["right-1", "right-2", "right-3", "wrong-1"]
    assert [case["pass_rate"] for case in cases] == [1, 1, 1, 0]
    assert all(
        set(case)
        <= {
            "suite",
            "case_id",
            "model",
            "content_hash",
            "pass_rate",
            "latency_s",
            "output",
            "outcome",
        }
        for case in cases
    )


def test_what_broke_and_what_was_mended(saved):
    """By id, with the answer before and after; what is new, gone or another is not compared."""
    saved.cases("right-1", "right-3", "new-1")
    text = (saved.path / "tickets.csv").read_text().replace("RIGHT-3", "OTHER")
    (saved.path / "tickets.csv").write_text(text)
    robot = saved.path / "robot.py"
    robot.write_text("def answer(text):\n    return 'no' if text == 'right-1' else text.upper()\n")

    result = saved.run("-p", "no:randomly")

    result.stdout.fnmatch_lines(
        [
            f"compared with {BASELINE} (0 minutes old*",
            "  test_ticket, 1 case of both",
            "    accuracy  100.0 % -> 0.0 %: -100.0 points *",
            "    broke: 1 case",
            "      right-1: RIGHT-1 -> no",
            "    1 added: new-1",
            "    2 removed: right-2, wrong-1",
            "    1 changed, so not compared: right-3",
        ]
    )


def test_a_regression_says_on_how_many_cases_it_is_judged(saved):
    """What is new or another has nothing to be compared with, however wrong it is."""
    saved.cases("right-1", "wrong-8", "wrong-9")
    saved.thresholds("accuracy >= 10%", "accuracy regression <= 2%")

    result = saved.run()

    result.stdout.fnmatch_lines(["  accuracy regression <= 2%: met, on 1 of 3 cases"])


def test_an_unfinished_run_is_no_baseline(saved):
    """What it did not write down is not known to be right."""
    saved.run()
    folder = max((saved.path / ".modeleval" / "runs").iterdir())
    records = folder / "records.jsonl"
    records.write_text("".join(records.read_text().splitlines(keepends=True)[:2]))

    result = saved.run(f"--model-eval-baseline={folder.name}")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*had 4 records when it was judged, and has 2 now*"])


def test_a_selection_removes_nothing(saved):
    """What ``-k`` leaves out is not gone."""
    result = saved.run("-k", "right-1")

    result.stdout.fnmatch_lines(["  test_ticket, 1 case of both"])
    result.stdout.no_fnmatch_line("*removed*")


def test_another_run_by_its_id(saved):
    """A run of the store will do as well as a file."""
    saved.run()
    name = max(path.name for path in (saved.path / ".modeleval" / "runs").iterdir())

    result = saved.run(f"--model-eval-baseline={name}")

    result.stdout.fnmatch_lines([f"compared with {name} *", "  test_ticket, 4 cases of both"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "no baseline 'other.jsonl': No such file or directory"),
        ("", "other.jsonl:1: the line is damaged; it holds no JSON object"),
        ("{}", "other.jsonl:1: this is no baseline; write one with --model-eval-save-baseline"),
        (
            '{"kind": "pytest-modeleval baseline", "format_version": 99}',
            "other.jsonl: format_version 99 is of a later pytest-modeleval *; update it",
        ),
        (
            '{"kind": "pytest-modeleval baseline", "format_version": 1}\n{"suite": "a"',
            "other.jsonl:2: the line is damaged; it holds no JSON object",
        ),
        (
            '{"kind": "pytest-modeleval baseline", "format_version": 1}\n{"suite": "a"}',
            "other.jsonl:2: a case needs suite and case_id",
        ),
    ],
)
def test_a_baseline_that_cannot_be_read(project, content, sentence):
    """A usage error before anything is asked."""
    project.suite("right-1")
    if content is not None:
        (project.path / "other.jsonl").write_text(content)

    result = project.run("--model-eval-baseline=other.jsonl")

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: --model-eval-baseline: {sentence}"])


def test_a_baseline_that_lost_lines_is_refused(saved):
    """A threshold on a regression would be met by the cases that are left."""
    path = saved.path / "evals" / "baseline.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))

    result = saved.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*it says that it has 4 cases, and has 3; take it from version*"])


def test_a_selection_is_no_baseline(project):
    """Refused before it costs anything."""
    project.suite("right-1", "right-2")
    project.ini()

    result = project.run("--model-eval-save-baseline", "-k", "right-1")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*a baseline is a whole run, and this one has 1 of 2 cases of test_ticket"]
    )
    assert not (project.path / BASELINE).exists()


def test_a_run_that_fails_is_a_baseline_only_by_force(project):
    """The gate is not met, so nobody should measure against it by accident."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 90%")

    result = project.run("--model-eval-save-baseline")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["baseline not saved: the run failed; *"])
    assert not (project.path / BASELINE).exists()
    project.run("--model-eval-force-baseline")
    assert (project.path / BASELINE).exists()


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_regression_is_not_met(project, workers):
    """Six of twelve right answers became wrong, which is hardly chance."""
    names = [f"right-{index}" for index in range(12)]
    project.suite(*names)
    project.thresholds("accuracy regression <= 2%")
    project.run("--model-eval-save-baseline")
    project.forget()
    robot = project.path / "robot.py"
    robot.write_text("def answer(text):\n    return 'no' if text[6:] < '5' else text.upper()\n")

    result = project.run_apart(*workers)

    assert result.ret == 1
    assert project.status == "not met"
    result.stdout.fnmatch_lines(
        ["not met: test_ticket: accuracy regression <= 2%: accuracy is * points worse,*"]
    )


def test_a_drop_that_may_be_chance_is_inconclusive(project):
    """One of four: over the tolerance, and no proof of anything."""
    project.suite("right-1", "right-2", "right-3", "right-4")
    project.thresholds("accuracy regression <= 2%")
    project.run("--model-eval-save-baseline")
    project.forget()
    (project.path / "robot.py").write_text(
        "def answer(text):\n    return 'no' if text == 'right-1' else text.upper()\n"
    )

    result = project.run_apart()

    assert result.ret == 0
    assert project.status == "inconclusive"
    result.stdout.fnmatch_lines(["inconclusive: *accuracy regression <= 2%: accuracy is 25.0*"])


def test_without_a_baseline_a_regression_is_not_judged(project):
    """And a wrong answer fails by itself, since nothing else would see it."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy regression <= 2%")

    result = project.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "not judged: accuracy regression <= 2%: there is no baseline yet;",
            "  --model-eval-save-baseline makes one",
        ]
    )


def test_a_read_only_folder(project, monkeypatch):
    """The run stands, and says what could not be written."""
    project.suite("right-1")
    project.ini()
    (project.path / "evals").write_text("a file where the folder should be")

    result = project.run("--model-eval-save-baseline")

    result.stdout.fnmatch_lines(["baseline not saved: baseline*"])


def test_line_ends_inside_an_answer(project):
    """What a model writes breaks no line of the file."""
    project.suite("right-1")
    project.ini()
    (project.path / "robot.py").write_text('def answer(text):\n    return "RIGHT-1"\n')
    (project.path / "tickets.csv").write_text("id,input,expected\nright-1,a,a\u2028b\x85c\n")
    (project.path / "robot.py").write_text(
        'def answer(text):\n    return "a" + chr(0x2028) + "b" + chr(0x85) + "c"\n'
    )
    project.run_apart("--model-eval-save-baseline")

    result = project.run_apart()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["  test_ticket, 1 case of both"])


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('"pass_rate": "high"', "pass_rate is a number of at least 0, not 'high'"),
        ('"pass_rate": 7', "pass_rate is between 0 and 1, not 7"),
        ('"latency_s": NaN', "latency_s is a number of at least 0, not nan"),
        ('"model": 5', "model is text, not 5"),
    ],
)
def test_a_line_of_the_wrong_kind(project, line, sentence):
    """Refused before anything is asked, and not after all of it was paid for."""
    project.suite("right-1")
    head = '{"kind": "pytest-modeleval baseline", "format_version": 1}'
    text = head + '\n{"suite": "a", "case_id": "b", ' + line + "}\n"
    (project.path / "other.jsonl").write_text(text)

    result = project.run("--model-eval-baseline=other.jsonl")

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: --model-eval-baseline: other.jsonl:2: {sentence}"])


def test_a_case_that_stands_there_twice(saved):
    """A bad merge is not a baseline."""
    path = saved.path / BASELINE
    path.write_text(path.read_text() + path.read_text().splitlines()[-1] + "\n")

    result = saved.run()

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the case wrong-1 of test_ticket stands there twice"])


def test_a_run_is_no_file_to_save_to(saved):
    """The baseline would be written beside the project's files under the run's name."""
    name = max(path.name for path in (saved.path / ".modeleval" / "runs").iterdir())

    result = saved.run(f"--model-eval-baseline={name}", "--model-eval-save-baseline")

    assert result.ret == 4


@pytest.mark.parametrize("option", ["--model-eval-plan", "--model-eval-save-baseline"])
def test_an_action_without_evals(project, option):
    """It would do nothing, and nobody would notice."""
    project.suite("right-1")

    result = project.pytester.runpytest(option)

    assert result.ret == 4
    result.stderr.fnmatch_lines([f"ERROR: {option} does nothing without --model-eval"])


def test_no_sentence_of_the_comparison_is_cut(project):
    """What can't be told from chance, and from what drop on it could, at 80 columns."""
    project.suite(*(f"right-{n}" for n in range(40)))
    project.thresholds("accuracy >= 10%")
    project.run("--model-eval-save-baseline")
    robot = project.path / "robot.py"
    robot.write_text("def answer(text):\n    return 'no' if text == 'right-1' else text.upper()\n")

    result = project.run()

    said = " ".join(result.stdout.str().split())
    assert re.search(
        r"worse, which may well be chance; 40 cases see a drop from [\d.]+ points on", said
    )
    assert all(len(line) <= 80 for line in result.outlines if "chance" in line)
