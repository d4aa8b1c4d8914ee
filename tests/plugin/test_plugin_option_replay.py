"""``--model-eval-replay``: the answers of an earlier run, judged again without a call."""

import json

import pytest

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""

PRICED = """
    from pytest_modeleval import Prediction, Usage
    from robot import note

    def answer(text):
        note(text)
        return Prediction(
            output=text.upper(),
            latency_s=1.5,
            ttft_s=0.25,
            cost_usd=0.5,
            usage=Usage(input_tokens=3, output_tokens=1),
            finish_reason="stop",
        )
"""


@pytest.fixture
def ran(project):
    """A project that was run once: two right answers, a wrong one, and an error."""
    project.suite("right-1", "right-2", "wrong-1", "boom-1")
    project.ini("model_eval_max_error_rate = 50%", "model_eval_thresholds = accuracy >= 50%")
    assert project.run().ret == 0
    project.forget()
    return project


def replay(project, *args, run=None):
    """Replay the first run, or this one."""
    return project.run(f"--model-eval-replay={(run or project.runs[0]).name}", *args)


def said(project):
    """Why cases have no answer, by id."""
    return {
        name: record["reason"]
        for name, record in project.records.items()
        if record.get("error_kind") == "not_replayed"
    }


def test_nothing_is_asked_and_all_is_the_same(ran, section):
    """Verdict, numbers, outcomes, sentences of failures and clocks; each record is marked."""
    (original,) = ran.runs
    before = ran.records
    summary = ran.file("summary.json")

    result = replay(ran)

    assert result.ret == 0
    assert ran.asked == []
    mark = {"measured_in": original.name}
    expected = {name: {**record, **mark} for name, record in before.items()}
    assert ran.records == expected
    assert ran.records["boom-1"]["error_kind"] == "raised"
    again = ran.file("summary.json")
    assert (again["suites"], again["verdict"]) == (summary["suites"], summary["verdict"])
    header = f"model eval: robot:answer, 4 cases, replayed from run {original.name}"
    result.stdout.fnmatch_lines([header])
    line = f"replayed: answers, latency and cost are of run {original.name}"
    assert line in section(result)
    assert line in section(replay(ran, "-q"))


def test_the_run_says_what_it_is(ran):
    """In its folder, which holds the answers too, and in the history."""
    (original,) = ran.runs
    lines = {line["case_id"]: line for line in ran.lines("predictions.jsonl")}

    replay(ran, "--junitxml=junit.xml")

    for name in ("run.json", "summary.json"):
        assert ran.file(name)["replayed_from"] == original.name
    copied = {line["case_id"]: line for line in ran.lines("predictions.jsonl")}
    assert copied == {name: {**line, "measured_in": original.name} for name, line in lines.items()}
    history = (ran.path / ".modeleval" / "history.jsonl").read_text().splitlines()
    runs = [json.loads(line).get("replayed_from") for line in history]
    assert runs == [None, original.name]
    junit = (ran.path / "junit.xml").read_text()
    assert f'name="model_eval.replayed_from" value="{original.name}"' in junit


def test_scoring_that_has_changed(ran):
    """The reason to replay: another test, a mended expectation, another threshold."""
    ran.pytester.makepyfile(test_evals=SUITE.replace("==", "!="))
    assert replay(ran, "--model-eval-thresholds=accuracy >= 50%").ret == 1
    assert ran.outcomes == {
        "right-1": "missed",
        "right-2": "missed",
        "wrong-1": "passed",
        "boom-1": "errored",
    }

    ran.pytester.makepyfile(test_evals=SUITE)
    tickets = (ran.path / "tickets.csv").read_text().replace("WRONG-1", "?")
    (ran.path / "tickets.csv").write_text(tickets)
    assert replay(ran, "--model-eval-thresholds=accuracy >= 75%").ret == 0
    assert ran.outcomes["wrong-1"] == "passed"
    assert ran.asked == []


def test_clocks_tokens_and_costs_of_then(project):
    """They are in the numbers, and thresholds judge them."""
    project.suite("right-1", "right-2")
    project.pytester.makepyfile(priced=PRICED)
    project.thresholds("accuracy >= 50%", "total_cost <= $1", "p95_ttft <= 250ms")
    assert project.run("--model-eval-model=priced:answer").ret == 0
    before = project.records["right-1"]

    result = replay(project, "--model-eval-model=priced:answer", "--model-eval-max-cost=$0.1")

    assert result.ret == 0
    assert project.records["right-1"] == {**before, "measured_in": project.runs[0].name}
    assert project.metric("total_cost") == 1
    bound = "--model-eval-thresholds=total_cost <= $0.9"
    assert replay(project, "--model-eval-model=priced:answer", bound).ret == 1


