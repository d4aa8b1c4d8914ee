"""``--model-eval-prices``: what a token costs."""

import re

SUITE = """
    import pytest
    from pytest_modeleval import Prediction, Usage

    def answer(text):
        return Prediction(
            output=text.upper(), usage=Usage(input_tokens=1_000_000, output_tokens=500_000{more})
        )

    @pytest.mark.model_eval("tickets.csv", model="test_evals:answer")
    def test_ticket(case, prediction):
        assert prediction == case.expected
"""


def test_a_price_of_the_users_own_gives_the_cost(project):
    """Per million tokens, by the model's name."""
    project.suite("right-1", source=SUITE.format(more=""))

    result = project.run(
        "--model-eval-prices=test_evals:answer input=0.25 output=2",
        "--model-eval-thresholds=avg_cost <= $1.25",
    )

    assert result.ret == 0
    assert project.records["right-1"]["cost_usd"] == 1.25
    assert project.metric("total_cost") == 1.25


def test_cached_input_has_a_rate_of_its_own(project):
    """The cached tokens are part of the input."""
    project.suite("right-1", source=SUITE.format(more=", cached_input_tokens=400_000"))

    project.run("--model-eval-prices=test_evals:answer input=1 output=2 cached_input=0.5")

    assert project.records["right-1"]["cost_usd"] == 0.6 + 0.2 + 1.0


def test_without_a_price_the_cost_is_unknown(project):
    """Never 0; a threshold on it is invalid and says what to add."""
    project.suite("right-1", source=SUITE.format(more=""))

    result = project.run("--model-eval-thresholds=avg_cost <= $1")

    assert result.ret == 1
    assert "cost_usd" not in project.records["right-1"]
    assert project.status == "invalid"
    said = " ".join(result.stdout.str().split())  # the sentence is broken at the width
    assert re.search(r"invalid: \S+ avg_cost <= \$1.*model_eval_prices", said)


def test_a_cost_that_the_model_reports_is_taken(project):
    """Before any table."""
    project.suite(
        "right-1",
        source="""
        import pytest
        from pytest_modeleval import Prediction

        def answer(text):
            return Prediction(output=text.upper(), cost_usd=0.5)

        @pytest.mark.model_eval("tickets.csv", model=answer)
        def test_ticket(case, prediction):
            assert prediction == case.expected
        """,
    )

    project.run()

    assert project.records["right-1"]["cost_usd"] == 0.5
