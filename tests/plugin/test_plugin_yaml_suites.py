"""``*.eval.yaml``: a suite without Python is collected, asked, scored and judged like any other."""

import json
import re

import pytest

SUITE = """\
model: robot:answer
cases:
  - {id: right-1, input: right-1, expected: RIGHT-1}
  - {id: wrong-1, input: wrong-1, expected: WRONG-1}
  - {id: right-2, input: right-2, expected: RIGHT-2, tags: [smoke]}
"""


@pytest.fixture
def suite(project):
    """A project with the suite ``evals/tickets.eval.yaml``."""
    project.robot()
    project.ini()
    (project.path / "evals").mkdir()
    project.yaml = lambda text, name="tickets.eval.yaml": (
        project.path / "evals" / name
    ).write_text(text, encoding="utf-8")
    project.yaml(SUITE)
    return project


def test_each_case_is_an_item(suite):
    """Asked once, with the outcome that its answer has."""
    result = suite.run()

    result.assert_outcomes(passed=2, failed=1)
    assert result.ret == 1
    assert suite.outcomes == {"right-1": "passed", "wrong-1": "missed", "right-2": "passed"}
    assert suite.asked == ["right-1", "right-2", "wrong-1"]


def test_records_are_those_of_any_suite(suite):
    """With the score, its pass mark, and where the case stands."""
    suite.run()

    record = suite.records["right-2"]
    assert record["nodeid"] == "evals/tickets.eval.yaml::right-2"
    assert (record["suite"], record["model"]) == ("tickets", "robot:answer")
    assert record["scores"] == {"exact": {"value": 1.0, "min_score": 1.0}}
    assert record["source"] == "evals/tickets.eval.yaml:5"
    assert record["tags"] == ["smoke"]
    assert record["latency_s"] > 0
    assert list(suite.file("run.json")["datasets"]) == ["evals/tickets.eval.yaml"]


def test_a_failure_shows_the_case_and_no_traceback(suite):
    """Where it stands, what was asked, expected and got, and the score that failed it."""
    result = suite.run()

    text = "\n".join(result.outlines)
    failure = re.search(r"=+ FAILURES =+\n_+ wrong-1 _+\n(.*?)\n(\[31m)?=====", text, re.DOTALL)
    assert failure[1].splitlines() == [
        "evals/tickets.eval.yaml:4: score exact is 0, below 1",
        "  input    wrong-1",
        "  expected WRONG-1",
        "  got      ?",
        "  score    exact 0, below 1",
    ]


def test_a_governed_miss_is_soft(suite):
    """The suite's own threshold on accuracy decides."""
    suite.yaml('thresholds: ["accuracy >= 60%"]\n' + SUITE)

    result = suite.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*.m.*", "missed: wrong-1", "*2 passed, 1 missed*"])
    assert suite.status == "met"


def test_the_thresholds_of_a_suite_fail_the_run(suite):
    """And name their metric."""
    suite.yaml('thresholds: ["accuracy >= 90%"]\n' + SUITE)

    result = suite.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["not met: tickets: accuracy is 66.7 %, wanted >= 90% (n=3)"])


@pytest.mark.parametrize(
    ("arguments", "ran"),
    [
        (["-k", "right"], {"right-1", "right-2"}),
        (["--deselect", "evals/tickets.eval.yaml::wrong-1"], {"right-1", "right-2"}),
        (["evals/tickets.eval.yaml::right-2"], {"right-2"}),
        (["-m", "model_eval"], {"right-1", "wrong-1", "right-2"}),
        (["-x"], {"right-1", "wrong-1"}),
        (["evals"], {"right-1", "wrong-1", "right-2"}),
    ],
)
def test_items_are_selected_as_elsewhere(suite, arguments, ran):
    """And nothing is asked for an item that does not run; but ``-x`` may have asked ahead."""
    suite.run(*arguments)

    assert set(suite.outcomes) == ran
    if arguments != ["-x"]:
        assert set(suite.asked) == ran


def test_lf_runs_the_missed_case_again(suite):
    """A soft miss is remembered like a failure."""
    suite.yaml('thresholds: ["accuracy >= 60%"]\n' + SUITE)
    suite.run()

    suite.run("--lf")

    assert set(suite.outcomes) == {"wrong-1"}


def test_collect_only_asks_nothing(suite):
    """The items are listed, and no run is kept."""
    result = suite.run("--co", "-q")

    result.stdout.fnmatch_lines(["evals/tickets.eval.yaml::right-1"])
    assert (suite.asked, suite.runs) == ([], [])