def test_a_model_that_is_not_there_any_more(ran):
    """It is not asked, so it need not be imported."""
    (ran.path / "robot.py").write_text("raise ImportError('weights are missing')\n")

    assert replay(ran).ret == 0
    assert ran.outcomes["right-1"] == "passed"


def test_no_key_is_needed(project, monkeypatch):
    """Neither key nor server of a model behind one."""
    project.suite("right-1")
    project.thresholds("accuracy >= 50%")
    project.run()
    line = project.lines("predictions.jsonl")[0] | {"asked_model": "openai:gpt-5-mini"}
    (project.runs[0] / "predictions.jsonl").write_text(json.dumps(line) + "\n")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    assert replay(project, "--model-eval-model=openai:gpt-5-mini").ret == 0
    assert project.records["right-1"]["model"] == "openai:gpt-5-mini"


@pytest.mark.parametrize(
    ("change", "name", "why"),
    [
        ("case", "right-2", "it has no answer to this case"),
        ("question", "right-1", "its question was another one"),
        ("model", "right-1", "it asked robot:answer, not other:answer"),
        ("suite", "right-1", "it has no answer of the suite tickets"),
        ("repeats", "right-1", "it asked it 1 time"),
    ],
)
def test_what_the_run_has_no_answer_to(project, change, name, why):
    """It is an error of that case, never a call, and stays in the denominator."""
    project.suite("right-1", "right-0")
    project.thresholds("accuracy >= 100%")
    project.run()
    project.forget()
    (original,) = project.runs
    args = []
    if change == "case":
        project.cases("right-0", "right-1", "right-2")
    elif change == "question":
        path = project.path / "tickets.csv"
        path.write_text(path.read_text().replace("right-1,right-1", "right-1,another"))
    elif change == "suite":
        project.pytester.makepyfile(
            test_evals=SUITE.replace('"tickets.csv"', '"tickets.csv", name="tickets"')
        )
    else:
        value = "other:answer" if change == "model" else "2"
        args = [f"--model-eval-{change.rstrip('s')}={value}".replace("repeat=", "repeats=")]

    result = replay(project, *args)

    assert result.ret == 1
    assert project.asked == []
    sentence = f"not in run {original.name}: {why}; run without --model-eval-replay to ask it"
    assert said(project)[name] == sentence
    result.stdout.fnmatch_lines([sentence])
    suite = project.file("summary.json")["suites"][0]
    assert suite["metrics"]["accuracy"]["value"] < 1
    assert suite["n"] == suite["n_errored"] + suite["n_passed"]


def test_other_parameters(project):
    """A suite that asks otherwise now wants other answers."""
    asked = 'model="openai:gpt-5-mini", parameters={"temperature": 0}'
    source = SUITE.replace('"tickets.csv"', f'"tickets.csv", {asked}')
    project.suite("right-1", source=SUITE)
    project.thresholds("accuracy >= 100%")
    project.run()
    line = project.lines("predictions.jsonl")[0] | {"asked_model": "openai:gpt-5-mini"}
    (project.runs[0] / "predictions.jsonl").write_text(json.dumps(line) + "\n")
    project.pytester.makepyfile(test_evals=source)

    assert replay(project).ret == 1
    assert "it asked with another system prompt or other parameters" in said(project)["right-1"]


def test_errors_that_are_allowed(ran):
    """What is missing counts as an error, as any other."""
    ran.cases("right-1", "right-2", "wrong-1", "boom-1", "right-3")

    bound = "--model-eval-thresholds=accuracy >= 40%"
    assert replay(ran, bound).ret == 0
    assert ran.outcomes["right-3"] == "errored"
    assert replay(ran, bound, "--model-eval-max-error-rate=30%").ret == 1


def test_a_replay_of_a_replay(ran):
    """The answers are still of the run that asked for them."""
    (original,) = ran.runs
    replay(ran)
    (second,) = set(ran.runs) - {original}

    assert replay(ran, run=second).ret == 0
    assert ran.file("run.json")["replayed_from"] == second.name
    assert {record["measured_in"] for record in ran.records.values()} == {original.name}


