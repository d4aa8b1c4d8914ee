"""``evaluate_model``: the whole of it, from a script, a notebook or a running loop."""

import asyncio
import functools
import math
import threading
import time

import fake_server
import numpy as np
import pytest

from pytest_modeleval import (
    Case,
    DatasetError,
    Prediction,
    PreflightError,
    Report,
    Unscored,
    Usage,
    UsageError,
    evaluate_model,
)

pytestmark = pytest.mark.filterwarnings("error")

CASES = [
    {"id": "card", "input": "card lost", "expected": "CARD LOST"},
    {"id": "bill", "input": "bill wrong", "expected": "BILL WRONG"},
    {"id": "bug", "input": "app broken", "expected": "bug"},
    {"id": "login", "input": "no login", "expected": "NO LOGIN"},
]


@pytest.fixture(autouse=True)
def no_threads_left():
    """Whatever a test does, no thread of ours outlives it."""
    yield
    deadline = time.monotonic() + 10
    while ours := [one for one in threading.enumerate() if one.name.startswith("modeleval")]:
        assert time.monotonic() < deadline, ours
        time.sleep(0.005)


def upper(text):
    return text.upper()


async def upper_later(text):
    await asyncio.sleep(0.001)
    return text.upper()


class Shouter:
    name = "shouter-2"

    def predict(self, text):
        return text.upper()


class AsyncShouter:
    async def predict(self, text):
        return text.upper()


def echo(text):
    return text


def outcomes(report):
    return [record.outcome for record in report.records]


@pytest.mark.parametrize(
    "model",
    [upper, upper_later, Shouter(), AsyncShouter(), Shouter().predict, "builtins:str.upper"],
    ids=["sync", "async", "object", "async object", "method", "spec"],
)
def test_models_of_all_forms(model):
    """Each is asked every case once, and the numbers are the same."""
    report = evaluate_model(model, CASES)

    assert isinstance(report, Report)
    assert report["accuracy"] == 0.75
    assert (report["n"], report["n_passed"], report["n_missed"]) == (4, 3, 1)


def test_the_report():
    """It has the counts, metrics, intervals, failures and verdict under their names."""
    report = evaluate_model(Shouter(), CASES)

    assert report["model"] == "shouter-2"
    assert report["error_rate"] == 0
    assert report["mean_score"] == 0.75
    assert report["n_errored"] == report["n_unscored"] == report["n_skipped"] == 0
    clocks = [report[f"{name}_latency"] for name in ("p50", "p90", "p95", "p99", "max")]
    assert all(seconds >= 0 for seconds in clocks)
    assert clocks == sorted(clocks)
    low, high = report["intervals"]["accuracy"]
    assert 0 <= low < 0.75 < high <= 1
    assert report["thresholds"] == []
    assert [record.case_id for record in report.records] == ["card", "bill", "bug", "login"]
    assert report.summary.n == 4


def test_slices_and_labels():
    """The numbers of each tag and of each label, as summary.json has them."""
    cases = [
        {"input": f"{team} {n}", "expected": team, "tags": ["angry"] if n else []}
        for team in ("bug", "login")
        for n in range(3)
    ]

    report = evaluate_model(
        lambda text: "bug" if text == "login 2" else text.split()[0],
        cases,
        thresholds=["macro_f1 >= 80%", "[angry]: accuracy >= 80%"],
    )

    (part,) = report["slices"]
    assert (part["tag"], part["n"], part["metrics"]["accuracy"]["value"]) == ("angry", 4, 0.75)
    assert report["classification"]["confusion"]["counts"] == [[3, 0, 0, 0], [1, 2, 0, 0]]
    assert report["no_classification"] is None
    assert [item["status"] for item in report["thresholds"]] == ["met", "not met"]


def test_a_test_set_without_labels():
    """There is no classification, and the reason is told."""
    report = evaluate_model(upper, CASES)

    assert report["slices"] == []
    assert report["classification"] is None
    assert report["no_classification"] == "4 labels among 4 cases hardly repeat"


def test_cost_that_nobody_knows():
    """It is None and never 0, with a note."""
    report = evaluate_model(upper, CASES)

    assert report["avg_cost"] is None
    assert report["total_cost"] is None
    assert report["notes"]["avg_cost"]


def test_cost_that_the_model_reports():
    """Its average and sum are over all cases."""
    report = evaluate_model(lambda text: Prediction(output=text.upper(), cost_usd=0.25), CASES)

    assert report["avg_cost"] == 0.25
    assert report["total_cost"] == 1.0