def test_an_item_is_located_at_the_line_of_its_case(suite):
    """For editors and reports that jump there."""
    suite.pytester.makeconftest("""
        def pytest_collection_modifyitems(items):
            for item in items:
                path, line, name = item.reportinfo()
                print("at", path.name, line + 1, name, item.location)
    """)

    result = suite.run("-s", "--co")

    result.stdout.fnmatch_lines(
        ["at tickets.eval.yaml 4 wrong-1 ('evals/tickets.eval.yaml', 3, 'wrong-1')"]
    )


def test_cases_of_a_file_are_located_at_the_line_that_names_it(suite):
    """The record has the line of the dataset."""
    suite.cases("right-1", file="evals/more.csv")
    suite.yaml("model: robot:answer\ncases: more.csv\n")
    suite.pytester.makeconftest("""
        def pytest_collection_modifyitems(items):
            print("at", [item.location[1] for item in items])
    """)

    result = suite.run("-s")

    result.stdout.fnmatch_lines(["at [[]1[]]*"])
    assert suite.records["right-1"]["source"] == "evals/more.csv:2"
    assert list(suite.file("run.json")["datasets"]) == [
        "evals/more.csv",
        "evals/tickets.eval.yaml",
    ]


@pytest.mark.parametrize("case_id", ["a::b", "a[b]", "two words", "Grüße", "a::b[c]"])
def test_an_id_of_any_characters_can_be_named(suite, case_id):
    """As the node id that pytest prints."""
    suite.yaml(
        f"cases:\n- {{id: '{case_id}', input: x, expected: X}}\n- {{input: y, expected: Y}}\n"
    )
    suite.run()
    (nodeid,) = [
        line["nodeid"] for line in suite.lines("records.jsonl") if line["case_id"] == case_id
    ]

    result = suite.run(nodeid)

    result.assert_outcomes(passed=1)


def test_the_prompt_is_what_is_asked(suite):
    """The record keeps the case's own input."""
    suite.yaml('prompt: "right: {{ input }}"\ncases:\n- {id: a, input: x, expected: "RIGHT: X"}\n')

    suite.run().assert_outcomes(passed=1)

    assert suite.asked == ["right: x"]
    assert suite.records["a"]["input"] == "x"


def test_a_prompt_that_does_not_fit_a_case_is_a_collection_error(suite):
    """With the line, before anything is asked."""
    suite.yaml('prompt: "{{ inptu }}"\ncases:\n- {id: a, input: x, expected: y}\n')

    result = suite.run()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["evals/tickets.eval.yaml:1: prompt: 'inptu' is undefined*; did you mean 'input'?"]
    )
    assert suite.asked == []
    assert "Traceback" not in result.stdout.str()


def test_a_suite_that_scores_nothing_is_refused(suite):
    """The sentence says which keys would do."""
    suite.yaml("cases:\n- {id: a, input: x}\n")

    result = suite.run()

    result.stdout.fnmatch_lines(
        [
            (
                "evals/tickets.eval.yaml:2: the case has no 'expected' to compare the answer with; add "
                "it, or say in evals/tickets.eval.yaml with the key 'scorers' how answers are scored"
            )
        ]
    )
    assert suite.asked == []


def test_a_scorer_that_does_not_exist_is_refused(suite):
    """With the line of the key."""
    suite.yaml("scorers: [exat]\n" + SUITE)

    result = suite.run()

    result.stdout.fnmatch_lines(["evals/tickets.eval.yaml:1: scorers*'exat'*did you mean 'exact'?"])


def test_a_threshold_with_a_typo_is_refused(suite):
    """With its own line of the list."""
    suite.yaml('thresholds:\n  - "accuracy >= 60%"\n  - "acuracy >= 60%"\n' + SUITE)

    result = suite.run()

    result.stdout.fnmatch_lines(["evals/tickets.eval.yaml:3: thresholds: *acuracy*"])


def test_a_model_that_does_not_exist_is_a_usage_error(suite):
    """With the line that names it, before anything is asked."""
    suite.yaml("cases: [{input: x, expected: y}]\nmodel: robot:anser\n")

    result = suite.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*evals/tickets.eval.yaml:2: 'robot:anser'*did you mean 'answer'?"]
    )


def test_a_parameter_that_does_not_exist_is_a_usage_error(suite, monkeypatch):
    """With the line of the parameters."""
    monkeypatch.setenv("OPENAI_API_KEY", "none-at-all")
    suite.yaml("model: openai:x\nparameters: {temprature: 0}\ncases: [{input: x, expected: y}]\n")

    result = suite.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*evals/tickets.eval.yaml:2: there is no parameter 'temprature'*"])