def test_several_models_several_times(project):
    """Each has its own answers."""
    project.suite("right-1", "wrong-1")
    project.pytester.makepyfile(
        other="from robot import answer as ask\nanswer = lambda text: ask(text)"
    )
    project.thresholds("accuracy >= 50%")
    args = ["--model-eval-model=robot:answer", "--model-eval-model=other:answer"]
    args.append("--model-eval-repeats=2")
    assert project.run(*args).ret == 0
    project.forget()
    before = project.file("summary.json")["suites"]

    assert replay(project, *args).ret == 0
    assert project.asked == []
    assert project.file("summary.json")["suites"] == before
    assert [suite["n"] for suite in before] == [4, 4]


def test_a_selection(ran):
    """A part of the cases is not judged, as in any run."""
    result = replay(ran, "-k", "right-1")

    assert result.ret == 0
    assert list(ran.records) == ["right-1"]
    assert ran.status == "not judged"


def test_lastfailed(ran):
    """``--lf`` goes on with what the replay found."""
    replay(ran)

    assert replay(ran, "--lf").ret == 0
    assert sorted(ran.records) == ["boom-1", "wrong-1"]


def test_parameters_of_the_test(project):
    """Each variant has the answers of its own."""
    source = SUITE.replace(
        "    def", '    @pytest.mark.parametrize("tone", ["kind", "rude"])\n    def'
    )
    project.suite("right-1", source=source.replace("prediction):", "prediction, tone):"))
    project.thresholds("accuracy >= 50%")
    project.run()
    project.forget()

    assert replay(project).ret == 0
    assert project.asked == []
    assert len(project.lines("records.jsonl")) == 2


# Tests that ask otherwise.


def test_what_a_test_asks_itself(project):
    """``model.ask``: by what it asks, and how often."""
    source = SUITE.replace("prediction)", "model)").replace(
        "assert prediction ==", "assert model.ask(case.input) == model.ask(case.input) =="
    )
    project.suite("right-1", "wrong-1", source=source)
    project.thresholds("accuracy >= 50%")
    project.run()
    project.forget()
    before = project.records

    assert replay(project).ret == 0
    assert project.asked == []
    mark = {"measured_in": project.runs[0].name}
    assert project.records == {name: {**record, **mark} for name, record in before.items()}

    more = source.replace("assert", "model.ask(case.input); assert")
    project.pytester.makepyfile(test_evals=more)
    assert replay(project).ret == 1
    assert "its test asked it 2 times" in said(project)["right-1"]
    assert project.asked == []


