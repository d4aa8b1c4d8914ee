"""A wrong value of any option: exit 4 and one sentence, before anything runs."""

import pytest

BAD = [
    ("concurrency", "x", "'x' is not a whole number; write 1 to 1024"),
    ("concurrency", "0", "0 is out of range; write 1 to 1024"),
    ("concurrency", "1025", "1025 is out of range; write 1 to 1024"),
    ("concurrency", "1.5", "'1.5' is not a whole number; write 1 to 1024"),
    ("retries", "-1", "-1 is out of range; write 0 to 20"),
    ("retries", "many", "'many' is not a whole number; write 0 to 20"),
    ("timeout", "60", "'60': a time needs its unit; write 60ms or 60s"),
    ("timeout", "soon", "'soon': 'soon' is not a time; write 800ms or 1.5s"),
    ("timeout", "0s", "'0s': a time is more than 0"),
    ("timeout", "-1s", "'-1s': a time is more than 0"),
    ("max_error_rate", "5", "'5': a rate is between 0 and 1; for 5 percent write 5% or 0.05"),
    ("max_error_rate", "-1%", "'-1%': a rate is between 0% and 100%, that is 0 and 1"),
    ("max_error_rate", "few", "'few': 'few' is not a rate; write 90% or 0.9"),
    ("max_unscored_rate", "101%", "'101%': a rate is between 0% and 100%, that is 0 and 1"),
    ("base_url", "localhost", "'localhost' is not a URL; write http://localhost:8000/v1"),
    (
        "prices",
        "robot",
        "'robot': a price is MODEL input=DOLLARS output=DOLLARS per million tokens, and no file of that name can be read (No such file or directory)",
    ),
    (
        "prices",
        "robot inptu=1 output=2",
        "'robot inptu=1 output=2': unknown price 'inptu'; known are input, output, cached_input",
    ),
    (
        "prices",
        "robot input=a output=2",
        "'robot input=a output=2': 'a' is not a price in dollars per million tokens",
    ),
    (
        "thresholds",
        "accuracy >= 90",
        "'accuracy >= 90': a rate is between 0 and 1; for ninety percent write 90% or 0.9",
    ),
    (
        "thresholds",
        "accuracy > 90%",
        "'accuracy > 90%': '>' is not a bound; write accuracy >= VALUE",
    ),
    ("thresholds", "accuracy >=", "'accuracy >=': the value is missing"),
    (
        "thresholds",
        "p95_latency <= 800",
        "'p95_latency <= 800': a time needs its unit; write 800ms or 800s",
    ),
    (
        "thresholds",
        "avg_cost <= 0.002",
        "'avg_cost <= 0.002': avg_cost is in US dollars; write $0.002",
    ),
    (
        "thresholds",
        "good",
        (
            "'good': not a threshold; write METRIC >= VALUE or METRIC <= VALUE, "
            "for example accuracy >= 90% or p95_latency <= 800ms"
        ),
    ),
    (
        "thresholds",
        "macro_f1 regression <= 2%",
        (
            "'macro_f1 regression <= 2%': a regression is compared case by case, which macro_f1 "
            "is not; known are accuracy, mean_score, p95_latency (and its like) and avg_cost"
        ),
    ),
]


def usage_error(project, result):
    """The one line of a usage error of a run that asked nothing and wrote nothing."""
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.asked == []
    assert not (project.path / ".modeleval").exists()
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
    (line,) = [line for line in result.errlines if line]
    return line


@pytest.mark.parametrize(("name", "value", "sentence"), BAD)
def test_on_the_command_line(project, name, value, sentence):
    """The message begins with the option."""
    project.suite("right-1")
    project.ini()
    option = "--model-eval-" + name.replace("_", "-")

    line = usage_error(project, project.run(f"{option}={value}"))

    assert line == f"ERROR: {option}: {sentence}"


@pytest.mark.parametrize(("name", "value", "sentence"), BAD)
def test_in_the_ini_file(project, name, value, sentence):
    """The message begins with the key."""
    project.suite("right-1")
    project.ini(f"model_eval_{name} = {value}")

    line = usage_error(project, project.run())

    assert line == f"ERROR: model_eval_{name}: {sentence}"


def test_an_unknown_metric_names_the_one_that_is_meant(project):
    """With a "did you mean"."""
    project.suite("right-1")
    project.thresholds("accuracy >= 1%", "acuracy >= 90%")

    line = usage_error(project, project.run())

    assert line.startswith(
        "ERROR: model_eval_thresholds: 'acuracy >= 90%': unknown metric 'acuracy'; "
        "did you mean 'accuracy'?"
    )


