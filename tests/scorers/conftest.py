"""One answer, scored as a suite says."""

import pytest

from pytest_modeleval import Case, Prediction
from pytest_modeleval.scorers import make_scorers, score_answer


@pytest.fixture
def score():
    """Score an output: ``score({"contains": "a"}, "abc", expected=...)``."""

    def score(spec, output, *, expected=None, metadata=None, **answer):
        (scorer,) = make_scorers(spec, where="x.eval.yaml:3: scorers")
        case = Case(id="a", input="?", expected=expected, metadata=metadata or {})
        return score_answer(scorer, case, Prediction(output=output, **answer))

    return score


@pytest.fixture
def check():
    """Make a scorer, and let it look at a case before it is asked."""

    def check(spec, expected=None):
        (scorer,) = make_scorers(spec, where="x.eval.yaml:3: scorers")
        if scorer.check_case is not None:
            scorer.check_case(Case(id="a", input="?", expected=expected, source="t.csv:7"))
        return scorer

    return check
