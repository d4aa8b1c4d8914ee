"""The command ``modeleval``: show, report, compare, history, combine."""

import os
import sys
import textwrap

import pytest
import warm

from pytest_modeleval.cli import main

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""
INI = """
    [pytest]
    model_eval_model = robot:answer
    model_eval_thresholds =
        accuracy >= 60%
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project of six cases, of which two are answered wrong."""
    rows = [
        f"c-{index},text {index},{'TEXT' if index < 4 else 'other'} {index}" for index in range(6)
    ]
    (tmp_path / "tickets.csv").write_text("\n".join(["id,input,expected", *rows]))
    (tmp_path / "test_it.py").write_text(textwrap.dedent(SUITE))
    (tmp_path / "pytest.ini").write_text(textwrap.dedent(INI))
    (tmp_path / "robot.py").write_text("def answer(text):\n    return text.upper()\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(folder, *args):
    """One run; gives its id."""
    before = runs(folder)
    command = [sys.executable, "-m", "pytest", "-q", "--model-eval", *args]
    with open(os.devnull, "r+b") as nothing:
        streams = [nothing.fileno()] * 3
        warm.Process(command, cwd=folder, env=os.environ, streams=streams).wait(60)
    (new,) = runs(folder) - before
    return new


def runs(folder):
    return {path.name for path in (folder / ".modeleval" / "runs").glob("*")}


def test_show(folder, capsys):
    """The newest run, or the one that is named; its verdict is the exit status."""
    first = run(folder)
    run(folder, "--model-eval-thresholds=accuracy >= 90%")

    assert main(["show"]) == 1
    assert "gate: not met" in capsys.readouterr().out
    assert main(["show", first]) == 0
    assert "test_ticket, robot:answer, 6 cases: 4 passed, 2 missed" in capsys.readouterr().out


def test_combine(folder, capsys):
    """Two halves are the very numbers of the whole."""
    whole = run(folder)
    main(["show", whole])
    shown = numbers(capsys.readouterr().out)
    halves = [run(folder, "-k", "c-0 or c-1 or c-4"), run(folder, "-k", "c-2 or c-3 or c-5")]

    assert main(["combine", *halves]) == 0
    assert numbers(capsys.readouterr().out) == shown


def numbers(text):
    """The lines on accuracy, errors and the verdict."""
    return [
        line
        for line in text.splitlines()
        if line.startswith(("test_ticket", "  accuracy", "  errors", "gate"))
    ]


def test_shards_that_overlap_or_lack_something(folder, capsys):
    """One case twice would count twice; a case that no shard has makes the run incomplete."""
    one, two = run(folder, "-k", "c-0 or c-1"), run(folder, "-k", "c-1 or c-2")

    assert main(["combine", one, two]) == 2
    assert (
        f"{one} and {two} overlap: both have the case c-1 of test_ticket; leave one of the runs out"
        in capsys.readouterr().err
    )
    assert main(["combine", one, one]) == 2
    assert f"{one} is given twice" in capsys.readouterr().err
    three = run(folder, "-k", "c-2 or c-3")
    assert main(["combine", one, three]) == 2
    out = capsys.readouterr().out
    assert "incomplete: 4 of 6 cases" in out
    assert "warning: 2 of 6 cases of test_ticket are in none of the runs: c-4 and c-5" in out


def test_shards_of_different_runs(folder, capsys):
    """Another threshold is another run."""
    one = run(folder, "-k", "c-0")
    two = run(folder, "-k", "c-1", "--model-eval-thresholds=accuracy >= 1%")

    assert main(["combine", one, two]) == 2
    assert "are no shards of one run: they differ in thresholds" in capsys.readouterr().err


def test_shards_of_different_datasets(folder, capsys):
    """The same ids with other content, of one machine that was not up to date."""
    one = run(folder, "-k", "c-0")
    tickets = folder / "tickets.csv"
    tickets.write_text(tickets.read_text().replace("text 5", "new text 5"))
    two = run(folder, "-k", "c-1")

    assert main(["combine", one, two]) == 2
    assert (
        f"{one} and {two} are no shards of one run: they differ in the dataset tickets.csv: "
        in capsys.readouterr().err
    )


def test_shards_by_file(folder, capsys):
    """Each machine runs other files, so that none knows all suites."""
    (folder / "others.csv").write_text("id,input,expected\no-1,text,TEXT\n")
    other = (
        textwrap.dedent(SUITE).replace("tickets.csv", "others.csv").replace("test_ticket", "test_o")
    )
    (folder / "test_others.py").write_text(other)
    one, two = run(folder, "test_it.py"), run(folder, "test_others.py")

    assert main(["combine", one, two]) == 0
    out = capsys.readouterr().out
    assert "test_ticket, robot:answer, 6 cases: 4 passed, 2 missed" in out
    assert "test_o, robot:answer, 1 case: 1 passed" in out


def test_shards_are_compared_with_the_baseline_that_they_were(folder, capsys, monkeypatch):
    """Without it, a threshold on a regression can't be judged, and is not passed over."""
    run(folder, "--model-eval-save-baseline")
    bound = "--model-eval-thresholds=accuracy regression <= 5%"
    halves = [
        run(folder, bound, "-k", f"c-{half}") for half in ("0 or c-1 or c-2", "3 or c-4 or c-5")
    ]
    paths = [str(folder / ".modeleval" / "runs" / half) for half in halves]

    assert main(["combine", *halves]) == 0
    assert "compared with evals/baseline.jsonl" in capsys.readouterr().out
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert main(["combine", *paths]) == 2
    assert (
        "these runs were compared with evals/baseline.jsonl, which is not here; name it with "
        "--baseline" in capsys.readouterr().err
    )
    assert main(["combine", "--baseline=../evals/baseline.jsonl", *paths]) == 0


def test_a_path_that_is_no_run(folder, capsys):
    """As of an artifact that was unpacked one folder deeper."""
    run(folder)

    assert main(["combine", ".modeleval/runs"]) == 2
    assert ".modeleval/runs holds no run.json" in capsys.readouterr().err


def test_compare(folder, capsys):
    """What broke from one run to the other."""
    before = run(folder)
    (folder / "robot.py").write_text("def answer(text):\n    return 'no'\n")
    after = run(folder)

    assert main(["compare", before, after]) == 0
    out = capsys.readouterr().out
    assert "accuracy  66.7 % -> 0.0 %" in out
    assert "broke: 4 cases" in out


def test_thresholds_of_a_marker_are_shown_and_compared_as_they_were_judged(folder, capsys):
    """``show`` repeats what was judged against the baseline; ``compare`` judges regressions alone."""
    suite = textwrap.dedent(SUITE).replace(
        '"tickets.csv"',
        '"tickets.csv", thresholds=["accuracy >= 90%", "accuracy regression <= 2%"]',
    )
    (folder / "test_it.py").write_text(suite)
    (folder / "robot.py").write_text("def answer(text):\n    return 'no'\n")
    before = run(folder, "--model-eval-save-baseline", "--model-eval-force-baseline")
    run(folder)

    assert main(["show"]) == 1
    out = capsys.readouterr().out
    assert "accuracy regression <= 2%: not judged" not in out
    assert "there is no baseline yet" not in out

    assert main(["compare", before, ".modeleval/runs/" + max(runs(folder) - {before})]) == 0
    assert "accuracy regression <= 2%: met" in capsys.readouterr().out


def test_history(folder, capsys):
    """A line for each run of each suite."""
    run(folder)
    run(folder, "-k", "c-0")

    assert main(["history"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("test_ticket, robot:answer")
    assert [line.split()[-1] for line in lines[1:3]] == ["met", "partial"]


def test_history_of_a_case(folder, capsys):
    """Each run that had it; an id that no run has is refused, with one that is close."""
    first = run(folder)
    run(folder, "-k", "c-1")

    assert main(["history", "c-5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["test_ticket, robot:answer: c-5", "  1 run: 1 missed"]
    assert lines[-2].split()[0] == first
    assert main(["history", "c-11"]) == 2
    assert "has a case 'c-11'; did you mean 'c-1'?" in capsys.readouterr().err


def test_show_a_case(folder, capsys):
    """All of it, texts in full, and nothing that a terminal would act on."""
    long = "line one\n" + "x" * 5000 + "\x1b[31m\u202e"
    (folder / "robot.py").write_text(f"def answer(text):\n    return {long!r}\n")
    run(folder)

    assert main(["show", "--case", "c-4"]) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[:5] == [
        "test_ticket, robot:answer: c-4",
        "  outcome     missed",
        "  input       text 4",
        "  expected    other 4",
        "  got         line one",
    ]
    assert lines[5].strip() == "x" * 5000 + r"\x1b[31m\u202e"
    assert main(["show", "--case", "c-44"]) == 2
    assert "has no case 'c-44'; did you mean 'c-4'?" in capsys.readouterr().err


def test_report(folder, capsys):
    """The file of a run that is kept, exit status 0 though its gate is not met."""
    name = run(folder, "--model-eval-thresholds=accuracy >= 90%")
    run(folder)

    assert main(["report", name, "-o", "out/one.html", "-o", "two.html"]) == 0
    assert capsys.readouterr().out == "report: out/one.html\nreport: two.html\n"
    text = (folder / "out" / "one.html").read_text(encoding="utf-8")
    assert "<h1>Not met</h1>" in text
    assert text == (folder / "two.html").read_text(encoding="utf-8")
    assert "(this run)" not in text  # it was the first


def test_report_against_another_run(folder):
    """What changed since then."""
    before = run(folder)
    (folder / "robot.py").write_text("def answer(text):\n    return 'no'\n")
    run(folder)

    assert main(["report", "-o", "report.html", "--baseline", before]) == 0
    assert "4 broke" in (folder / "report.html").read_text(encoding="utf-8")


def test_report_against_a_baseline_that_has_changed(folder):
    """The run was compared with what is no longer there: that is said, and nothing is made up."""
    run(folder, "--model-eval-save-baseline")
    name = run(folder)
    main(["report", name, "-o", "report.html"])
    assert "Against the baseline" in (folder / "report.html").read_text(encoding="utf-8")
    run(folder, "--model-eval-save-baseline")

    main(["report", name, "-o", "report.html"])
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "the baseline evals/baseline.jsonl is another one by now" in text
    assert "Against the baseline" not in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-o", "report.docx"], "-o: 'report.docx': a report's name ends in .html"),
        (["-o", "tickets.csv/report.html"], "tickets.csv/report.html can't be written: "),
        (["-o", "r.html", "--baseline", "nothing"], "no run 'nothing' in"),
    ],
)
def test_reports_that_cannot_be(folder, capsys, arguments, sentence):
    """One sentence, and exit status 2."""
    run(folder)

    assert main(["report", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"modeleval: {sentence}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show"], "no run in"),
        (["show", "x"], "no run 'x' in"),
        (["compare", "x"], "no run 'x' in"),
        (["history"], "no run in"),
        (["history", "c-1"], "no run in"),
        (["combine", "x"], "no run 'x' in"),
    ],
)
def test_nothing_there(tmp_path, monkeypatch, capsys, arguments, sentence):
    """One sentence, and exit status 2."""
    monkeypatch.chdir(tmp_path)

    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"modeleval: {sentence}")


@pytest.mark.parametrize("keeps", [0, 1])
def test_a_run_whose_records_are_gone_is_not_met(folder, capsys, keeps):
    """Nobody knows what they said, whatever its summary says."""
    stored = folder / ".modeleval" / "runs" / run(folder) / "records.jsonl"
    lines = stored.read_text(encoding="utf-8").splitlines(keepends=True)
    stored.write_text("".join(lines[:keeps]), encoding="utf-8")

    assert main(["show"]) == 2

    shown = " ".join(capsys.readouterr().out.split())
    assert f"had 6 records when it was judged, and has {keeps} now" in shown


def test_a_run_that_was_cut_off_is_not_met(folder, capsys):
    """What failed after its last case nobody wrote down; neither alone nor as a shard."""
    name = run(folder)
    (folder / ".modeleval" / "runs" / name / "summary.json").unlink()

    for command in (["show", name], ["combine", name]):
        assert main(command) == 2
        assert "was cut off" in capsys.readouterr().out


def test_one_shard_of_two_is_not_the_whole(folder, capsys):
    """A glob that finds one artifact of several is no green job."""
    name = run(folder, "-k", "c-1")

    assert main(["combine", name]) == 2
    assert "in none of the runs" in " ".join(capsys.readouterr().out.split())
