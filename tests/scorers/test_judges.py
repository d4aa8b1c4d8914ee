"""Judges: what a suite may say of one, and what the votes of its models come to."""

import asyncio
import json

import pytest

from pytest_modeleval import Case, Failure, Prediction, Unscored, UsageError
from pytest_modeleval.errors import PredictionError
from pytest_modeleval.scorers.judges import make_judge

CASE = Case(id="a", input="Where?", expected="Paris", source="cases.csv:2")
WHERE = "x.eval.yaml:3: scorers"


class Says:
    """Models that say what they are told to, in turn or by what they are shown."""

    def __init__(self, baseline=None, **replies):
        self.replies = {name: iter(r) if isinstance(r, list) else r for name, r in replies.items()}
        self.models = tuple(replies)
        self.requests = []
        self.baseline = baseline

    async def __call__(self, request, *, model=None):
        self.requests.append(request)
        reply = self.replies[model or self.models[0]]
        said = (
            reply(request) if callable(reply) else reply if isinstance(reply, str) else next(reply)
        )
        if isinstance(said, Failure):
            raise PredictionError(said)
        return Prediction(output=said)

    def baseline_answer(self, case):
        if self.baseline is None:
            raise Unscored("there is no baseline")
        return self.baseline


def judged(kind, given, *, output="Lyon", case=CASE, **says):
    judge = make_judge(kind, given, where=WHERE)
    ask = Says(**says)
    return asyncio.run(judge.function(case, Prediction(output=output), ask)), ask


def said(word, reason="so"):
    return json.dumps({"reason": reason, "verdict": word})


def test_a_rubric():
    """PASS is 1 and FAIL is 0, with the judge's own reason."""
    for word, value in (("PASS", 1.0), ("FAIL", 0.0)):
        score, ask = judged("judge", "It is polite.", m=said(word, "because"))

        assert (score.value, score.reason, score.judged_by) == (value, "because", "m")
    assert "It is polite." in ask.requests[0][0]["content"]
    assert "| Lyon" in ask.requests[0][1]["content"]


def test_criteria():
    """The score is the share that is met, and the reason names the others."""
    reply = {
        "criterion_1": {"reason": "polite", "verdict": "MET"},
        "criterion_2": {"reason": "no date", "verdict": "UNMET"},
    }

    score, _ = judged("criteria", ["is polite", "names the date"], m=json.dumps(reply))

    assert score.value == 0.5
    assert score.reason == "1 of 2 met; not 'names the date': no date"


def test_facts():
    """Are compared with what is expected; without that there is nothing to compare."""
    score, ask = judged("factual", True, m=said("INCORRECT"))

    assert score.value == 0.0
    assert "| Paris" in ask.requests[0][1]["content"]
    with pytest.raises(UsageError, match=r"cases.csv:2: case b has no expected answer"):
        judged(
            "factual", None, case=Case(id="b", input="?", source="cases.csv:2"), m=said("CORRECT")
        )


def first_is(answer):
    """A judge that finds this answer better, wherever it stands."""

    def reply(request):
        text = request[1]["content"]
        ours, others = text.index(f"| {answer}"), text.index("<second_answer")
        return said("FIRST" if ours < others else "SECOND")

    return reply


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (first_is("Lyon"), 1.0),
        (first_is("Nice"), 0.0),
        (said("TIE"), 0.5),
        (said("FIRST"), 0.5),  # whichever that is
        (said("SECOND"), 0.5),
    ],
)
def test_against_the_baseline(reply, value):
    """Asked twice with the answers swapped; where the order decides it is a tie."""
    score, ask = judged("against_baseline", None, baseline="Nice", m=reply)

    assert (score.value, score.keeps_answer) == (value, True)
    assert len(ask.requests) == 2


def test_the_baseline_s_own_answer():
    """Is as good as itself, which need not be asked; without a baseline there is no score."""
    score, ask = judged("against_baseline", None, output="Nice", baseline="Nice", m=said("FIRST"))

    assert (score.value, ask.requests) == (0.5, [])
    with pytest.raises(Unscored, match="there is no baseline"):
        judged("against_baseline", None, m=said("FIRST"))


REFUSED = Failure(kind="refused", message="the model refused: no")
GONE = Failure(kind="connection", message="nobody listens")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ([REFUSED], "judge: judge m refused: the model refused: no"),
        ([GONE], r"judge: judge m could not be asked \(connection\): nobody listens"),
        ("well, PASS I'd say", "judge: judge m gave a reply that can't be read: .*no verdict"),
    ],
)
def test_no_verdict_is_no_score(reply, why):
    """Never 0, and the reason says which of the three it was."""
    with pytest.raises(Unscored, match=why):
        judged("judge", "It is polite.", m=reply)