@pytest.mark.parametrize(
    "source",
    [
        """
        import pytest, robot

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            with model_eval.measure():
                assert robot.answer(case.input) == case.expected
        """,
        """
        import pytest, robot

        @pytest.fixture
        def prediction(case):
            return robot.answer(case.input)

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
        """
        import pytest, robot

        @pytest.fixture
        def model():
            return robot.answer

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model):
            assert model(case.input) == case.expected
        """,
    ],
    ids=["measure", "prediction overridden", "model called"],
)
def test_a_test_that_runs_code_of_its_own(project, source):
    """It can't be replayed, and must not run: it would call what it calls."""
    project.suite("right-1", source=source)
    project.pytester.makepyfile(test_more=SUITE.replace("test_ticket", "test_more"))
    project.thresholds("accuracy >= 100%")
    assert project.run().ret == 0
    project.forget()

    result = replay(project)

    assert result.ret == 1
    assert project.asked == []
    sentence = (
        "this test asks for no prediction, but runs code of its own, which can't be replayed; "
        "run it without --model-eval-replay"
    )
    result.stdout.fnmatch_lines([sentence])
    errors = [line for line in project.lines("records.jsonl") if line["outcome"] == "errored"]
    assert [error["suite"] for error in errors] == ["test_ticket"]


def test_a_test_of_its_own_that_is_skipped(project):
    """A mark that skips it is heeded first."""
    source = """
        import pytest

        @pytest.mark.skip(reason="not today")
        @pytest.mark.model_eval("tickets.csv")
        def test_own(case, model_eval):
            pass
    """
    project.suite("right-1", source=source)
    project.pytester.makepyfile(test_more=SUITE)
    project.thresholds("test_ticket: accuracy >= 100%")
    project.run()

    result = replay(project)

    result.assert_outcomes(passed=1, skipped=1)


@pytest.mark.parametrize("scope", ["session", "module", "function"])
def test_a_fixture_model(project, scope):
    """It is made, since it is the user's own, and not asked."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 100%")
    project.pytester.makeconftest(f"""
        import pytest, robot

        @pytest.fixture(scope={scope!r})
        def model():
            return robot.answer
    """)
    assert project.run().ret == 0
    project.forget()

    assert replay(project).ret == 0
    assert project.asked == []
    assert project.records["right-1"]["model"] == "robot:answer"


# The baseline.


def test_a_baseline_says_whose_answers_it_has(ran):
    """A replay may become the baseline, and neither the file nor a comparison hides what it is."""
    (original,) = ran.runs
    ran.cases("right-1", "right-2", "wrong-1")

    result = replay(ran, "--model-eval-save-baseline")

    assert result.ret == 0
    saved = f"baseline saved: evals/baseline.jsonl (3 cases, answers of run {original.name})"
    assert saved in " ".join(result.stdout.str().split())  # it is broken at the width
    head = json.loads((ran.path / "evals/baseline.jsonl").read_text().splitlines()[0])
    assert head["replayed_from"] == original.name
    assert head["run_id"] != original.name
    compared = "compared with evals/baseline.jsonl (*, replayed)"
    ran.run().stdout.fnmatch_lines([compared])


# What can't be replayed.


def test_a_damaged_line(ran):
    """It is named, and its case has no answer."""
    path = ran.runs[0] / "predictions.jsonl"
    first, second, *others = path.read_text().splitlines()
    path.write_text("\n".join([first, second[:-9], *others, ""]))
    lost = json.loads(second)["case_id"]

    result = replay(ran)

    assert list(said(ran)) == [lost]
    shown = " ".join(result.stdout.str().split())
    assert f"warning: {path}:2: the line is damaged, and passed over: " in shown


def test_the_beginning_of_an_id_and_a_folder(ran):
    """A run is named as the command ``modeleval`` wants it."""
    (original,) = ran.runs

    assert ran.run(f"--model-eval-replay={original.name[:-1]}").ret == 0
    assert ran.run(f"--model-eval-replay={original}").ret == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--model-eval-replay=nix"], "--model-eval-replay: no run 'nix' in *"),
        (["--model-eval-replay="], "--model-eval-replay: no run is named; *"),
        (
            ["--model-eval-replay=tickets.csv"],
            "--model-eval-replay: 'tickets.csv' is no folder of a run; *",
        ),
        (
            ["--model-eval-replay=nix", "--model-eval-resume"],
            "--model-eval-replay asks nothing, and --model-eval-resume asks *; give one of them",
        ),
    ],
)
def test_wrong_usage(ran, args, said):
    """One sentence, before anything is read or written."""
    result = ran.run(*args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])
    assert len(ran.runs) == 1


def test_a_run_without_answers(ran):
    """There is nothing to replay."""
    (ran.runs[0] / "predictions.jsonl").unlink()

    result = replay(ran)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *: run * holds no answer that could be replayed"])


def test_without_the_flag(ran):
    """A replay that replays nothing is a mistake."""
    result = ran.pytester.runpytest(f"--model-eval-replay={ran.runs[0].name}")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --model-eval-replay does nothing without --model-eval"])


def test_the_plan_of_a_replay(ran):
    """It asks nothing."""
    result = replay(ran, "--model-eval-plan")

    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["test_ticket, robot:answer: 4 cases, 4 kept of run *, 0 calls", "  cost   $0*"]
    )


def test_the_command_shows_what_it_is(ran, capsys, monkeypatch):
    """``modeleval show`` and ``modeleval history``."""
    from pytest_modeleval.cli import main

    monkeypatch.chdir(ran.path)
    (original,) = ran.runs
    replay(ran)
    (again,) = set(ran.runs) - {original}
    capsys.readouterr()

    main(["show", again.name])
    assert (
        f"replayed: answers, latency and cost are of run {original.name}" in capsys.readouterr().out
    )
    main(["history"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith(", replayed") for line in lines if line.startswith("  20")] == [
        False,
        True,
    ]