def test_latency_that_the_model_reports():
    """Its own clock is the one that counts."""
    report = evaluate_model(lambda text: Prediction(output=text, latency_s=2.0), CASES)

    assert report["p95_latency"] == report["max_latency"] == 2.0


def test_failures():
    """Each case that was not passed is there with question, answer and reason, in order."""

    def model(text):
        if text == "bill wrong":
            raise ValueError("no weights")
        return text.upper()

    report = evaluate_model(model, CASES)

    bill, bug = report["failures"]
    assert (bill["id"], bill["outcome"], bill["output"]) == ("bill", "errored", None)
    assert "ValueError: no weights" in bill["reason"]
    assert (bug["id"], bug["outcome"]) == ("bug", "missed")
    assert (bug["input"], bug["expected"], bug["output"]) == ("app broken", "bug", "APP BROKEN")
    assert bug["reason"] == "expected 'bug', got 'APP BROKEN'"
    assert bug["latency_s"] >= 0
    assert report["accuracy"] == 0.5
    assert report["error_rate"] == 0.25


def test_errors_stay_in_the_denominator():
    """A model that fails on three of four cases is right in one of four at most."""

    def model(text):
        if text != "card lost":
            raise ValueError("no")
        return "CARD LOST"

    report = evaluate_model(model, CASES)

    assert (report["accuracy"], report["n"], report["n_errored"]) == (0.25, 4, 3)


@pytest.mark.parametrize(
    ("answer", "words"),
    [(None, "returned None"), ({"a"}, "a set"), (math.nan, "nan"), (b"a", "a bytes")],
)
def test_a_model_that_does_not_answer(answer, words):
    """Every case is an error with its sentence, even where that value was expected."""
    report = evaluate_model(lambda _: answer, [{"input": "a", "expected": None}])

    assert outcomes(report) == ["errored"]
    assert words in report["failures"][0]["reason"]
    assert report["accuracy"] == 0


def test_a_model_that_asserts():
    """An AssertionError inside the model is an error, not a wrong answer."""

    def model(_):
        raise AssertionError("shape")

    assert outcomes(evaluate_model(model, CASES)) == ["errored"] * 4


def test_a_model_that_hangs():
    """It times out, and the time-out is in the percentiles."""
    release = threading.Event()

    report = evaluate_model(lambda _: release.wait(60), CASES[:1], timeout="100ms")
    release.set()

    assert outcomes(report) == ["errored"]
    assert report["max_latency"] == pytest.approx(0.1)
    assert report["failures"][0]["reason"] == "no answer within 0.1 s"


def test_a_file(tmp_path):
    """A path of text or of pathlib is a dataset."""
    path = tmp_path / "cases.csv"
    path.write_text("input,expected\na,A\nb,x\n")

    assert evaluate_model(upper, path)["accuracy"] == 0.5
    assert evaluate_model(upper, str(path))["failures"][0]["input"] == "b"


def test_columns_of_other_names(tmp_path):
    """``columns`` says which column is which field."""
    path = tmp_path / "cases.csv"
    path.write_text("text,label\na,A\n")

    report = evaluate_model(upper, path, columns={"input": "text", "expected": "label"})

    assert report["accuracy"] == 1


@pytest.mark.parametrize("make", [list, tuple, iter], ids=["list", "tuple", "iterator"])
def test_any_iterable(make):
    """Mappings and cases in any iterable are a test set."""
    cases = [Case(id="a", input="a", expected="A"), {"input": "b", "expected": "B"}]

    report = evaluate_model(upper, make(cases))

    assert report["accuracy"] == 1
    assert report.records[0].case_id == "a"