@pytest.mark.parametrize(
    ("votes", "value"),
    [
        (["PASS", "PASS", "FAIL"], 1.0),
        (["FAIL", "PASS", "FAIL"], 0.0),
        (["PASS", "PASS", None], 1.0),
        (["PASS", None, "FAIL"], None),
        (["PASS", None, None], None),
        (["PASS", "FAIL"], None),
        (["PASS", "FAIL", "PASS", "FAIL"], None),
    ],
)
def test_a_panel(votes, value):
    """More than half of all its models decide; a tie, or too few that could say, is no score."""
    panel = {
        f"m{number}": [GONE] if word is None else said(word, f"r{number}")
        for number, word in enumerate(votes)
    }

    if value is None:
        with pytest.raises(Unscored, match="no majority"):
            judged("judge", "It is polite.", **panel)
        return
    score, _ = judged("judge", "It is polite.", **panel)

    assert score.value == value
    assert score.judged_by == ", ".join(panel)
    for number, word in enumerate(votes):
        vote = "could not be asked" if word is None else f"{word} (r{number})"
        assert f"m{number} {vote}" in score.reason


def test_an_answer_that_is_too_long():
    """Is not judged by a part of it."""
    with pytest.raises(Unscored, match="1,000,000 characters, more than the 100,000"):
        judged("judge", "It is polite.", output="x" * 1_000_000, m=said("PASS"))

    given = {"rubric": "It is polite.", "max_characters": 2_000_000}
    assert judged("judge", given, output="x" * 1_000_000, m=said("PASS"))[0].value == 1.0


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("judge", None, "it needs a rubric"),
        ("judge", {"rubrik": "x"}, "unknown parameter 'rubrik'; did you mean 'rubric'?"),
        ("judge", {"rubric": " "}, "rubric is text"),
        ("judge", 3, "its parameters are a mapping, not 3"),
        ("criteria", [], "criteria is a list of texts"),
        ("criteria", "polite", "its parameters are a mapping"),
        ("factual", {"rubric": "x"}, "unknown parameter 'rubric'"),
        ("factual", {"model": "a:b", "models": ["a:b"]}, "model or models, not both"),
        ("factual", {"models": ["a:b", "a:b"]}, "names one twice"),
        ("factual", {"models": "a:b"}, "models is a list of texts"),
        ("factual", {"min_score": 2}, "min_score: "),
        ("factual", {"name": "a(b)"}, "name: a name is text without parentheses"),
        ("factual", {"weight": -1}, "weight: a weight is a number from 0 to 1,000,000, not -1"),
        ("factual", {"weight": float("inf")}, "weight: a weight is a number from 0 to 1,000,000"),
        ("factual", {"max_characters": float("inf")}, "max_characters is a whole number"),
        ("factual", {"preflight": "no"}, "preflight is true or false"),
        ("factual", {"golden": "x.csv"}, "golden is a list of answers"),
        ("factual", {"golden": [{"output": "x"}]}, "a verdict that is pass or fail"),
        ("factual", {"golden": [{"output": "x", "verdict": "pass"}]}, "what is expected"),
        ("against_baseline", {"golden": [{"output": "x", "verdict": "pass"}]}, "a baseline"),
        ("judge", {"rubric": "x", "golden": [{"otput": "x"}]}, "did you mean 'output'?"),
    ],
)
def test_what_is_refused(kind, given, message):
    """With the place, what was found and what would do."""
    with pytest.raises(UsageError) as caught:
        make_judge(kind, given, where=WHERE)

    assert str(caught.value).startswith(f"{WHERE}: {kind}")
    assert message in str(caught.value)


def test_what_every_scorer_has_is_written_alike():
    """A mark in percent, as docs/scorers.md has it."""
    scorer = make_judge("factual", {"min_score": "60%", "weight": 2}, where=WHERE)

    assert (scorer.min_score, scorer.weight) == (0.6, 2.0)


def test_a_version():
    """Is another for another rubric, and the same for another name or pass mark."""

    def version(**given):
        return make_judge("judge", {"rubric": "x", **given}, where=WHERE).version

    assert version() == version(name="tone", min_score=0.5, weight=2, preflight=False)
    assert version() != version(rubric="y")
