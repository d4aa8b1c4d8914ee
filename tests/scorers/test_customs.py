"""Scorers that users write themselves, or bring from autoevals."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from pytest_modeleval import Case, Prediction, Unscored, UsageError, scorer
from pytest_modeleval.scorers import make_scorers, score_answer

MODULE = """
    from pytest_modeleval import scorer

    def short(case, prediction, words=1):
        return len(prediction.output.split()) <= words, f"{words} words"

    @scorer(name="brief", min_score=0.5, weight=2)
    def half(case, prediction, value=0.5):
        return value

    class Echo:
        def __init__(self, value=1):
            self.value = value

        def eval(self, output, expected=None, **more):
            return self.value if output == expected and more["input"] == "?" else 0

    def by_words(output, expected):
        return output == expected

    async def later(case, prediction):
        return 1

    number = 3
"""


@pytest.fixture
def module(tmp_path):
    """A module ``my_scorers``, in a folder that is not on the path."""
    import sys
    from textwrap import dedent

    before = list(sys.path)
    (tmp_path / "my_scorers.py").write_text(dedent(MODULE))
    yield tmp_path
    sys.path[:] = before
    sys.modules.pop("my_scorers", None)


def made(spec, folder):
    (one,) = make_scorers(spec, where="x.eval.yaml:3: scorers", folders=[folder])
    return one


def scored(one, output="a", expected="a"):
    case = Case(id="a", input="?", expected=expected)
    return score_answer(one, case, Prediction(output=output))


@pytest.mark.parametrize(
    ("spec", "name", "value"),
    [
        ("my_scorers:short", "short", 1),
        ({"function": "my_scorers:short"}, "short", 1),
        ({"function": {"call": "my_scorers:short", "name": "s"}}, "s", 1),
        ({"my_scorers:short": {"words": 0}}, "short", 0),
        ({"my_scorers:short": None}, "short", 1),
        ("my_scorers:half", "brief", 0.5),
        ({"my_scorers:half": {"value": 0.25}}, "brief", 0.25),
        ("my_scorers:Echo", "Echo", 1),
        ({"my_scorers:Echo": {"value": 0.5}}, "Echo", 0.5),
        ("my_scorers:by_words", "by_words", 1),
    ],
)
def test_a_scorer_is_named(module, spec, name, value):
    """By module and name, in a folder of the suite, with its own parameters."""
    one = made(spec, module)

    assert one.name == name
    assert scored(one).value == value


def test_marks_and_weights_of_a_named_scorer(module):
    """Are those of the decorator, where the suite has no others."""
    half = made("my_scorers:half", module)
    assert (half.min_score, half.weight) == (0.5, 2)
    other = made({"my_scorers:half": {"min_score": "20%", "weight": 3, "name": "x"}}, module)
    assert (other.name, other.min_score, other.weight) == ("x", 0.2, 3)
    assert half.version != made({"my_scorers:half": {"value": 1}}, module).version


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("my_scorers:shrt", "has no 'shrt'; did you mean 'short'?"),
        ("no_such_module:f", "there is no module 'no_such_module'"),
        ("my_scorers.py:short", "names a file; name the module: my_scorers:short"),
        ("my_scorers:", "'my_scorers:' is not a scorer; write my_scorers:tone"),
        ("my_scorers:number", "my_scorers:number: a number is no scorer"),
        ("my_scorers:later", "my_scorers:later: it is async"),
        ({"my_scorers:short": {"word": 3}}, "unknown key 'word'; did you mean 'words'?"),
        ({"my_scorers:half": {"valu": 3}}, "unknown key 'valu'; did you mean 'value'?"),
        ({"my_scorers:Echo": {"x": 1}}, "the class Echo can't be made (TypeError"),
        ({"my_scorers:by_words": {"x": 1}}, "unknown key 'x'"),
        ({"my_scorers:short": 3}, "its parameters are a mapping, not 3"),
        ({"my_scorers:short": {"min_score": 2}}, "min_score: a rate is between 0 and 1"),
        ({"my_scorers:short": {"weight": -1}}, "weight: a weight is a number from 0 to 1,000,000"),
        ({"function": 3}, "name the function, as in function: my_scorers:tone, not 3"),
        ("json:dumps", "json:dumps: a scorer is called with a case and a prediction"),
    ],
)
def test_what_is_no_scorer(module, spec, message):
    """Is refused with what would do."""
    with pytest.raises(UsageError) as raised:
        made(spec, module)
    assert str(raised.value).startswith("x.eval.yaml:3: scorers: ")
    assert message in str(raised.value)


def test_the_decorator():
    """Makes a scorer of a function, with its name or another."""

    @scorer
    def tone(case, prediction):
        return 0.5

    @scorer(name="other", min_score=0.25, weight=2)
    def more(case, prediction):
        return 0.5

    assert (tone.name, tone.min_score, scored(tone).value) == ("tone", 1, 0.5)
    assert (more.name, more.min_score, more.weight) == ("other", 0.25, 2)
    with pytest.raises(UsageError, match="scorer: f: min_score: a rate is between 0 and 1"):
        scorer(min_score=8)(lambda_named("f"))
    with pytest.raises(UsageError, match="scorer: int: a number is no scorer"):
        scorer(3)


def lambda_named(name):
    def f(case, prediction):
        return 1

    f.__name__ = name
    return f


@dataclass
class DuckScore:
    score: float | None
    metadata: dict = field(default_factory=dict)


class Duck:
    """As autoevals has scorers."""

    def __init__(self, score):
        self.returned = score

    def eval(self, output, expected=None, **kwargs):
        return self.returned

    def __call__(self, output, expected=None, **kwargs):
        return self.eval(output, expected, **kwargs)


@pytest.mark.parametrize(
    ("returned", "value", "reason"),
    [
        (DuckScore(0.5), 0.5, None),
        (DuckScore(1, {"rationale": "fits"}), 1, "fits"),
        (DuckScore(0, {"choice": "B"}), 0, '{"choice": "B"}'),
        (DuckScore(0, {"choice": object()}), 0, None),
        (np.float64(0.25), 0.25, None),
        (np.bool_(True), 1, None),
    ],
)
def test_what_autoevals_returns(returned, value, reason):
    """Is read as a score with its reason."""
    found = scored(*make_scorers(Duck(returned), where="scorers"))

    assert (found.name, found.value, found.reason) == ("Duck", value, reason)


def test_a_scorer_of_autoevals_that_can_not_say():
    """Leaves the answer unscored."""
    (one,) = make_scorers(Duck(DuckScore(None, {"rationale": "no idea"})), where="scorers")

    with pytest.raises(Unscored, match="Duck gave no score: no idea"):
        scored(one)


def test_autoevals_itself():
    """By name and as an object."""
    autoevals = pytest.importorskip("autoevals", reason="needs the extra dev")

    (named,) = make_scorers("autoevals:Levenshtein", where="scorers")
    (numeric,) = make_scorers([autoevals.NumericDiff()], where="scorers")

    assert named.name == "Levenshtein"
    assert scored(named, "abc", "abd").value == pytest.approx(2 / 3)
    assert scored(numeric, 9, 10).value == pytest.approx(1 - 1 / 19)


def test_a_result_that_would_have_to_be_awaited(recwarn):
    """Is no score, and nothing is left that nobody awaited."""

    async def later():
        return 1

    (one,) = make_scorers([lambda case, prediction: later()], where="scorers")
    with pytest.raises(UsageError, match="it returned <coroutine"):
        scored(one)
    assert not recwarn.list