@pytest.mark.parametrize("cases", [[], (), iter(())])
def test_no_cases(cases):
    """An empty test set is an error, not an accuracy."""
    with pytest.raises(DatasetError, match="has no cases"):
        evaluate_model(upper, cases)


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        ("no/such/file.csv", "no/such/file.csv"),
        ([{"expected": "A"}], "input"),
        ([{"id": "a", "input": "1"}, {"id": "a", "input": "2"}], "a"),
        (["text"], "mapping"),
        (42, "dataset"),
    ],
    ids=["file", "input", "ids", "row", "type"],
)
def test_a_test_set_that_cannot_be_used(cases, words):
    """It is one sentence, and no model is asked."""
    asked = []

    with pytest.raises(DatasetError, match=words):
        evaluate_model(asked.append, cases)

    assert asked == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (42, "can't be called"),
        (None, "can't be called"),
        ("router", "module:callable or openai:NAME"),
        ("no_such_router:team", "no module 'no_such_router'"),
    ],
)
def test_a_model_that_cannot_be_used(model, words):
    """It is one sentence."""
    with pytest.raises(UsageError, match=words):
        evaluate_model(model, CASES)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"concurrency": 0}, "concurrency is a whole number of at least 1, not 0"),
        ({"concurrency": 2.5}, "not 2.5"),
        ({"concurrency": True}, "not True"),
        ({"retries": -1}, "retries is a whole number of at least 0, not -1"),
        ({"timeout": 0}, "timeout is more than 0 s"),
        ({"timeout": math.inf}, "timeout is more than 0 s"),
        ({"timeout": math.nan}, "timeout is more than 0 s"),
        ({"timeout": "5"}, "a time needs its unit"),
        ({"timeout": "soon"}, "is not a time"),
        ({"timeout": None}, "timeout is a time such as '60s', or seconds, not None"),
        ({"timeout": [1]}, "timeout is a time such as '60s', or seconds, not [1]"),
        ({"thresholds": ["accuracy >= 90"]}, "write 90% or 0.9"),
        ({"thresholds": ["acuracy >= 90%"]}, "did you mean 'accuracy'"),
        ({"columns": {"inptu": "text"}}, "input"),
        ({"timeout": True}, "timeout"),
        ({"compare": "exact"}, "compare: 'exact' can't be called"),
        ({"thresholds": None}, "thresholds is a line of text or a list of them, not None"),
        ({"thresholds": [90]}, "thresholds is a line of text"),
        ({"prices": {"m": 1}}, "prices is a line of text"),
        ({"prices": ["m input=1"]}, "prices: 'm input=1': a price is MODEL"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used(setting, words):
    """Each is a usage error before anything is asked, that says what would do."""
    asked = []

    with pytest.raises(UsageError) as caught:
        evaluate_model(asked.append, CASES, **setting)

    assert words in str(caught.value)
    assert asked == []


@pytest.mark.parametrize("timeout", ["60s", "800ms", 5, 0.5])
def test_time_outs_that_can_be_used(timeout):
    """Text with its unit, or seconds."""
    assert evaluate_model(upper, CASES, timeout=timeout)["n_errored"] == 0


def test_thresholds():
    """The report holds the verdict on them; a single line may be given as it is."""
    met = evaluate_model(upper, CASES, thresholds=["accuracy >= 75%", "p95_latency <= 60s"])
    missed = evaluate_model(upper, CASES, thresholds="accuracy >= 76%")

    assert met["verdict"] == "met"
    assert len(met["thresholds"]) == 2
    assert missed["verdict"] == "not met"
    assert missed.verdict.status == "not met"


def test_a_threshold_on_an_unknown_cost():
    """It can't be judged honestly, which is invalid and not met."""
    report = evaluate_model(upper, CASES, thresholds=["avg_cost <= $1"])

    assert report["verdict"] == "invalid"


def test_without_thresholds_errors_still_show():
    """A run with errors beyond the allowed rate is not met, also where no bound was set."""

    def model(_):
        raise ValueError("no")

    assert evaluate_model(model, CASES)["verdict"] != "met"


def test_compare():
    """Truth values decide; the prediction comes with its clock."""
    seen = []

    def compare(case, prediction):
        seen.append((case.id, prediction.output, prediction.latency_s >= 0))
        return prediction.output.lower() == case.input

    report = evaluate_model(upper, CASES, compare=compare)

    assert report["accuracy"] == 1
    assert seen[0] == ("card", "CARD LOST", True)


def test_compare_with_scores():
    """A number is a score, of which 1 alone is right."""
    scores = {"card": 1, "bill": 0.5, "bug": 0.0, "login": 1.0}

    report = evaluate_model(upper, CASES, compare=lambda case, _: scores[case.id])

    assert report["accuracy"] == 0.5
    assert report["mean_score"] == 0.625
    assert outcomes(report) == ["passed", "missed", "missed", "passed"]
    assert report.records[1].scores["compare"]["value"] == 0.5


def test_a_missed_score_says_its_score():
    """The reason of a case scored under 1 names the score, not two texts to compare."""
    report = evaluate_model(upper, CASES[:1], compare=lambda *_: 0.5)

    assert "0.5" in report["failures"][0]["reason"]


def test_unscored():
    """A case that can't be scored is left out of accuracy, and counted."""

    def compare(case, prediction):
        if case.id == "bug":
            raise Unscored("the judge failed")
        return prediction == case.expected

    report = evaluate_model(upper, CASES, compare=compare)

    assert report["accuracy"] == 1
    assert (report["n"], report["n_unscored"]) == (3, 1)
    (failure,) = report["failures"]
    assert (failure["outcome"], failure["reason"]) == ("unscored", "the judge failed")


@pytest.mark.parametrize(
    ("compare", "reason"),
    [
        (lambda *_: 1 / 0, "compare raised ZeroDivisionError: division by zero"),
        (lambda *_: 1.5, "compare returned 1.5, which is not in [0, 1]"),
        (lambda *_: -0.1, "compare returned -0.1, which is not in [0, 1]"),
        (lambda *_: math.nan, "compare returned nan, which is not in [0, 1]"),
        (
            lambda *_: None,
            "compare returned None; return True, False or a score in [0, 1]",
        ),
        (lambda *_: "yes", "compare returned 'yes'"),
        (lambda *_: "1.0", "compare returned '1.0'"),
    ],
    ids=["raises", "high", "low", "nan", "None", "text", "number as text"],
)
def test_a_compare_that_fails(compare, reason):
    """It costs the case, as an error with a sentence of what compare did; the others go on."""
    report = evaluate_model(upper, CASES, compare=compare)

    assert outcomes(report) == ["errored"] * 4
    assert report["failures"][0]["reason"].startswith(reason)


async def right_later(*_):
    return True


class RightLater:
    async def __call__(self, *_):
        return True


@pytest.mark.parametrize(
    "compare",
    [right_later, functools.partial(right_later), RightLater(), lambda *_: right_later()],
    ids=["function", "partial", "object", "awaitable"],
)
def test_an_async_compare(compare):
    """It is refused with one sentence, and leaves no warning."""
    with pytest.raises(UsageError, match=r"compare is async.*return.*score in \[0, 1\]"):
        evaluate_model(upper, CASES, compare=compare)


@pytest.mark.parametrize(
    ("value", "score"),
    [(np.True_, 1.0), (np.float32(0.5), 0.5), (np.array(1), 1.0), (True, 1.0), (0, 0.0)],
    ids=repr,
)
def test_scores_of_all_kinds(value, score):
    """Scalars of numpy count as what they stand for."""
    report = evaluate_model(upper, CASES[:1], compare=lambda *_: value)

    stored = report.records[0].scores["compare"]["value"]
    assert (type(stored), stored) == (float, score)


def test_prices():
    """The lines of model_eval_prices price what the model counts, also a single one."""
    usage = Usage(input_tokens=1000, output_tokens=500)

    def model(_):
        return Prediction(output="a", usage=usage, model="m-1")

    lines = ["m-1 input=1 output=2", "m-2 input=100 output=100"]

    assert evaluate_model(model, CASES, prices=lines)["avg_cost"] == pytest.approx(0.002)
    assert evaluate_model(model, CASES, prices=lines[0])["avg_cost"] == pytest.approx(0.002)


def test_numbers_of_numpy():
    """What a model measured with numpy becomes Python's."""
    cost, latency = np.float64(0.25), np.float64(1.5)

    report = evaluate_model(
        lambda text: Prediction(output=text, cost_usd=cost, latency_s=latency), CASES[:1]
    )

    record = report.records[0]
    assert (type(record.cost_usd), type(record.latency_s)) == (float, float)


def test_inside_a_running_loop():
    """In a notebook, whose cells run in an event loop, it works the same."""

    async def cell():
        return evaluate_model(upper_later, CASES)

    report = asyncio.run(cell())

    assert report["accuracy"] == 0.75


def test_one_after_the_other():
    """The same model object can be evaluated again, after other event loops have ended."""
    model = AsyncShouter()

    reports = [evaluate_model(model, CASES) for _ in range(3)]

    assert [report["accuracy"] for report in reports] == [0.75] * 3


def test_concurrency():
    """No more calls than that are in flight, and one that says so is called one at a time."""
    lock, now, most = threading.Lock(), [0], [0]

    def model(text):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return text

    cases = [{"input": str(number)} for number in range(12)]

    evaluate_model(model, cases, concurrency=3)
    bound, most[0] = most[0], 0
    model.model_eval_concurrency = 1
    evaluate_model(model, cases, concurrency=8)

    assert 1 < bound <= 3
    assert most == [1]


def test_every_case_once():
    """Nothing is asked twice, also where two cases ask the same."""
    asked = []
    cases = [{"id": str(number), "input": "same"} for number in range(10)]

    evaluate_model(asked.append, cases)

    assert asked == ["same"] * 10


def test_ctrl_c_ends_it():
    """An interrupt in the caller's thread comes through, and no call goes on."""

    def compare(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_model(upper_later, CASES, compare=compare)


def test_inputs_of_all_kinds():
    """Messages and mappings reach the model as they stand."""
    messages = [{"role": "user", "content": "hi"}]
    cases = [
        {"input": messages, "expected": messages},
        {"input": {"text": "a", "n": 1}, "expected": {"n": 1, "text": "a"}},
    ]

    assert evaluate_model(echo, cases)["accuracy"] == 1


def test_an_openai_server(monkeypatch):
    """A model of a provider, with faults on the way: asked again where it helps."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    import openai  # noqa: F401  (here, so that the first call's time-out does not pay for it)

    cases = [
        {"id": "good", "input": "answer=yes", "expected": "yes"},
        {"id": "bad", "input": "answer=no", "expected": "yes"},
        {
            "id": "late",
            "input": "answer=yes [[status=429 retry_after=0.1 times=1]]",
            "expected": "yes",
        },
        {"id": "none", "input": "[[refusal]]", "expected": "yes"},
    ]

    with fake_server.running() as server:
        report = evaluate_model("openai:m", cases, base_url=server.base_url)
        n_requests = server.stats()["n_requests"]

    assert outcomes(report) == ["passed", "missed", "passed", "errored"]
    assert report["model"] == "openai:m"
    assert n_requests == 5
    assert report.records[2].n_attempts == 2
    assert report.records[0].usage == {
        "input_tokens": 1,
        "output_tokens": 1,
        "cached_input_tokens": 0,
        "reasoning_tokens": 0,
    }
    assert report["avg_cost"] is None


def test_usage_of_a_function():
    """Tokens that the code reports stand in the record."""
    usage = Usage(input_tokens=5, output_tokens=2)

    report = evaluate_model(lambda _: Prediction(output="a", usage=usage), CASES[:1])

    assert report.records[0].usage["input_tokens"] == 5


def test_tags_can_be_bounds():
    """A threshold may hold for the cases of one tag."""
    cases = [
        {"input": "a", "expected": "A", "tags": ["easy"]},
        {"input": "b", "expected": "x", "tags": ["hard"]},
    ]

    report = evaluate_model(upper, cases, thresholds=["test_set[easy]: accuracy >= 100%"])

    assert report["verdict"] == "met"


def test_a_scope_that_matches_nothing_is_refused_before_anything_is_asked():
    """A threshold that would never be judged is a mistake, not a pass."""
    asked = []

    with pytest.raises(UsageError, match=r"no suite is named 'tickets'"):
        evaluate_model(
            asked.append,
            [{"input": "a", "expected": "a"}],
            thresholds=["tickets: accuracy >= 90%"],
        )

    assert asked == []


RUBRIC = {"judge": {"rubric": "It is good."}}


def test_scorers_decide():
    """Each of them has to reach its mark; judges are asked, tried before and paid for apart."""
    model = {"good": "good", "other": "good, more", "bad": "bad", "vague": "[[verdict=HM]]"}

    with fake_server.running() as server:
        report = evaluate_model(
            lambda text: model[text],
            [{"id": name, "input": name, "expected": "good"} for name in model],
            scorers=[RUBRIC, "exact"],
            judge="openai:judge",
            base_url=server.base_url,
            prices="judge input=1 output=1",
        )
        n_requests = server.stats()["n_requests"]

    assert outcomes(report) == ["passed", "missed", "missed", "unscored"]
    assert report.records[2].scores.keys() == {"judge", "exact"}
    assert report["judge_cost"] > 0
    assert report["avg_cost"] is None
    assert not report["preflight"]["mistakes"]
    assert n_requests == 4 + len(model)


def test_a_judge_that_can_t_be_relied_on():
    """Ends it before anything is asked, with what it got wrong."""
    asked = []

    with fake_server.running() as server, pytest.raises(PreflightError, match="expected fail") as e:
        evaluate_model(
            asked.append,
            [{"input": "a"}],
            scorers=[RUBRIC],
            judge="openai:judge-gullible",
            base_url=server.base_url,
        )

    assert "3 of 4 golden answers judged wrong by judge (openai:judge-gullible)" in str(e.value)
    assert asked == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scorers": ["exact"], "compare": lambda case, answer: True}, "compare or scorers"),
        ({"scorers": [RUBRIC]}, "no model is named"),
        ({"scorers": ["exakt"]}, "did you mean 'exact'"),
        ({"scorers": ["factual"], "judge": f"{__name__}:own_judge"}, "no expected answer"),
    ],
)
def test_scorers_that_can_t_be_used(arguments, message):
    """Are refused before anything is asked."""
    asked = []

    with pytest.raises(UsageError, match=message):
        evaluate_model(asked.append, [{"input": "a"}], **arguments)

    assert asked == []


def test_a_judge_of_one_s_own():
    """Is any callable by its name; it is given the messages."""
    report = evaluate_model(
        lambda text: "good" if text == "a" else "bad",
        [{"input": "a"}, {"input": "b"}],
        scorers=[RUBRIC],
        judge=f"{__name__}:own_judge",
    )

    assert outcomes(report) == ["passed", "missed"]


def own_judge(messages):
    _, _, answer = messages[1]["content"].partition("<answer-")
    is_right = "good" in answer or ("Paris" in answer and "SYSTEM" not in answer)
    return f"Let me see.\nVerdict: {'PASS' if is_right else 'FAIL'}"


def test_several_scorers_of_a_script():
    """Each score is there, and the reason names every one that is below its mark."""
    cases = [
        {"id": "a", "input": "a refund is due", "expected": "refund"},
        {"id": "b", "input": "no", "expected": "refund"},
    ]

    report = evaluate_model(
        echo, cases, scorers=["contains", {"regex": {"pattern": "due", "weight": 3}}]
    )

    assert outcomes(report) == ["passed", "missed"]
    (failure,) = report["failures"]
    assert failure["scores"] == {"contains": 0, "regex": 0}
    assert failure["reason"] == (
        "score contains is 0, below 1: it lacks 'refund'; "
        "score regex is 0, below 1: 'due' is not found in it"
    )


def test_one_scorer_of_a_script():
    """May stand there without a list: a name, a mapping, or a function."""
    cases = [{"input": "Yes", "expected": "yes"}]

    assert evaluate_model(echo, cases, scorers="exact")["accuracy"] == 0
    assert evaluate_model(echo, cases, scorers={"exact": {"ignore": "case"}})["accuracy"] == 1
    assert evaluate_model(echo, cases, scorers=lambda case, answer: 1)["accuracy"] == 1


def test_the_weighted_mean_decides():
    """Where the script has a mark of its own for it."""
    cases = [{"id": "a", "input": "a refund", "expected": "refund"}]
    scorers = ["contains", {"regex": {"pattern": "due", "weight": 3}}]

    right = evaluate_model(echo, cases, scorers=scorers, min_score=0.25)
    wrong = evaluate_model(echo, cases, scorers=scorers, min_score=0.3)

    assert (outcomes(right), outcomes(wrong)) == (["passed"], ["missed"])
    assert right["mean_score"] == 0.25
    assert wrong["failures"][0]["reason"].startswith("the mean of its scores is 0.25, below 0.3: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_score": 0.5}, "min_score is the mark of scorers; name some"),
        ({"scorers": "exact", "min_score": 80}, "min_score is a number from 0 to 1, not 80"),
        ({"scorers": "exact", "min_score": True}, "min_score is a number from 0 to 1, not True"),
        ({"scorers": "number"}, "'expected' is no number: 'x'"),
        ({"scorers": []}, "scorers: the list is empty"),
    ],
)
def test_marks_and_cases_that_won_t_do(arguments, message):
    """Are refused before anything is asked."""
    with pytest.raises(UsageError, match=message):
        evaluate_model(echo, [{"input": "a", "expected": "x"}], **arguments)


def test_a_scorer_of_a_script_that_raises():
    """Is an error of that case; a cost that nobody knows is unscored."""

    def broken(case, answer):
        raise ZeroDivisionError("oh")

    cases = [{"input": "a", "expected": "a"}]
    report = evaluate_model(echo, cases, scorers=[broken, {"cost": "$1"}, "exact"])
    assert outcomes(report) == ["errored"]
    assert report["failures"][0]["reason"] == "a scorer raised ZeroDivisionError: oh"
    assert set(report.records[0].scores) == {"exact"}
    assert outcomes(evaluate_model(echo, cases, scorers=[{"cost": "$1"}])) == ["unscored"]