def test_a_suite_without_a_model_says_how_to_name_one(suite):
    """Where neither the file nor the settings do."""
    (suite.path / "pytest.ini").write_text("[pytest]\n")
    suite.yaml("cases: [{input: x, expected: y}]\n")

    result = suite.run()

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no model is named*in its file with 'model:'*"])


def test_the_model_of_the_settings_is_asked_where_the_suite_names_none(suite):
    """As for Python suites."""
    suite.yaml("cases: [{input: x, expected: X}]\n")

    suite.run().assert_outcomes(passed=1)


def test_no_answer_is_an_error(suite):
    """As for a test that asks for ``prediction``: an error and no wrong answer."""
    suite.yaml("cases:\n- {id: boom-1, input: boom-1, expected: x}\n")

    result = suite.run()

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*the model is down*"])
    assert suite.outcomes == {"boom-1": "errored"}
    assert "yaml_items.py" not in result.stdout.str()


def test_several_models_and_repeats_are_items_of_their_own(suite):
    """Named as in Python suites."""
    suite.yaml(
        "model: [robot:answer, 'robot:number.__class__']\nrepeats: 2\n"
        "cases: [{id: a, input: x, expected: X}]\n"
    )

    result = suite.run("--co", "-q")

    assert [line for line in result.outlines if "::" in line] == [
        "evals/tickets.eval.yaml::a-robot:answer#1",
        "evals/tickets.eval.yaml::a-robot:number.__class__#1",
        "evals/tickets.eval.yaml::a-robot:answer#2",
        "evals/tickets.eval.yaml::a-robot:number.__class__#2",
    ]


def test_repeats_are_judged_as_one_case(suite):
    """The setting holds where the suite says nothing."""
    suite.run("--model-eval-repeats=2")

    assert len(suite.lines("records.jsonl")) == 6
    assert suite.metric("accuracy") == pytest.approx(2 / 3)


def test_the_mean_of_the_scores_decides_where_the_suite_has_a_mark(suite):
    """The single score then has none."""
    suite.yaml("min_score: 0.0\n" + SUITE)

    suite.run().assert_outcomes(passed=3)

    assert suite.records["wrong-1"]["scores"] == {"exact": {"value": 0.0}}


def test_a_case_has_a_mark_of_its_own(suite):
    """Beside others of the same suite that go by their scores."""
    suite.yaml(
        "cases:\n- {id: a, input: wrong, expected: x, min_score: 0}\n"
        "- {id: b, input: wrong, expected: x}\n"
    )

    suite.run()

    assert suite.outcomes == {"a": "passed", "b": "missed"}


def test_the_name_of_a_suite_is_in_the_scope_of_thresholds(suite):
    """The file's own where it has no other."""
    suite.yaml("name: routes\n" + SUITE)

    result = suite.run("--model-eval-thresholds=routes: accuracy >= 60%")

    assert result.ret == 0


def test_two_suites_of_one_name_are_refused(suite):
    """Their numbers would run together."""
    suite.yaml(SUITE, "tickets.eval.yml")

    result = suite.run()

    result.stdout.fnmatch_lines(
        ["*is a suite named 'tickets' too; give one of them another*'name'"]
    )


def test_python_and_yaml_suites_run_side_by_side(suite):
    """In one run with one verdict."""
    suite.suite("right-9", "wrong-9")

    suite.run()

    assert set(suite.outcomes) == {"right-1", "wrong-1", "right-2", "right-9", "wrong-9"}


def test_workers_give_the_same_records(suite):
    """``-n 2``: the suite is collected in each worker, and each case asked once."""
    result = suite.run_apart("-n2", timeout=60)

    assert result.ret == 1
    assert suite.outcomes == {"right-1": "passed", "wrong-1": "missed", "right-2": "passed"}
    assert suite.asked == ["right-1", "right-2", "wrong-1"]


def test_a_case_whose_worker_dies_is_an_errored_case_of_its_suite(suite):
    """By the id that its item has."""
    (suite.path / "deadly.py").write_text("import os\ndef answer(text):\n    return text.upper()\n")
    suite.pytester.makeconftest("""
        import os
        import pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_call(item):
            if item.name == "wrong-1":
                os._exit(1)
            return (yield)
    """)

    suite.run_apart("-n1", timeout=60)

    assert suite.records["wrong-1"]["outcome"] == "errored"
    assert suite.records["wrong-1"]["error_kind"] == "crashed"
    assert suite.records["wrong-1"]["suite"] == "tickets"


def test_junit_has_the_suites_properties(suite):
    """And the file as class name."""
    suite.run("--junitxml=junit.xml")

    text = (suite.path / "junit.xml").read_text()
    assert 'classname="evals.tickets.eval.yaml" name="wrong-1"' in text
    assert '<property name="model_eval.outcome" value="missed"' in text


