"""Comparisons: two runs paired case by case, with repeats, clusters, and what has no ratio."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.comparisons import CaseNumbers, compare, compare_run, numbers_of
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.paired import change_of_rates
from pytest_modeleval.core.records import Record


def run_of(rows, **known):
    """The numbers of a run whose cases are the letters of each row: p for passed, m for missed."""
    outcomes = {"p": "passed", "m": "missed", "e": "errored"}
    return numbers_of(
        Record(
            suite="s", model="m", case_id=f"c{index}", repeat=repeat, outcome=outcomes[letter],
            **{name: values[index] for name, values in known.items()},
        )
        for index, row in enumerate(rows)
        for repeat, letter in enumerate(row)
    )  # fmt: skip


def compared(before, after):
    (comparison,) = compare(after, before)
    return comparison


def through_a_file(cases):
    """What a baseline file gives back."""
    return [CaseNumbers.from_dict(case.to_dict()) for case in cases]


def test_right_and_wrong_cases_are_mcnemars():
    """One better and three worse of ten."""
    comparison = compared(run_of("mpppppppmm"), run_of("pmmmppppmm"))

    assert comparison.accuracy == change_of_rates(1, 3, 10)
    assert [pair.after.case_id for pair in comparison.broke] == ["c1", "c2", "c3"]
    assert [pair.after.case_id for pair in comparison.mended] == ["c0"]


def test_one_case():
    """It is compared, and nothing can be said for sure."""
    comparison = compared(run_of("p"), run_of("m"))

    assert (comparison.accuracy.value, comparison.accuracy.p) == (-1.0, 0.5)
    assert comparison.visible_drop is None


@pytest.mark.parametrize("rows", [["ppm"], ["ppm", "pmm", "ppp"]])
def test_the_same_repeats_are_no_change(rows):
    """Two of three right is two of three right, also in a file."""
    comparison = compared(through_a_file(run_of(rows)), run_of(rows))

    assert comparison.broke == comparison.mended == []
    assert comparison.accuracy.value == 0


@given(
    cost=st.floats(1e-7, 1e3), latency=st.floats(1e-6, 1e3), n=st.integers(2, 12),
)  # fmt: skip
def test_the_same_cost_is_no_change(cost, latency, n):
    """However many digits it has, and a file keeps of it."""
    cases = run_of("p" * n, cost_usd=[cost] * n, latency_s=[latency] * n)

    comparison = compared(through_a_file(cases), cases)

    assert (comparison.cost.value, comparison.cost.p) == (1.0, 1.0)
    assert (comparison.latency.value, comparison.latency.p) == (1.0, 1.0)


def test_related_cases_are_one_piece_of_news():
    """Eight cases of a cluster that broke together may well be chance, eight others hardly."""
    before, after = "p" * 40, "m" * 8 + "p" * 32
    clusters = ["a"] * 8 + [None] * 32

    alone = compared(run_of(before), run_of(after))
    related = compared(
        run_of(before, cluster=["a"] * 8 + [None] * 32), run_of(after, cluster=clusters)
    )

    assert alone.accuracy.p < 0.01
    assert related.accuracy.p == 1.0
    assert related.accuracy.low < alone.accuracy.low
    assert related.visible_drop > alone.visible_drop
    assert related.cases_text == "40 cases in 33 clusters"


def test_the_clusters_are_those_of_the_later_run():
    """A baseline from before the column was there is no trouble."""
    clusters = ["a", "a", "b", "b"]

    comparison = compared(run_of("pppp"), run_of("mmpp", cluster=clusters))

    assert comparison.cases_text == "4 cases in 2 clusters"


def test_a_cluster_is_kept_in_a_file():
    """So that two files can be compared."""
    (case, _) = through_a_file(run_of("pp", cluster=["a", "a"]))

    assert case.cluster == "a"


def test_times_and_costs_know_of_clusters():
    """One cluster that became slower tells less than as many cases."""
    n, slow = 12, [2.0] * 6 + [1.0, 1.01, 0.99, 1.02, 0.98, 1.0]
    clusters = ["a"] * 6 + [None] * 6
    ones = [1.0] * n

    alone = compared(
        run_of("p" * n, latency_s=ones, cost_usd=ones),
        run_of("p" * n, latency_s=slow, cost_usd=slow),
    )
    related = compared(
        run_of("p" * n, latency_s=ones, cost_usd=ones),
        run_of("p" * n, latency_s=slow, cost_usd=slow, cluster=clusters),
    )

    assert alone.latency.p < 0.01 < 0.2 < related.latency.p
    assert related.cost == related.latency


def test_a_free_model_that_stays_free_is_no_change():
    """0 to 0 is no ratio of nothing."""
    comparison = compared(run_of("ppp", cost_usd=[0.0] * 3), run_of("ppp", cost_usd=[0.0] * 3))

    assert comparison.cost.value == 1.0
    assert comparison.cost_note is None


def test_a_free_case_that_costs_has_no_ratio():
    """It is not left out in silence."""
    comparison = compared(
        run_of("ppp", cost_usd=[0.0, 1.0, 1.0]), run_of("ppp", cost_usd=[5.0, 1.0, 1.0])
    )

    assert comparison.cost_note == "1 case cost nothing before, so that there is no ratio"


def test_a_cost_that_fell_to_nothing_is_left_out():
    """It could only make the others look better."""
    comparison = compared(
        run_of("ppp", cost_usd=[5.0, 1.0, 1.0]), run_of("ppp", cost_usd=[0.0, 1.0, 1.0])
    )

    assert comparison.cost_note is None
    assert (comparison.cost.value, comparison.cost.n) == (1.0, 2)


def test_a_latency_of_nothing_is_not_compared():
    """A clock that stood still measured nothing."""
    comparison = compared(run_of("pp", latency_s=[0.0, 1.0]), run_of("pp", latency_s=[1.0, 2.0]))

    assert (comparison.latency.value, comparison.latency.n) == (2.0, 1)


def test_an_error_is_as_wrong_as_a_wrong_answer():
    """And a baseline of errors alone can be compared."""
    comparison = compared(run_of("eee"), run_of("ppp"))

    assert comparison.accuracies == (0.0, 1.0)
    assert comparison.accuracy.value == 1.0


def test_a_drop_of_scores_is_that_of_their_spread():
    """Scores with a small spread show a smaller drop than right and wrong do."""
    n = 30
    before = [{"tone": {"value": 0.5 + index % 3 / 100}} for index in range(n)]
    after = [{"tone": {"value": 0.5 + index % 5 / 100}} for index in range(n)]

    comparison = compared(run_of("p" * n, scores=before), run_of("p" * n, scores=after))

    assert comparison.drop_seen("mean_score") < 0.02 < comparison.drop_seen("accuracy")
    assert comparison.drop_seen("mean_score", level=0.01) > comparison.drop_seen("mean_score")
    assert comparison.drop_seen("mean_score", tolerance=0.02) > 0.02


def test_a_drop_of_repeated_cases_is_smaller():
    """What is asked three times each wavers less."""
    once = compared(run_of("pm" * 50), run_of("mp" * 10 + "pm" * 40))
    often = compared(run_of(["ppp", "mmm"] * 50), run_of(["ppm", "pmm"] * 10 + ["ppp", "mmm"] * 40))

    assert often.visible_drop < once.visible_drop


@given(
    st.lists(
        st.tuples(
            st.sampled_from("pme"), st.sampled_from("pme"), st.sampled_from([None, "a", "b"])
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_comparison_is_finite(rows):
    """Whatever happened, and whoever is related to whom."""
    before, after, clusters = zip(*rows, strict=True)

    data = compared(run_of(before), run_of(after, cluster=clusters)).to_dict()

    change = data["changes"]["accuracy"]
    numbers = [change[name] for name in ("value", "low", "high", "p") if change[name] is not None]
    assert all(map(math.isfinite, numbers))
    assert change["p"] is None or 0 <= change["p"] <= 1
    assert data["visible_drop"] is None or 0 < data["visible_drop"] <= 1


@pytest.mark.parametrize(
    ("outcomes", "n_total", "n_selected", "removed"),
    [
        ("pp", 2, 2, ("c2",)),
        ("pps", 3, 3, ()),
        ("pp", 3, 2, ()),
        ("pp", 3, 3, ()),
    ],
    ids=["it is gone", "skipped", "not selected", "the run was cut off"],
)
def test_only_what_a_whole_run_lacks_was_removed(outcomes, n_total, n_selected, removed):
    """All else is still in the dataset."""
    words = {"p": "passed", "s": "skipped"}
    records = [
        Record(suite="s", model="m", case_id=f"c{index}", outcome=words[letter])
        for index, letter in enumerate(outcomes)
    ]
    coverages = [Coverage(suite="s", n_total=n_total, n_selected=n_selected)]

    (comparison,) = compare_run(records, coverages, run_of("ppp"))

    assert comparison.removed == removed
