"""``--model-eval-model`` given several times: each case is asked of each model."""

import pytest

OTHERS = """
def good(text):
    return text.upper()

def bad(text):
    return text.upper() if text.endswith("1") else "no"
"""


@pytest.fixture
def two(project):
    """A project with a good and a bad model."""
    project.suite("right-1", "right-2", "right-3", "right-4")
    (project.path / "others.py").write_text(OTHERS)
    return project


MODELS = ("--model-eval-model=others:good", "--model-eval-model=others:bad")


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_each_model_is_judged(two, workers):
    """One meets the bound, and the other does not."""
    two.thresholds("accuracy >= 90%")

    result = two.run_apart(*MODELS, *workers)

    assert result.ret == 1
    records = two.lines("records.jsonl")
    assert sorted(record["model"] for record in records) == ["others:bad"] * 4 + ["others:good"] * 4
    result.stdout.fnmatch_lines(
        ["not met: test_ticket, others:bad: accuracy is 25.0 %, wanted >= 90% (n=4)"]
    )


def test_they_stand_side_by_side(two):
    """With the difference to the first, case by case."""
    two.thresholds("accuracy >= 10%")

    result = two.run(*MODELS)

    result.stdout.fnmatch_lines(
        [
            "models side by side: test_ticket",
            "  *accuracy * p95 * avg cost * errors * n  thresholds",
            "  others:good *100.0 %* n/a *0.0 % *4  met",
            "  others:bad *25.0 %* n/a *0.0 % *4  met",
            "  others:bad against others:good:",
            "    accuracy  -75.0 points *, p 0.12",
            "              which may well be chance; it takes about 8 cases to tell",
            "    latency *",
            "    worse on 3 cases: right-2, right-3, right-4",
        ]
    )


def test_a_test_of_its_own_code_runs_once(project):
    """It asks no model, so there is nothing to ask twice."""
    project.suite(
        "right-1",
        source="""
            import pytest

            @pytest.mark.model_eval("tickets.csv")
            def test_ticket(case, model_eval):
                with model_eval.measure():
                    pass
        """,
    )
    (project.path / "others.py").write_text(OTHERS)

    project.run(*MODELS)

    assert len(project.lines("records.jsonl")) == 1


def test_a_list_in_the_marker(two):
    """A suite may compare models of its own, by name or as they are."""
    two.suite(
        "right-1",
        source="""
            import others
            import pytest

            @pytest.mark.model_eval("tickets.csv", model=["others:good", others.bad])
            def test_ticket(case, prediction):
                assert prediction == case.expected
        """,
    )

    result = two.run()

    assert result.ret == 0
    assert len(two.lines("records.jsonl")) == 2
