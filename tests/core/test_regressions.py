"""Regressions: what the thresholds on a worse run come to."""

from dataclasses import replace

import pytest

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold


def make_run(letters, **known):
    """A record of each letter, p for passed and m for missed, with the values of each field."""
    return [
        Record(
            suite="s", model="m", case_id=f"c{index}", outcome="passed" if letter == "p" else "missed",
            **{name: values[index] for name, values in known.items()},
        )
        for index, letter in enumerate(letters)
    ]  # fmt: skip


def judged(before, after, *lines):
    """The judgements on regression thresholds."""
    comparisons = compare(numbers_of(after), numbers_of(before))
    coverages = [Coverage(suite="s", n_total=len(after), n_selected=len(after))]
    thresholds = [parse_threshold(line) for line in lines]
    return judge(after, coverages, thresholds, comparisons=comparisons).explicit


def test_worse_and_hardly_by_chance_is_not_met():
    """Ten of a hundred broke."""
    (item,) = judged(
        make_run("p" * 100), make_run("m" * 10 + "p" * 90), "accuracy regression <= 2%"
    )

    assert item.status == "not met"
    assert item.reason == "accuracy is 10.0 points worse, allowed are 2 % (p 0.00098, n=100)"


def test_worse_by_the_tolerance_is_met():
    """Equal is met, however sure."""
    (item,) = judged(
        make_run("p" * 100), make_run("m" * 10 + "p" * 90), "accuracy regression <= 10%"
    )

    assert item.status == "met"


def test_what_may_be_chance_says_which_drop_is_seen():
    """Four of a hundred broke; a drop of 8 points would have been seen."""
    (item,) = judged(make_run("p" * 100), make_run("m" * 4 + "p" * 96), "accuracy regression <= 2%")

    assert item.status == "inconclusive"
    assert item.reason == (
        "accuracy is 4.0 points worse, which may well be chance (p 0.062); "
        "100 cases see a drop from 7.7 points on"
    )


def test_the_drop_that_is_seen_is_larger_among_several_thresholds():
    """Since they share the level."""
    times = {"latency_s": [0.1, 0.11] * 50}
    before, after = make_run("p" * 100, **times), make_run("m" * 4 + "p" * 96, **times)

    (alone,) = judged(before, after, "accuracy regression <= 3%")
    first, _ = judged(before, after, "accuracy regression <= 3%", "p95_latency regression <= 3%")

    assert alone.reason.endswith("see a drop from 7.7 points on")
    assert first.reason.endswith("see a drop from 9.3 points on")


def test_too_few_cases_see_nothing():
    """Four that broke are not significant, whatever happens."""
    (item,) = judged(make_run("pppp"), make_run("mmmm"), "accuracy regression <= 2%")

    assert item.status == "inconclusive"
    assert item.reason.endswith("4 cases see a drop of no size: they are too few")


def test_related_cases_are_named_as_such():
    """It is their clusters that are too few."""
    clusters = ["a"] * 10 + ["b"] * 10
    (item,) = judged(
        make_run("p" * 20, cluster=clusters),
        make_run("m" * 10 + "p" * 10, cluster=clusters),
        "accuracy regression <= 2%",
    )

    assert item.status == "inconclusive"
    assert item.reason.endswith("20 cases in 2 clusters see a drop of no size: they are too few")


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ([0.0] * 8, [0.0] * 8, "met"),  # free then and now
        ([0.0] * 8, [0.1] * 8, "invalid"),  # no ratio says how much dearer
        ([0.1] * 8, [0.0] * 8, "met"),  # nothing is cheaper than free
        ([0.1] * 8, [0.1] * 8, "met"),
        ([0.1] * 8, [0.2] * 8, "not met"),
        ([0.1] * 4, [0.2] * 4, "inconclusive"),  # four signs of a kind are no news
        ([0.1] * 8, [None] * 8, "invalid"),
    ],
)
def test_costs_that_are_nothing(before, after, status):
    """A free case has no ratio, and no gate is met for want of one."""
    (item,) = judged(
        make_run("p" * len(before), cost_usd=before),
        make_run("p" * len(after), cost_usd=after),
        "avg_cost regression <= 10%",
    )

    assert item.status == status