def test_a_mark_of_a_conftest_skips_a_case(suite):
    """And it is not asked."""
    suite.pytester.makeconftest("""
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.name == "right-1":
                    item.add_marker(pytest.mark.skip(reason="not today"))
    """)

    suite.run()

    assert suite.outcomes["right-1"] == "skipped"
    assert suite.asked == ["right-2", "wrong-1"]


@pytest.mark.usefixtures("reruns")
def test_reruns_ask_afresh(suite):
    """pytest-rerunfailures takes these items too."""
    result = suite.run_apart("--reruns=1")

    assert suite.asked == ["right-1", "right-2", "wrong-1", "wrong-1"]
    assert suite.outcomes["wrong-1"] == "missed"
    assert result.ret == 1


def test_secrets_do_not_reach_the_failure(suite, monkeypatch):
    """What the model says is redacted before it is cut."""
    monkeypatch.setenv("SOME_TOKEN", "abcdefgh12345")
    suite.yaml("cases:\n- {id: a, input: wrong abcdefgh12345, expected: abcdefgh12345}\n")

    result = suite.run()

    assert "abcdefgh12345" not in result.stdout.str()
    result.stdout.fnmatch_lines(["  input    wrong [[]secret SOME_TOKEN[]]"])


def test_a_baseline_is_compared_with(suite):
    """Cases are found again by their ids."""
    suite.yaml('thresholds: ["accuracy >= 60%"]\n' + SUITE)
    suite.run("--model-eval-save-baseline")

    result = suite.run()

    result.stdout.fnmatch_lines(
        ["compared with evals/baseline.jsonl*", "*tickets, 3 cases of both"]
    )


def test_the_plan_counts_the_cases(suite):
    """And asks nothing."""
    result = suite.run("--model-eval-plan")

    result.stdout.fnmatch_lines(["tickets, robot:answer: 3 cases, 3 calls"])
    assert suite.asked == []


def test_a_session_of_yaml_suites_alone_needs_no_terminal(suite):
    """The verdict and the files are the same."""
    result = suite.run("-p", "no:terminal")

    assert result.ret == 1
    assert suite.outcomes["wrong-1"] == "missed"


# Without --model-eval


def test_without_the_flag_a_suite_is_one_skipped_item(suite):
    """No line of it is read: a broken one is no trouble."""
    suite.yaml("cases: [")

    result = suite.pytester.runpytest("-rs")

    result.assert_outcomes(skipped=1)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*needs --model-eval*"])


def test_without_the_flag_a_named_case_is_skipped_and_found(suite):
    """Copying a node id says what is missing, and not "not found"."""
    result = suite.pytester.runpytest("-rs", "evals/tickets.eval.yaml::right-1")

    result.assert_outcomes(skipped=1)
    assert result.ret == 0


def test_without_the_flag_nothing_heavy_is_imported(suite):
    """Neither yaml nor jinja2, nor more of ourselves than the placeholder."""
    suite.pytester.makeconftest("""
        import sys

        def pytest_unconfigure():
            heavy = {"numpy", "yaml", "openai", "jinja2"}
            print("heavy:", sorted(heavy & set(sys.modules)))
            print("ours:", [name for name in sys.modules if "yaml_items" in name])
    """)

    result = suite.pytester.runpytest_subprocess("-s")

    result.stdout.fnmatch_lines(["heavy: []", "ours: []"])


# model_eval_files


@pytest.mark.parametrize(
    "lines", [["model_eval_files = *.suite.yaml"], ["model_eval_files =", "    evals/*.suite.yaml"]]
)
def test_other_files_are_suites_where_the_setting_says_so(suite, lines):
    """And the usual ones are not any more."""
    suite.ini(*lines)
    suite.yaml("cases: [{id: a, input: x, expected: X}]\n", "it.suite.yaml")

    suite.run()

    assert set(suite.outcomes) == {"a"}


def test_the_option_goes_before_the_ini_file(suite):
    """Also without evals."""
    suite.ini("model_eval_files = *.nothing")

    result = suite.pytester.runpytest("--model-eval-files=*.eval.yaml")

    result.assert_outcomes(skipped=1)


def test_a_yaml_dataset_is_no_suite(suite):
    """Only the names that the setting has."""
    (suite.path / "evals" / "tickets.yaml").write_text("- {input: x}\n")

    suite.run()

    assert set(suite.outcomes) == {"right-1", "wrong-1", "right-2"}


def test_the_command_prints_the_schema(capsys):
    """For editors that check a suite as it is written."""
    from pytest_modeleval.cli import main

    status = main(["schema"])

    assert status == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["cases"]
