"""The section ``model eval``, the header, and pytest's own options on output."""

import re

import pytest


def test_the_section_holds_the_numbers_the_failures_and_the_verdict(project, section):
    """Each number with n, interval, threshold and verdict; each failure with what and why."""
    project.suite("right-1", "right-2", "wrong-1")
    project.thresholds("accuracy >= 90%", "p95_latency <= 60s")

    lines = section(project.run())

    text = "\n".join(lines)
    assert "test_ticket, robot:answer, 3 cases: 2 passed, 1 missed" in text
    assert lines.index("missed: wrong-1") < lines.index(
        "test_ticket, robot:answer, 3 cases: 2 passed, 1 missed"
    )
    assert re.search(r"accuracy +66\.7 % +20\.8 to 99\.2 % +3 +>= 90% +not met", text)
    assert re.search(r"p95 latency .* 3 +<= 60s +met", text)
    assert re.search(r"p50 latency ", text)
    assert re.search(r"avg cost +n/a", text)
    assert re.search(r"total cost +n/a", text)
    assert re.search(r"errors +0\.0 % ", text)
    at = lines.index("missed: wrong-1")
    assert lines[at + 1 : at + 5] == [
        "  input    wrong-1",
        "  expected WRONG-1",
        "  got      ?",
        "",
    ]
    assert "not met: test_ticket: accuracy is 66.7 %, wanted >= 90% (n=3)" in lines
    assert "gate: not met (thresholds: 1 not met, 1 met)" in lines


def test_the_section_comes_after_pytests_own_failures(project):
    """And after its short summary, so that the verdict is on the screen when all has ended."""
    project.suite("right-1", "boom-1")
    project.thresholds("accuracy >= 1%")

    project.run().stdout.fnmatch_lines(
        ["*= ERRORS =*", "*= short test summary info =*", "*= model eval: not met =*", "gate: *"]
    )


def test_the_header_names_model_cases_and_concurrency(project):
    """Before anything is paid for."""
    project.suite("right-1", "right-2")
    project.ini()

    result = project.run()

    result.stdout.fnmatch_lines(
        [
            "collected 2 items",
            "model eval: robot:answer, 2 cases, 8 to 64 at once",
            "test_evals.py ..*",
        ]
    )


def test_the_header_has_a_line_for_each_model(project):
    """Two suites of two models are two lines."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv", model=str.upper)
        def test_one(case, prediction):
            assert prediction == case.expected

        @pytest.mark.model_eval("tickets.csv")
        def test_two(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.ini()

    result = project.run()

    result.stdout.fnmatch_lines(
        ["model eval: str.upper, 1 case, *", "model eval: robot:answer, 1 case, *"]
    )


@pytest.mark.parametrize("verbosity", [(), ("-v",), ("-vv",), ("-q",)])
def test_every_line_fits_80_columns(project, section, verbosity):
    """Numbers, sentences and failures alike; but a command is copied whole."""
    project.suite("right-1", "wrong-1", "boom-1", "wrong " + "long " * 30)
    project.thresholds(
        "accuracy >= 50%", "p95_latency <= 1us", "case_pass_rate >= 50%", "p95_latency <= 800ms"
    )

    lines = section(project.run("--model-eval-max-error-rate=10%", *verbosity))

    assert any("gate: not met" in line for line in lines)
    assert [line for line in lines if len(line) > 80 and not line.startswith("Next: ")] == []


def test_the_columns_stay_columns_under_a_long_name(project, section):
    """A metric with a long name pushes nothing out of line."""
    project.suite("right-1", "wrong-1")
    project.thresholds("case_pass_rate >= 0%")

    rows = [line for line in section(project.run()) if re.search(r" %  ?.* 2 ", line)]

    ends = {line.index(" %") for line in rows}
    assert len(ends) == 1


def test_no_colour_means_no_escape_sequence(project):
    """``--color=no`` is plain text."""
    project.suite("right-1", "wrong-1", "boom-1")
    project.thresholds("accuracy >= 90%")

    assert "\x1b" not in project.run("--color=no").stdout.str()


def test_colour_marks_the_verdict(project):
    """``--color=yes`` colours what is met and what is not."""
    project.suite("right-1")
    project.thresholds("accuracy >= 90%")

    assert "\x1b[32mgate: met" in project.run("--color=yes").stdout.str()


def test_quiet_prints_a_line_for_each_suite_and_the_verdict(project, section):
    """``-q`` leaves tables and failures out, and not what was not met."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 90%")

    result = project.run("-q")

    lines = [
        line for line in result.outlines if line.startswith(("test_ticket", "not met", "gate"))
    ]
    assert lines[0].startswith("test_ticket: accuracy 50.0 %, p95 ")
    assert lines[0].endswith("errors 0.0 % (n=2)")
    assert lines[1:] == [
        "not met: test_ticket: accuracy is 50.0 %, wanted >= 90% (n=2)",
        "gate: not met (thresholds: 1 not met)",
    ]
    assert "missed: wrong-1" not in result.stdout.str()