def test_a_latency_that_nobody_measured_is_invalid():
    """In either run."""
    (item,) = judged(make_run("pp"), make_run("pp"), "p95_latency regression <= 10%")

    assert (item.status, item.reason) == ("invalid", "no case of the baseline can be compared")


def test_a_baseline_of_wrong_answers_alone():
    """Nothing can get worse."""
    (item,) = judged(make_run("mmmmmm"), make_run("mmmmmm"), "accuracy regression <= 0%")

    assert item.status == "met"


def test_several_thresholds_share_the_level():
    """A p of 0.03 alone is enough, and with another threshold beside it not."""
    times = {"latency_s": [0.1, 0.11] * 25}
    before, after = make_run("p" * 50, **times), make_run("m" * 5 + "p" * 45, **times)
    lines = ["accuracy regression <= 2%", "p95_latency regression <= 90%"]

    (alone,) = judged(before, after, lines[0])
    first, _ = judged(before, after, *lines)

    assert (alone.status, first.status) == ("not met", "inconclusive")
    assert "(p 0.031, n=50)" in alone.reason
    assert "(p 0.062 as one of 2 tests)" in first.reason


@pytest.mark.parametrize(
    "again",
    ["accuracy regression <= 3%", "s: accuracy regression <= 2%", "mean_score regression <= 3%"],
)
def test_a_second_threshold_on_the_same_change_is_no_second_test(again):
    """Nobody makes it easier to be met by writing it twice; without scores, accuracy is the score."""
    before, after = make_run("p" * 50), make_run("m" * 5 + "p" * 45)

    found = judged(before, after, "accuracy regression <= 2%", again)

    assert {item.status for item in found} == {"not met"}
    assert all("(p 0.031, n=50)" in item.reason for item in found)


def test_a_threshold_on_a_suite_that_was_not_selected_is_not_judged():
    """It does not vanish, as if it were met."""
    coverages = [
        Coverage(suite="s", n_total=4, n_selected=0),
        Coverage(suite="t", n_total=1, n_selected=1),
    ]
    records = [Record(suite="t", model="m", case_id="c", outcome="passed")]

    verdict = judge(
        records, coverages, [parse_threshold("s: accuracy regression <= 2%")], comparisons=[]
    )

    assert [item.status for item in verdict.explicit] == ["not judged"]
    assert verdict.status == "not judged"


def test_a_case_that_failed_before_its_model_was_known_is_each_model_s():
    """As in the accuracy of the run: an error that hides would be a drop that nobody sees."""

    def run(model, letters):
        return [replace(record, model=model) for record in make_run(letters)]

    before = run("a", "p" * 40) + run("b", "p" * 40)
    lost = [replace(record, model=None, outcome="errored") for record in make_run("p" * 40)[20:]]

    found = {
        item.model: item
        for item in compare(
            numbers_of(run("a", "p" * 20) + run("b", "p" * 20) + lost), numbers_of(before)
        )
    }

    assert {model: item.accuracies[1] for model, item in found.items()} == {"a": 0.5, "b": 0.5}
    assert not any(item.removed for item in found.values())


def test_a_model_that_the_baseline_lacks_is_not_judged():
    """Beside one that it has, whose judgement says nothing of the other."""

    def run(model, letters):
        return [replace(record, model=model) for record in make_run(letters)]

    before = run("a", "pppp") + run("b", "pppp")
    after = run("a", "pppp") + run("c", "mmmm")

    found = judged(before, after, "accuracy regression <= 2%")

    assert [(item.model, item.status) for item in found] == [("a", "met"), ("c", "not judged")]
