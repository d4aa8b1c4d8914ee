"""The fixture ``model_eval``: what a test measures and scores itself."""

import re

import pytest

HEAD = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, model_eval):
"""


def run(project, body, *thresholds, inputs=("right-1",)):
    """Run a suite whose test has this body."""
    indented = "\n".join(f"        {line}" for line in body)
    project.suite(*inputs, source=HEAD + indented)
    project.thresholds(*(thresholds or ("accuracy >= 0%",)))
    return project.run()


def test_a_block_is_timed_and_its_cost_kept(project):
    """``measure`` gives latency; cost, usage and output are the test's to set."""
    result = run(
        project,
        [
            "from pytest_modeleval import Usage",
            "with model_eval.measure() as m:",
            "    answer = case.input.upper()",
            "m.cost_usd = 0.25",
            "m.usage = Usage(input_tokens=3, output_tokens=2)",
            "m.output = answer",
            "assert answer == case.expected",
        ],
        "avg_cost <= $0.25",
        "p95_latency <= 60s",
    )

    assert result.ret == 0
    record = project.records["right-1"]
    assert record["latency_s"] > 0
    assert record["cost_usd"] == 0.25
    assert record["cost_source"] == "reported"
    assert record["usage"]["input_tokens"] == 3
    assert record["output"] == "RIGHT-1"
    assert project.metric("total_cost") == 0.25


def test_several_blocks_add_up(project):
    """Two calls of one case cost what both cost."""
    run(
        project,
        [
            "for cost in (0.25, 0.5):",
            "    with model_eval.measure() as m:",
            "        m.cost_usd = cost",
        ],
    )

    assert project.records["right-1"]["cost_usd"] == 0.75


def test_a_cost_that_is_unknown_stays_unknown(project):
    """Never a guessed 0; a threshold on it is invalid and says what to do."""
    result = run(
        project, ["with model_eval.measure():", "    pass"], "avg_cost <= $1", "accuracy >= 0%"
    )

    assert result.ret == 1
    assert "cost_usd" not in project.records["right-1"]
    assert project.status == "invalid"
    said = " ".join(result.stdout.str().split())
    assert re.search(r"unknown for the only case.*model_eval_prices", said)


def test_a_latency_that_nobody_measured_is_invalid(project):
    """A test that measures nothing can't meet a bound on latency."""
    result = run(project, ["pass"], "p95_latency <= 1s")

    assert result.ret == 1
    assert project.status == "invalid"
    result.stdout.fnmatch_lines(["*model_eval.measure()*"])


def test_an_assertion_inside_the_block_is_an_error(project):
    """What leaves the block is the application's trouble and no judgement."""
    result = run(
        project,
        ["with model_eval.measure():", "    assert case.input == 'something else'"],
        "accuracy >= 0%",
    )

    assert result.ret == 1
    result.assert_outcomes(failed=1)
    assert project.outcomes == {"right-1": "errored"}


def test_an_assertion_after_the_block_is_a_miss(project):
    """The judgement stands outside."""
    result = run(
        project,
        [
            "with model_eval.measure() as m:",
            "    m.output = '?'",
            "assert m.output == case.expected",
        ],
        "accuracy >= 0%",
    )

    assert result.parseoutcomes() == {"missed": 1}
    assert project.records["right-1"]["output"] == "?"


@pytest.mark.parametrize("cost", ["-1", "float('nan')", "'free'", "True"])
def test_a_cost_that_is_no_amount_is_an_error(project, cost):
    """Refused in the test that set it, by name."""
    run(project, ["with model_eval.measure() as m:", f"    m.cost_usd = {cost}"])

    record = project.records["right-1"]
    assert record["outcome"] == "errored"
    assert "cost_usd" in record["reason"]


def test_a_cost_set_after_the_block_is_checked_too(project):
    """Bad amounts never reach a number."""
    run(project, ["with model_eval.measure() as m:", "    pass", "m.cost_usd = -1"])

    assert project.outcomes == {"right-1": "errored"}


def test_a_score_is_kept_with_its_reason(project):
    """And its mean is a number of the suite."""
    run(project, ["model_eval.score('tone', 0.5, reason='a bit curt')"])

    assert project.records["right-1"]["scores"] == {"tone": {"value": 0.5, "reason": "a bit curt"}}
    assert project.metric("score(tone)") == 0.5


def test_a_score_below_its_pass_mark_is_a_miss(project):
    """The reason says which score, its value, the mark and why."""
    result = run(
        project, ["model_eval.score('tone', 0.5, min_score=0.6, reason='curt')"], "accuracy >= 0%"
    )

    assert result.parseoutcomes() == {"missed": 1}
    assert project.records["right-1"]["reason"] == "score tone is 0.5, below 0.6: curt"


def test_a_score_below_its_pass_mark_fails_where_nothing_governs(project):
    """The same miss is an ordinary failure there, and its reason is shown."""
    project.suite("right-1", source=HEAD + "        model_eval.score('tone', 0.5, min_score=0.6)")
    project.ini()

    result = project.run()

    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["tickets.csv:2: score tone is 0.5, below 0.6", "  score *tone 0.5*"]
    )


def test_a_score_at_its_pass_mark_passes(project):
    """Equal is met."""
    result = run(project, ["model_eval.score('tone', 0.6, min_score=0.6)"], "accuracy >= 100%")

    assert result.ret == 0


@pytest.mark.parametrize("value", ["1.1", "-0.1", "float('nan')", "'good'", "None"])
def test_a_score_out_of_range_is_an_error(project, value):
    """A score is a number in [0, 1]; anything else is said in one sentence."""
    run(project, [f"model_eval.score('tone', {value})"])

    record = project.records["right-1"]
    assert record["outcome"] == "errored"
    assert "score 'tone': value is " in record["reason"]
    assert "between 0 and 1" in record["reason"]


def test_the_header_says_that_the_test_asks_for_itself(project):
    """There is no model of ours to name."""
    result = run(project, ["pass"])

    result.stdout.fnmatch_lines(["model eval: the test's own code, 1 case, one at a time"])


def test_no_model_need_be_named(project):
    """Nor is one made."""
    project.suite("right-1", source=HEAD + "        pass")
    (project.path / "robot.py").unlink()

    assert project.run().ret == 0


def test_the_fixture_knows_the_case(project):
    """``model_eval.case`` is the case of the test."""
    result = run(project, ["assert model_eval.case is case"], "accuracy >= 100%")

    assert result.ret == 0


def test_prediction_and_a_score_go_together(project):
    """A score may be given of the answer that was asked ahead."""
    project.suite(
        "right-1",
        source="""
        import pytest

        @pytest.mark.model_eval("tickets.csv")
        def test_ticket(case, prediction, model_eval):
            model_eval.score("length", len(str(prediction)) / 10, min_score=0.5)
        """,
    )
    project.thresholds("score(length) >= 70%")

    assert project.run().ret == 0
    assert project.records["right-1"]["output"] == "RIGHT-1"
