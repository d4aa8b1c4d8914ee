"""The line ``Next:``: one command for the situation, and each does what is promised."""

import shlex

import pytest

from pytest_modeleval.cli import main

ALMOST = """
    import pathlib

    def answer(text):
        if text.startswith("down") and not pathlib.Path("up").exists():
            raise ConnectionError("nobody there")
        return "?" if text.startswith("wrong") else text.upper()
"""


def step(result):
    """What the line says; None where there is none."""
    lines = [line for line in result.outlines if line.startswith("Next: ")]
    assert len(lines) < 2
    return lines[0].removeprefix("Next: ") if lines else None


def follow(project, said):
    """Run the command that a line ends in."""
    program, *words = shlex.split(said[said.index("pytest ") :])
    assert program == "pytest"
    return project.pytester.runpytest(*words)


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_first_run_that_is_met(project, workers):
    """Makes the answers that are paid for the baseline, and asks nothing; then there is no step."""
    project.suite(*(f"right-{n}" for n in range(80)))
    project.thresholds("accuracy >= 90%")
    said = step(project.run(*workers))
    project.forget()

    result = follow(project, said)

    result.stdout.fnmatch_lines(["baseline saved: evals/baseline.jsonl (80 cases, answers of *"])
    assert project.asked == []
    assert step(result) is None
    assert step(project.run(*workers)) is None


def test_a_run_of_own_code_is_asked_again(project):
    """Its answers are on no disk."""
    project.suite(
        *(f"right-{n}" for n in range(3)),
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            with model_eval.measure():
                pass
        """,
    )
    project.thresholds("accuracy >= 10%")

    said = step(project.run())

    assert "--model-eval-replay" not in said
    assert "baseline saved" in follow(project, said).stdout.str()


def test_a_missed_case_is_shown(project, monkeypatch, capsys):
    """By a name that a shell leaves whole."""
    project.suite("right-1", "wrong it's")
    project.thresholds("accuracy >= 90%")
    said = step(project.run())
    monkeypatch.chdir(project.path)
    capsys.readouterr()

    program, *words = shlex.split(said)

    assert program == "modeleval"
    assert main(words) == 0
    assert "wrong it's" in capsys.readouterr().out


def test_the_store_is_named_where_it_is_another(project, monkeypatch, capsys):
    """The command is copied, and has to find the run."""
    project.suite("wrong-1")
    project.thresholds("accuracy >= 90%")
    said = step(project.run("--model-eval-store=kept/here"))
    monkeypatch.chdir(project.path)

    assert said == "modeleval --store kept/here show --case wrong-1"
    assert main(shlex.split(said)[1:]) == 0


def test_the_slowest_case_where_latency_fails(project):
    """And not one that is right and quick."""
    project.suite("right-1", "right-2")
    project.thresholds("max_latency <= 1us")

    said = step(project.run())

    slowest = max(project.records.values(), key=lambda record: record["latency_s"])
    assert said == f"modeleval show --case {slowest['case_id']}"


def test_errors_are_asked_again_by_resuming(project):
    """What is there is kept, and the run is judged as a whole."""
    project.suite("right-1", "down-1")
    project.pytester.makepyfile(robot=ALMOST)
    project.thresholds("accuracy >= 90%")
    said = step(project.run("-x"))
    (project.path / "up").touch()

    result = follow(project, said)

    assert " -x " not in said
    assert result.ret == 0, result.stdout.str()
    result.stdout.fnmatch_lines(["*: 2 passed", "gate: met*"])


def test_a_run_that_was_cut_off(project, monkeypatch, capsys):
    """Whoever looks at it later is told how to go on."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 90%")
    project.run()
    (project.runs[-1] / "summary.json").unlink()
    lines = (project.runs[-1] / "records.jsonl").read_text().splitlines(keepends=True)
    (project.runs[-1] / "records.jsonl").write_text(lines[0])
    monkeypatch.chdir(project.path)
    capsys.readouterr()

    main(["show"])

    said = capsys.readouterr().out.splitlines()[-1]
    assert said.endswith(f"--model-eval-resume={project.runs[-1].name}")
    assert follow(project, said).ret == 0


def test_a_part_leads_to_the_whole(project):
    """Without what chose the part."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 90%")

    said = step(project.run("-k", "right-1", "-x", "-q", "-v"))

    assert not {"-k", "right-1", "-x"} & set(shlex.split(said))
    follow(project, said).assert_outcomes(passed=2)


def test_without_thresholds_one_is_named(project):
    """A line that the ini file takes, and that this very run would have kept."""
    project.suite(*(f"right-{n}" for n in range(20)))
    project.ini()

    said = step(project.run())

    line = said.partition("add to the ini file: ")[2]
    assert line.startswith("model_eval_thresholds = accuracy >= ")
    project.ini(line)
    assert project.run().ret == 0
    assert project.status == "met"


def test_a_cost_that_is_unknown(project, server_of_tokens):
    """The line for the ini file, with the name that is missing."""
    said = step(server_of_tokens(project))

    line = said.partition("and add: ")[2]
    assert line == "model_eval_prices = unheard-of input=DOLLARS output=DOLLARS"
    project.ini(line.replace("DOLLARS", "1"), "model_eval_thresholds = avg_cost <= $1")
    assert project.run().ret == 0


@pytest.fixture
def server_of_tokens():
    """A run whose model says how many tokens it took, and which nobody has a price of."""

    def run(project):
        project.suite("right-1")
        project.pytester.makepyfile(
            robot="""
            from pytest_modeleval import Prediction, Usage

            def answer(text):
                usage = Usage(input_tokens=5, output_tokens=1)
                return Prediction(output=text.upper(), usage=usage, model="unheard-of")
            """
        )
        project.thresholds("avg_cost <= $1")
        return project.run()

    return run


def test_too_few_cases_to_be_sure(project):
    """How many would do, which is true of a run of so many."""
    project.suite(*(f"right-{n}" for n in range(5)))
    project.thresholds("accuracy >= 90%")
    follow(project, step(project.run()))

    said = step(project.run())

    assert said == "add cases: about 35 instead of 5 would decide accuracy >= 90%"
    project.cases(*(f"right-{n}" for n in range(35)))
    assert step(project.run()) is None


def test_a_p95_of_few_cases(project):
    """Nobody need guess that it takes 72."""
    project.suite("right-1", "right-2")
    project.thresholds("p95_latency <= 60s")

    said = step(project.run("--model-eval-gate=confident-pass"))

    assert said == "add cases: about 72 instead of 2 would decide p95_latency <= 60s"


def test_quiet_goes_without(project):
    """``-q`` is for those who know."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 90%")

    assert step(project.run("-q")) is None


def test_a_module_is_run_as_one(project):
    """``python -m pytest`` has another path than ``pytest``."""
    project.suite("right-1")
    project.thresholds("accuracy >= 90%")

    assert step(project.run_apart()).startswith("python -m pytest ")
