"""``--model-eval-resume``: go on with a run that was cut off, and ask only what is missing."""

import json
import re
import shutil
import subprocess

import pytest

RESUME = "--model-eval-resume"
SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""
PAID = """
    from pytest_modeleval import Prediction
    from robot import note

    def answer(text):
        note(text)
        return Prediction(output=text.upper(), latency_s=1.5, cost_usd=0.25)
"""
CASES = ("right-1", "right-2", "wrong-1", "right-3")


def told(result):
    """What was printed, as if the terminal were endlessly wide."""
    return " ".join(result.stdout.str().split())


def cut(project, *case_ids):
    """Make of the only run one that was killed when it had the answers to these cases."""
    (folder,) = project.runs
    (folder / "summary.json").unlink()
    (folder / "records.jsonl").unlink()
    path = folder / "predictions.jsonl"
    lines = [
        line for line in path.read_text().splitlines() if json.loads(line)["case_id"] in case_ids
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    project.forget()
    return folder


@pytest.fixture
def killed(project):
    """A project of four cases whose run was killed when it had two answers."""
    project.suite(*CASES)
    project.thresholds("accuracy >= 75%")
    assert project.run().ret == 0
    cut(project, "right-1", "wrong-1")
    return project


def test_only_what_is_missing_is_asked(killed, section):
    """The whole is judged; what was kept is marked, with the clocks of then."""
    (folder,) = killed.runs
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    clocks = {line["case_id"]: line["latency_s"] for line in killed.lines("predictions.jsonl")}

    result = killed.run(RESUME)

    assert result.ret == 0
    assert killed.asked == ["right-2", "right-3"]
    assert killed.outcomes == dict.fromkeys(CASES, "passed") | {"wrong-1": "missed"}
    assert killed.status == "met"
    marks = {name: record.get("measured_in") for name, record in killed.records.items()}
    kept = dict.fromkeys(("right-1", "wrong-1"), folder.name)
    assert marks == dict.fromkeys(CASES) | kept
    assert {name: killed.records[name]["latency_s"] for name in clocks} == clocks
    assert killed.file("run.json")["resumed_from"] == folder.name
    assert killed.file("summary.json")["resumed_from"] == folder.name
    assert len(killed.lines("predictions.jsonl")) == 4
    result.stdout.fnmatch_lines(
        [f"model eval: robot:answer, 4 cases, 2 kept of run {folder.name}, 8 to 64 at once"]
    )
    line = f"resumed: 2 of 4 answers, with latency and cost, are of run {folder.name}"
    assert line in section(result)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_run_by_its_name(killed):
    """By id, the beginning of it, or its folder."""
    (folder,) = killed.runs

    for name in (folder, folder.name, folder.name[:-1]):
        killed.forget()
        shutil.copytree(folder, killed.path / "kept")
        assert killed.run(f"{RESUME}={name}").ret == 0
        assert killed.asked == ["right-2", "right-3"]
        shutil.rmtree(killed.path / ".modeleval")
        shutil.move(killed.path / "kept", folder)


def test_what_failed_is_asked_again(project):
    """An error is no answer, be it of a run that was cut off or of one that ended."""
    project.suite("right-1", "boom-1")
    project.thresholds("accuracy >= 100%")
    assert project.run().ret == 1
    project.forget()
    robot = project.path / "robot.py"
    robot.write_text(robot.read_text().replace('"boom"', '"nothing"'))

    assert project.run(RESUME).ret == 0
    assert project.asked == ["boom-1"]
    assert project.outcomes == {"right-1": "passed", "boom-1": "passed"}
    assert [line["failed"] for line in project.lines("predictions.jsonl")] == [False, False]


def test_a_run_that_the_first_miss_stopped(project):
    """``-x`` leaves cases that nobody ran."""
    project.suite("boom-1", *(f"right-{n}" for n in range(9)))
    project.ini("model_eval_concurrency = 1")
    assert project.run("-x").ret == 1
    project.forget()

    result = project.run(RESUME)

    result.assert_outcomes(passed=9, errors=1)
    assert "right-8" in project.asked


@pytest.mark.parametrize("change", ["question", "model", "case", "repeats"])
def test_what_was_asked_otherwise_is_asked(killed, change):
    """An answer is kept for what it is the answer to."""
    args = []
    path = killed.path / "tickets.csv"
    if change == "question":
        path.write_text(path.read_text().replace("right-1,right-1,RIGHT-1", "right-1,new,NEW"))
        asked = ["new", "right-2", "right-3"]
    elif change == "case":
        path.write_text(path.read_text() + "right-4,right-4,RIGHT-4\n")
        asked = ["right-2", "right-3", "right-4"]
    elif change == "repeats":
        args = ["--model-eval-repeats=2"]
        asked = ["right-1", "right-2", "right-2", "right-3", "right-3", "wrong-1"]
    else:
        killed.pytester.makepyfile(
            other="from robot import answer as ask\nanswer = lambda x: ask(x)"
        )
        args = ["--model-eval-model=robot:answer", "--model-eval-model=other:answer"]
        asked = sorted([*CASES, "right-2", "right-3"])

    result = killed.run(RESUME, *args)

    assert result.ret == 0
    assert killed.asked == asked


def test_an_expectation_that_was_mended(killed):
    """The model never saw it, so its answer stays."""
    path = killed.path / "tickets.csv"
    path.write_text(path.read_text().replace("WRONG-1", "?"))

    assert killed.run(RESUME, "--model-eval-thresholds=accuracy >= 100%").ret == 0
    assert killed.asked == ["right-2", "right-3"]


def test_half_a_line_at_the_end(killed, section):
    """``kill -9`` and a full disk leave one; its case is asked again, and nothing is said."""
    path = killed.runs[0] / "predictions.jsonl"
    path.write_text(path.read_text()[:-20])

    result = killed.run(RESUME)

    assert result.ret == 0
    assert killed.asked == ["right-2", "right-3", "wrong-1"]
    assert not [line for line in section(result) if line.startswith("warning")]


def test_a_damaged_line(killed):
    """It is named, and its case asked again."""
    path = killed.runs[0] / "predictions.jsonl"
    first, second = path.read_text().splitlines()
    path.write_text(f"{first[:-20]}\n{second}\n")

    result = killed.run(RESUME)

    assert killed.asked == ["right-1", "right-2", "right-3"]
    assert f"warning: {path}:1: the line is damaged, and passed over: " in told(result)


def test_several_damaged_lines(killed):
    """One sentence for all of them."""
    path = killed.runs[0] / "predictions.jsonl"
    path.write_text("{\n" * 1000 + path.read_text())

    result = killed.run(RESUME)

    warnings = [line for line in result.outlines if line.startswith("warning")]
    assert len(warnings) == 1
    assert "(and 999 more such lines)" in told(result)


def test_two_resumes(killed):
    """A selection first, then the rest: each asks what is missing by then."""
    assert killed.run(RESUME, "-k", "right-2").ret == 0
    assert killed.status == "not judged"
    assert killed.asked == ["right-2"]
    killed.forget()

    assert killed.run(RESUME).ret == 0
    assert killed.asked == ["right-3"]
    assert killed.status == "met"
    assert len(killed.records) == 4

    assert killed.run(RESUME).ret == pytest.ExitCode.USAGE_ERROR


def test_several_models_several_times(project):
    """Each model and repeat has its own answers."""
    project.suite("right-1", "right-2")
    project.pytester.makepyfile(other="from robot import answer as ask\nanswer = lambda x: ask(x)")
    project.thresholds("accuracy >= 50%")
    args = ["--model-eval-model=robot:answer", "--model-eval-model=other:answer"]
    args.append("--model-eval-repeats=2")
    project.run(*args)
    cut(project, "right-1")

    assert project.run(RESUME, *args).ret == 0
    assert project.asked == ["right-2"] * 4
    assert len(project.lines("records.jsonl")) == 8


# Tests that ask otherwise.


@pytest.mark.parametrize("scope", ["session", "module", "function"])
def test_a_fixture_model(killed, scope):
    """Its answers are kept too, also where it is made for each case anew."""
    killed.pytester.makeconftest(f"""
        import pytest, robot

        @pytest.fixture(scope={scope!r})
        def model():
            return robot.answer
    """)

    assert killed.run(RESUME).ret == 0
    assert killed.asked == ["right-2", "right-3"]


def test_what_a_test_asks_itself(project):
    """``model.ask``: what is on disk of a test that was cut off is kept, the rest asked."""
    source = SUITE.replace("prediction)", "model)").replace(
        "assert prediction ==", "assert model.ask(case.input) == model.ask(case.input) =="
    )
    project.suite("right-1", "right-2", source=source)
    project.thresholds("accuracy >= 50%")
    project.run()
    folder = cut(project, "right-1")
    path = folder / "predictions.jsonl"
    path.write_text(path.read_text().splitlines()[0] + "\n")

    assert project.run(RESUME).ret == 0
    assert project.asked == ["right-1", "right-2", "right-2"]
    assert project.records["right-1"]["measured_in"] == folder.name
    assert "measured_in" not in project.records["right-2"]


def test_a_test_that_measures_itself(project):
    """Nothing of it was kept, so it runs again."""
    source = """
        import pytest, robot

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            with model_eval.measure():
                assert robot.answer(case.input) == case.expected
    """
    project.suite("right-1", "right-2", source=source)
    project.thresholds("accuracy >= 50%")
    project.run()
    (folder,) = project.runs
    (folder / "summary.json").unlink()
    project.forget()

    assert project.run(RESUME).ret == 0
    assert project.asked == ["right-1", "right-2"]


@pytest.mark.usefixtures("reruns")
def test_a_rerun_asks_afresh(killed):
    """As it does in any run: the answer that was kept has been judged already."""
    killed.ini()

    result = killed.run(RESUME, "--reruns=1")

    assert result.ret == 1
    assert killed.asked == ["right-2", "right-3", "wrong-1"]
    assert "measured_in" not in killed.records["wrong-1"]


# What it costs.


@pytest.fixture
def paid(project):
    """Four cases of 25 cents each."""
    project.suite("a-1", "b-2", "c-3", "d-4")
    project.pytester.makepyfile(paid=PAID)
    (project.path / "pytest.ini").write_text(
        "[pytest]\nmodel_eval_model = paid:answer\nmodel_eval_thresholds = total_cost <= $1\n"
    )
    return project


def test_a_budget_is_what_a_session_spends(paid):
    """What the run cost before is in its cost; a run that its budget stopped can be finished."""
    budget = "--model-eval-max-cost=$0.5"
    assert paid.run(budget).ret == 1
    assert paid.status == "invalid"
    assert paid.asked == ["a-1", "b-2"]
    paid.forget()

    assert paid.run(RESUME, budget).ret == 0
    assert paid.asked == ["c-3", "d-4"]
    assert paid.metric("total_cost") == 1


def test_a_plan_counts_what_would_be_asked(paid):
    """Calls, cost and time are those of the rest."""
    paid.run()
    shutil.copytree(paid.runs[0], paid.runs[0].with_name("20000101-000000-0000"))
    shutil.rmtree(paid.runs[0])
    folder = paid.runs[0]
    path = folder / "predictions.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    (folder / "summary.json").unlink()
    paid.forget()

    result = paid.run(RESUME, "--model-eval-plan", "--model-eval-concurrency=1")

    result.stdout.fnmatch_lines(
        [
            "test_ticket, paid:answer: 4 cases, 3 kept of run *, 1 call",
            "  cost   $0.25 (as many tokens a case as in the last run)",
            "  time   1.50 s (at the last run's latency, 1 at once)",
        ]
    )
    assert paid.asked == []
    assert paid.runs == [folder]


# What can't be resumed.


def test_a_finished_run(project):
    """There is nothing to ask: one sentence, and the way to judge it again."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 50%")
    project.run()
    (folder,) = project.runs

    for option in (RESUME, f"{RESUME}={folder.name}"):
        result = project.run(option)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        (line,) = [line for line in result.errlines if line.startswith("ERROR")]
        assert "finished: there is nothing left to ask" in line
    assert line.endswith(f"--model-eval-replay={folder.name} judges its answers again")
    assert project.runs == [folder]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (RESUME, f"{RESUME}: no run in *; pytest --model-eval makes one"),
        (f"{RESUME}=nix", f"{RESUME}: no run 'nix' in *"),
        (f"{RESUME}=", f"{RESUME}: no run is named; *"),
    ],
)
def test_no_such_run(project, option, said):
    """Nothing is asked by mistake."""
    project.suite("right-1")
    project.thresholds("accuracy >= 50%")

    result = project.run(option)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert project.asked == []


def test_a_path_that_it_has_swallowed(killed):
    """The word behind the option is its run, so a path there gets a sentence that says so."""
    result = killed.run(RESUME, "test_evals.py")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    said = f"ERROR: {RESUME}: 'test_evals.py' is no folder of a run; write the run behind =, *"
    result.stderr.fnmatch_lines([said])


def test_without_the_flag(killed):
    """A run that resumes nothing is a mistake."""
    result = killed.pytester.runpytest(RESUME)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {RESUME} does nothing without --model-eval"])


def test_code_that_has_changed_since(killed):
    """The answers that are kept are those of another commit, which is said."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    manifest = killed.file("run.json") | {"git_commit": "1a2b3c4" + "0" * 33}
    (killed.runs[0] / "run.json").write_text(json.dumps(manifest))
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "new"]):
        subprocess.run([*git, *words], cwd=killed.path, check=True)

    result = killed.run(RESUME)

    assert result.ret == 0
    assert re.search(
        r"warning: the answers that are kept of run \S+ were given at commit 1a2b3c4, and \w+ is",
        told(result),
    )


def test_a_run_of_another_model_is_not_gone_on_with(project):
    """Its answers would be dropped without a word, and paid for again."""
    project.suite("right-1", "right-2")
    project.pytester.makepyfile(other="def answer(text): raise SystemExit(3)")
    project.ini()
    project.run("--model-eval-model=other:answer")
    (project.runs[-1] / "summary.json").unlink()

    result = project.run("--model-eval-resume")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*asked other:answer, and this one asks robot:answer, so that none of its answers*"]
    )
    assert project.asked == []