def test_a_scope_that_matches_nothing_is_refused(project):
    """It would never be judged."""
    project.suite("right-1")
    project.thresholds("billing: accuracy >= 90%")

    line = usage_error(project, project.run())

    assert line == (
        "ERROR: model_eval_thresholds: 'billing: accuracy >= 90%': "
        "no suite is named 'billing' among test_ticket"
    )


def test_a_scope_that_nearly_matches_is_corrected(project):
    """A typo does not turn the gate off."""
    project.suite("right-1")
    project.thresholds("test_tiket: accuracy >= 90%")

    line = usage_error(project, project.run())

    assert line.endswith("; did you mean 'test_ticket'?")


def test_a_tag_that_no_case_has_is_refused(project):
    """The message names those there are."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval([{"input": "x", "tags": ["angry"]}])
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.thresholds("test_ticket[angri]: accuracy >= 90%")

    line = usage_error(project, project.run())

    assert line == (
        "ERROR: model_eval_thresholds: 'test_ticket[angri]: accuracy >= 90%': no case has the tag "
        "'angri' (tags: angry); did you mean 'angry'?"
    )


def test_a_score_that_no_test_gives_is_not_met(project):
    """A name is known only when tests have run; then it is invalid, never met."""
    project.suite("right-1")
    project.thresholds("score(tone) >= 0%")

    result = project.run()

    assert result.ret == 1
    assert project.status == "invalid"


def test_an_unknown_option_is_pytests_own_usage_error(project):
    """As any typo in an option."""
    assert project.run("--model-eval-threshold-x=1").ret == pytest.ExitCode.USAGE_ERROR


MODELS = [
    (
        "nowhere:thing",
        (
            "'nowhere:thing': there is no module 'nowhere' on the path; set pythonpath in the ini "
            "file, or install it"
        ),
    ),
    ("robot:anser", "'robot:anser': robot has no 'anser'; did you mean 'answer'?"),
    (
        "robot:number",
        ("can't be called; a model is a callable or an object with predict(input)"),
    ),
    ("robot", "'robot' is not a model; write module:callable or openai:NAME"),
    ("openai:", "'openai:' names no model; write openai:gpt-5-mini"),
    (":answer", "':answer' is not a model; write module:callable or openai:NAME"),
    (
        "broken:thing",
        "'broken:thing': importing broken failed: ZeroDivisionError: division by zero",
    ),
]


@pytest.mark.parametrize(("spec", "sentence"), MODELS)
def test_an_unknown_model_is_a_usage_error(project, spec, sentence):
    """It says what there is, or what was meant."""
    project.suite("right-1")
    project.pytester.makepyfile(broken="1 / 0\n")

    line = usage_error(project, project.run(f"--model-eval-model={spec}"))

    assert line.removeprefix("ERROR: ").endswith(sentence)


def test_the_message_names_where_the_model_stands(project):
    """The option where it came from there."""
    project.suite("right-1")

    line = usage_error(project, project.run("--model-eval-model=nowhere:thing"))

    assert line.startswith("ERROR: --model-eval-model: 'nowhere:thing': ")


def test_the_message_names_the_suite_of_a_marker(project):
    """Or the test whose marker names it."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv", model="nowhere:thing")
        def test_ticket(case, prediction):
            pass
        """,
    )

    line = usage_error(project, project.run())

    assert line.startswith("ERROR: test_evals.py::test_ticket: 'nowhere:thing': ")


def test_no_model_named_is_a_usage_error(project):
    """It says where to name one."""
    project.suite("right-1")

    line = usage_error(project, project.run())

    assert line == (
        "ERROR: suite test_ticket: no model is named; set model_eval_model = module:callable or "
        "openai:NAME, or name one in the marker with model="
    )


@pytest.mark.parametrize("number", ["0", "True", "'two'"])
def test_a_concurrency_of_a_model_that_is_no_number_is_a_usage_error(project, number):
    """``model_eval_concurrency`` on the callable."""
    project.suite("right-1")
    with (project.path / "robot.py").open("a") as file:
        file.write(f"\nanswer.model_eval_concurrency = {number}\n")

    line = usage_error(project, project.run("--model-eval-model=robot:answer"))

    assert "model_eval_concurrency is a whole number of at least 1" in line