def test_verbose_names_each_outcome(project):
    """``-v`` has a word for each, as pytest does."""
    project.suite(
        "right-1",
        "wrong-1",
        "boom-1",
        "unsure-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval):
            if case.id == "unsure-1":
                model_eval.unscored("who knows")
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 1%")

    result = project.run("-v", "--model-eval-max-error-rate=50%")

    result.stdout.fnmatch_lines(
        [
            "*test_ticket?right-1? PASSED*",
            "*test_ticket?wrong-1? MISSED*",
            "*test_ticket?boom-1? ERRORED*",
            "*test_ticket?unsure-1? UNSCORED*",
        ]
    )


def test_many_failures_are_cut_and_verbose_shows_all(project):
    """Twenty, and how to see the others."""
    project.suite(*(f"wrong-{n}" for n in range(25)))
    project.thresholds("accuracy >= 0%")

    plain, verbose = project.run().stdout.str(), project.run("-v").stdout.str()

    assert plain.count("\nmissed: ") == 20
    assert "... and 5 more; -v shows them all" in plain
    assert verbose.count("\nmissed: ") == 25


def test_very_verbose_shows_every_case(project, section):
    """``-vv`` lists the right answers too."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 1%")

    lines = section(project.run("-vv"))

    assert any(re.match(r"passed +.*right-1: RIGHT-1", line) for line in lines)
    assert any(re.match(r"missed +.*wrong-1: \?", line) for line in lines)


def test_a_run_without_a_terminal_is_judged_all_the_same(project):
    """``-p no:terminal``: the same exit status and files."""
    project.suite("right-1", "wrong-1")
    project.thresholds("accuracy >= 90%")

    result = project.run("-p", "no:terminal")

    assert result.ret == 1
    assert project.status == "not met"
    assert result.stdout.str() == ""


def test_without_thresholds_the_section_says_so(project):
    """A gate that nobody set is not called met."""
    project.suite("right-1")
    project.ini()

    result = project.run()

    result.stdout.fnmatch_lines(["gate: no thresholds are set (model_eval_thresholds)"])


def test_a_session_without_evals_prints_no_section(project):
    """The flag alone changes nothing for ordinary tests."""
    project.pytester.makepyfile("def test_a(): pass\n")

    result = project.run()

    assert result.ret == 0
    result.assert_outcomes(passed=1)
    assert "model eval" not in result.stdout.str().replace("--model-eval", "")
    assert not (project.path / ".modeleval").exists()


def test_model_output_is_data(project, section):
    """Control characters are shown escaped, line breaks folded."""
    project.suite(
        "wrong-1",
        source=r"""
        import pytest

        @pytest.mark.model_eval("tickets.csv", model=lambda text: "a\x1b[31mb\nc\u202ed")
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )
    project.thresholds("accuracy >= 0%")

    result = project.run()

    text = "\n".join(section(result))
    assert "\x1b" not in result.stdout.str()
    assert "\u202e" not in result.stdout.str()
    assert r"  got      a\x1b[31mb c\u202ed" in text


def test_a_number_just_below_its_bound_is_not_rounded_onto_it(project, section):
    """89.96 % is never shown as 90.0 % beside a bound of 90 %."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, model_eval):
            model_eval.score("tone", 0.8996)
        """,
    )
    project.thresholds("score(tone) >= 90%")

    result = project.run()

    assert result.ret == 1
    assert any("score(tone) is 89.96 %" in line for line in section(result))


def test_the_records_are_named(project):
    """The last line says where to read on."""
    project.suite("right-1")
    project.ini()

    result = project.run()

    result.stdout.fnmatch_lines([f"records: .modeleval/runs/{project.runs[-1].name}/records.jsonl"])


def test_a_bound_that_so_few_cases_cannot_decide(project):
    """It is said before anything is asked."""
    project.suite("right-1", "right-2")
    project.thresholds("accuracy >= 10%", "p95_latency <= 60s")

    result = project.run()

    result.stdout.fnmatch_lines(
        [
            "model eval: robot:answer, 2 cases, *",
            "  test_ticket: p95_latency <= 60s: 2 cases can't decide it for sure, * below 72",
        ]
    )
