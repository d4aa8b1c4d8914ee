"""``--model-eval-max-cost``: the run stops before the call that could make it dearer."""

import pytest

CASES = [f"case-{i}" for i in range(10)]
PAID = """
    import pytest
    from pytest_modeleval import Prediction

    def answer(text):
        return Prediction(output=text.upper(), cost_usd=0.25)

    @pytest.mark.model_eval("tickets.csv", model=answer)
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""
MEASURED = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, model_eval):
        with model_eval.measure() as m:
            m.cost_usd = {cost}
"""


def run_paid(project, *args):
    """Ten cases of which the budget holds four."""
    project.suite(*CASES, source=PAID)
    project.thresholds("accuracy >= 50%")
    return project.run("--model-eval-max-cost=$1", *args)


def spent(project):
    """What the records have cost."""
    return sum(record["cost_usd"] for record in project.records.values())


def test_a_run_that_is_too_dear_stops(project, section):
    """What was answered is kept and shown, the verdict says what is missing."""
    result = run_paid(project)

    assert result.ret == 1
    result.assert_outcomes(passed=4)
    assert project.status == "invalid"
    assert project.outcomes == dict.fromkeys(CASES[:4], "passed")
    assert spent(project) == 1
    text = " ".join(" ".join(section(result)).split())
    assert "incomplete: 4 of 10 cases" in text
    assert "of $1.00 is spent" in text
    assert "6 cases were not asked" in text


def test_a_run_that_is_not_too_dear_is_judged(project, section):
    """The budget may be used up."""
    project.suite(*CASES[:4], source=PAID)
    project.thresholds("accuracy >= 50%")

    result = project.run("--model-eval-max-cost=1")

    assert result.ret == 0
    assert project.status == "met"
    assert "max_cost" not in " ".join(section(result))


def test_without_thresholds_it_is_no_success_either(project):
    """Cases that nobody asked are not passed over in silence."""
    project.suite(*CASES, source=PAID)
    project.ini("model_eval_max_cost = $1")

    result = project.run()

    assert result.ret == 1
    assert project.status == "invalid"


def test_without_a_terminal_it_is_the_same(project):
    """The exit status needs no screen."""
    result = run_paid(project, "-p", "no:terminal")

    assert result.ret == 1
    assert project.status == "invalid"
    assert len(project.records) == 4


def test_with_workers_it_is_the_same(project):
    """Each has its share."""
    result = run_paid(project, "-n", "2")

    assert result.ret == 1
    assert project.status == "invalid"
    assert len(project.records) == 4
    assert spent(project) == 1
    assert "not asked" in result.stdout.str()


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["alone", "workers"])
def test_other_tests_still_run(project, args):
    """They cost nothing, and find their fixtures in order."""
    project.pytester.makepyfile(
        test_zebra="""
        import pytest

        @pytest.fixture(scope="module")
        def thing():
            yield 1

        def test_other(thing):
            assert thing == 1
        """
    )

    result = run_paid(project, *args)

    result.assert_outcomes(passed=5)
    assert result.ret == 1


def test_fixtures_of_the_last_case_that_ran_end_once(project):
    """Also where the next of its module is passed over, and one of them raises."""
    source = (
        PAID.replace("(case, prediction)", "(case, prediction, server)")
        + """
    @pytest.fixture(scope="module")
    def server():
        yield
        raise RuntimeError("it does not end well")
"""
    )
    project.suite(*CASES, source=source)
    project.pytester.makepyfile(test_zebra="def test_other(): pass")
    project.ini("model_eval_max_cost = 1")

    result = project.run()

    result.assert_outcomes(passed=5, errors=1)


def test_of_unknown_cost_nothing_more_is_asked(project):
    """No budget can be kept; the sentence says what to do."""
    project.suite(*CASES)
    project.ini()

    result = project.run("--model-eval-max-cost=$5")

    assert result.ret == 1
    assert project.asked == ["case-0"]
    text = " ".join(result.stdout.str().split())
    assert "can't be kept: what robot:answer costs is unknown; add its price" in text
    assert "9 cases were not asked" in text


def test_what_tests_spend_themselves_counts(project):
    """The next one would be as dear as the dearest so far."""
    project.suite(*CASES, source=MEASURED.format(cost=0.4))
    project.ini()

    result = project.run("--model-eval-max-cost=$1")

    assert result.ret == 1
    result.assert_outcomes(passed=2)
    assert "8 cases were not asked" in " ".join(result.stdout.str().split())
    assert spent(project) == pytest.approx(0.8)


def test_of_unknown_cost_no_further_test_is_run(project):
    """A block that says nothing of its cost may have cost anything."""
    project.suite(*CASES, source=MEASURED.format(cost=None))
    project.ini()

    result = project.run("--model-eval-max-cost=$1")

    result.assert_outcomes(passed=1)
    assert "what the tests ask themselves costs is unknown" in " ".join(result.stdout.str().split())


def test_a_case_that_is_skipped_costs_nothing(project):
    """And is said to be skipped, also after the budget is used up."""
    source = (
        PAID
        + """
    @pytest.mark.skip(reason="later")
    @pytest.mark.model_eval("tickets.csv", model=answer)
    def test_zebra(case, prediction):
        pass
"""
    )
    project.suite(*CASES, source=source)
    project.ini("model_eval_max_cost = 1")

    project.run().assert_outcomes(passed=4, skipped=10)


@pytest.mark.parametrize("value", ["0", "-1", "much", "nan", "1e3", "5 EUR"])
def test_a_wrong_amount_is_a_usage_error(project, value):
    """Before anything runs."""
    project.suite("right-1")
    project.ini()

    result = project.run(f"--model-eval-max-cost={value}")

    assert result.ret == 4
    result.stderr.fnmatch_lines(
        [f"ERROR: --model-eval-max-cost: '{value}' is not an amount of dollars; write $5 or $0.50"]
    )
    assert project.asked == []
    assert project.runs == []
