"""Gates: one honest verdict; what can't be judged is never met."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.gates import check_scopes, judge, undecidable
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.errors import UsageError

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored", "u": "unscored", "s": "skipped"}


def make_records(letters, *, prefix="c", **known):
    """A record for each letter of ``letters``, which is the first of its outcome."""
    fields = {"suite": "tickets", "model": "router"} | known
    return [
        Record(case_id=f"{prefix}{index}", outcome=OUTCOMES[letter], **fields)
        for index, letter in enumerate(letters)
    ]


def make_costs(values, **known):
    """Passed cases with these costs."""
    fields = {"suite": "tickets", "model": "router", "outcome": "passed"} | known
    return [
        Record(case_id=f"c{index}", cost_usd=value, **fields) for index, value in enumerate(values)
    ]


def covering(n_total, n_selected=None, *, suite="tickets", **known):
    """How much of a suite was meant to run; all of it unless said otherwise."""
    return Coverage(
        suite=suite,
        n_total=n_total,
        n_selected=n_total if n_selected is None else n_selected,
        **known,
    )


def judge_lines(records, lines, coverages=None, **options):
    """The verdict on thresholds written as text."""
    if coverages is None:
        coverages = [covering(len(records))]
    return judge(records, coverages, [parse_threshold(line) for line in lines], **options)


def judge_one(records, line, coverages=None, **options):
    """The judgement on the one threshold, whose errors and unscored cases are allowed."""
    rates = {"max_error_rate": 1.0, "max_unscored_rate": 1.0}
    verdict = judge_lines(records, [line], coverages, **(rates | options))
    (judgement,) = verdict.explicit
    return judgement


# Met and not met


@pytest.mark.parametrize(
    ("n_passed", "n", "line", "status"),
    [
        (90, 100, "accuracy >= 90%", "met"),
        (923, 1000, "accuracy >= 92.3%", "met"),
        (57, 100, "accuracy >= 57%", "met"),
        (5, 5, "accuracy >= 100%", "met"),
        (89, 100, "accuracy >= 90%", "not met"),
        (2249, 2500, "accuracy >= 90%", "not met"),
        (0, 5, "accuracy >= 0%", "met"),
    ],
)
def test_accuracy_is_held_against_its_bound_exactly(n_passed, n, line, status):
    """Equal is met, and nothing is rounded: 89.96 % is not 90 %."""
    judgement = judge_one(make_records("p" * n_passed + "m" * (n - n_passed)), line)

    assert judgement.status == status


def test_errors_stay_in_the_denominator():
    """Four of five errored: accuracy is 20 %, not 100 %."""
    judgement = judge_one(make_records("peeee"), "accuracy >= 90%")

    assert (judgement.status, judgement.metric.value, judgement.metric.n) == ("not met", 0.2, 5)


@pytest.mark.parametrize("cost", [0.1, 0.002, 0.0013, 0.0007])
@pytest.mark.parametrize("n", [3, 7, 9, 14, 25])
def test_a_cost_equal_to_its_bound_is_met(cost, n):
    """n calls of the same price meet that price on average and n times it in total."""
    records = make_costs([cost] * n)
    total = f"total_cost <= ${round(cost * n, 9)}"

    statuses = [judge_one(records, line).status for line in (f"avg_cost <= ${cost}", total)]

    assert statuses == ["met", "met"]


def test_a_mean_score_equal_to_its_bound_is_met():
    """Scores of 0, 0 and 0.3 have a mean of 10 %, whatever floats make of it."""
    records = [
        Record(suite="tickets", case_id=f"c{index}", outcome="passed", scores={"x": {"value": x}})
        for index, x in enumerate((0.0, 0.0, 0.3))
    ]

    assert judge_one(records, "mean_score >= 10%").status == "met"


@pytest.mark.parametrize("n_right", [(3, 3, 3, 2, 1), (3, 3, 3, 3, 0), (2, 2, 2, 3, 3)])
def test_an_accuracy_over_repeats_equal_to_its_bound_is_met(n_right):
    """Twelve of fifteen right are 80 % with repeats too, however they fall on the cases."""
    records = [
        Record(
            suite="tickets",
            case_id=f"c{index}",
            repeat=repeat,
            outcome="passed" if repeat < right else "missed",
        )
        for index, right in enumerate(n_right)
        for repeat in range(3)
    ]

    assert judge_one(records, "accuracy >= 80%", [covering(5)]).status == "met"


def test_the_worst_judgement_is_the_verdict():
    """One threshold that is not met decides about the run, whatever the others are."""
    verdict = judge_lines(
        make_records("ppppm"), ["accuracy >= 50%", "accuracy >= 90%", "avg_cost <= $1"]
    )

    assert [item.status for item in verdict.explicit] == ["met", "not met", "invalid"]
    assert verdict.status == "not met"


@pytest.mark.parametrize(
    ("letters", "line", "fails"),
    [
        ("pp", "accuracy >= 90%", False),
        ("pm", "accuracy >= 90%", True),
        ("ss", "accuracy >= 90%", True),
    ],
)
def test_not_met_and_invalid_fail_the_run(letters, line, fails):
    """Only a verdict that was given in favour leaves the exit status alone."""
    assert judge_lines(make_records(letters), [line]).fails is fails


def test_without_thresholds_a_run_without_errors_is_met():
    """Misses are no matter of the gate where nobody set a bound."""
    verdict = judge_lines(make_records("pm"), [])

    assert (verdict.status, verdict.explicit) == ("met", ())


# Not judged, invalid


def test_a_partial_run_is_not_judged():
    """3 of 60 cases say nothing of the suite: neither met nor a failure."""
    verdict = judge_lines(make_records("ppp"), ["accuracy >= 90%"], [covering(60, 3)])

    (judgement,) = verdict.explicit
    assert (judgement.status, judgement.reason) == ("not judged", "partial: 3 of 60 cases")
    assert verdict.status == "not judged"
    assert verdict.fails is False


def test_a_partial_run_is_judged_where_asked_for():
    """``--model-eval-judge-partial`` takes the selection for the whole."""
    judgement = judge_one(
        make_records("pmm"), "accuracy >= 90%", [covering(60, 3)], judge_partial=True
    )

    assert judgement.status == "not met"


@pytest.mark.parametrize("judge_partial", [False, True])
def test_an_incomplete_run_is_invalid(judge_partial):
    """Cut off after 41 of 60 cases, a run is no smaller run."""
    judgement = judge_one(
        make_records("p" * 41), "accuracy >= 90%", [covering(60)], judge_partial=judge_partial
    )

    assert (judgement.status, judgement.reason) == ("invalid", "incomplete: 41 of 60 cases")


def test_a_suite_without_any_record_is_incomplete():
    """A crash before the first record leaves no suite out."""
    judgement = judge_one([], "accuracy >= 90%", [covering(5)])

    assert (judgement.status, judgement.reason) == ("invalid", "incomplete: 0 of 5 cases")


def test_an_incomplete_run_without_thresholds_is_invalid():
    """The bound on errors is always there, and can't be judged either."""
    assert judge_lines(make_records("p"), [], [covering(2)]).status == "invalid"


def test_a_run_of_skipped_cases_is_invalid():
    """Nothing was asked, so nothing is met."""
    judgement = judge_one(make_records("sss"), "accuracy >= 90%")

    assert (judgement.status, judgement.reason) == ("invalid", "all 3 cases were skipped")


def test_one_case_is_said_as_one():
    """No sentence says 1 cases."""
    skipped = judge_one(make_records("s"), "accuracy >= 90%")
    partial = judge_one([], "accuracy >= 90%", [covering(1, 0), covering(1, suite="x")])
    unknown = judge_one(make_records("p"), "avg_cost <= $1")

    assert skipped.reason == "the only case was skipped"
    assert partial.reason == "incomplete: 0 of 1 case"
    assert unknown.reason.startswith("the cost is unknown for the only case; ")


def test_some_skipped_cases_are_left_out():
    """They are counted and change nothing else."""
    assert judge_one(make_records("pps"), "accuracy >= 100%").status == "met"


def test_a_run_of_unscored_cases_has_no_accuracy():
    """Where nothing could be scored there is no number to judge."""
    judgement = judge_one(make_records("uu"), "accuracy >= 90%")

    assert (judgement.status, judgement.reason) == ("invalid", "no case was asked and scored")


@pytest.mark.parametrize("coverages", [[], [covering(60, 0)]], ids=["no suite", "no case"])
def test_a_run_that_selects_nothing_is_invalid(coverages):
    """A gate that nothing was held against did not hold."""
    verdict = judge_lines([], ["accuracy >= 90%"], coverages)

    assert verdict.status == "invalid"
    assert verdict.reason == "no case was selected while thresholds are configured"
    assert verdict.judgements == ()


def test_thresholds_of_a_marker_count_as_configured():
    """It is the same where the suite's own marker sets them."""
    own = parse_threshold("tickets: accuracy >= 90%")

    verdict = judge_lines([], [], [covering(60, 0, thresholds=(own,))])

    assert verdict.status == "invalid"


def test_a_bound_that_settings_and_marker_both_set_counts_once():
    """However each of them writes it; another bound on the same number is another one."""
    own = (parse_threshold("tickets: accuracy >= 0.9"), parse_threshold("tickets: accuracy >= 80%"))

    verdict = judge_lines(make_records("pppp"), ["accuracy >= 90%"], [covering(4, thresholds=own)])

    texts = [item.threshold.text for item in verdict.explicit]
    assert texts == ["accuracy >= 90%", "tickets: accuracy >= 80%"]


def test_equal_bounds_on_suites_that_are_left_out_are_each_said():
    """They are two thresholds, judged nowhere."""
    lines = ["one: accuracy >= 90%", "two: accuracy >= 90%"]

    verdict = judge_lines(make_records("pppp"), lines)

    assert [item.status for item in verdict.explicit] == ["not judged", "not judged"]


def test_a_run_that_selects_nothing_without_thresholds_is_not_judged():
    """There is nothing to hold."""
    verdict = judge_lines([], [], [covering(60, 0)])

    assert (verdict.status, verdict.reason, verdict.fails) == ("not judged", None, False)


UNKNOWN_COST = "let the model report cost_usd, or usage for a model in model_eval_prices"


@pytest.mark.parametrize(
    ("costs", "line", "reason"),
    [
        ([None, None], "avg_cost <= $1", f"the cost is unknown for all 2 cases; {UNKNOWN_COST}"),
        ([None, None], "total_cost <= $1", f"the cost is unknown for all 2 cases; {UNKNOWN_COST}"),
        ([0.1, None], "avg_cost <= $1", f"the cost is known for 1 of 2 cases; {UNKNOWN_COST}"),
        ([0.1, None], "total_cost <= $1", f"the cost is known for 1 of 2 cases; {UNKNOWN_COST}"),
    ],
)
def test_an_unknown_cost_is_invalid_and_says_what_to_configure(costs, line, reason):
    """A cost that nobody knows is never within a bound."""
    judgement = judge_one(make_costs(costs), line)

    assert (judgement.status, judgement.reason) == ("invalid", reason)


def test_a_cost_that_is_too_high_already_is_invalid_all_the_same():
    """An incomplete number is shown and not judged."""
    judgement = judge_one(make_costs([5.0, None]), "total_cost <= $1")

    assert (judgement.status, judgement.metric.value) == ("invalid", 5.0)


def test_a_latency_that_was_not_measured_is_invalid_and_says_how_to():
    """A test that calls its own code has to measure it."""
    judgement = judge_one(make_records("ppp"), "p95_latency <= 1s")

    assert judgement.status == "invalid"
    assert judgement.reason == (
        "measured for 0 of 3 answers; ask for the fixture prediction, or use model_eval.measure()"
    )


def test_a_latency_of_no_answer_is_invalid_and_blames_no_fixture():
    """Where every case errored, nothing that the test could measure is missing."""
    judgement = judge_one(make_records("eee"), "p95_latency <= 1s")

    assert judgement.status == "invalid"
    assert "fixture" not in judgement.reason


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("score(tone) >= 50%", "no case has that score; known: none"),
        ("pass@3 >= 50%", "needs 3 repeats of each case"),
        ("macro_f1 >= 50%", "needs labels: nothing is expected of the case c0"),
    ],
)
def test_a_metric_without_a_value_is_invalid_with_the_reason(line, reason):
    """The note of the number is the reason of the judgement."""
    judgement = judge_one(make_records("pp"), line)

    assert (judgement.status, judgement.reason) == ("invalid", reason)


def make_labels(rows, **known):
    """A record for each (expected, answered) label."""
    return [
        Record(
            suite="tickets",
            model="router",
            case_id=f"c{index}",
            expected=expected,
            output=output,
            outcome="passed" if expected == output else "missed",
            **known,
        )
        for index, (expected, output) in enumerate(rows)
    ]


NINE_OF_TEN = [(label, label) for label in "ab" for _ in range(9)] + [("a", "b"), ("b", "a")]


@pytest.mark.parametrize(
    ("line", "mode", "status", "is_uncertain"),
    [
        ("macro_f1 >= 90%", "point", "met", True),
        ("macro_f1 >= 95%", "point", "not met", True),
        ("macro_f1 >= 50%", "point", "met", False),
        ("macro_f1 >= 95%", "confident-fail", "met", True),
        ("macro_f1 >= 90%", "confident-pass", "not met", True),
        ("macro_f1 >= 50%", "confident-pass", "met", False),
    ],
)
def test_macro_f1_is_judged_like_accuracy(line, mode, status, is_uncertain):
    """By the number, or by its interval where the gate asks for that."""
    judgement = judge_one(make_labels(NINE_OF_TEN), line, mode=mode)

    assert (judgement.status, judgement.is_uncertain) == (status, is_uncertain)
    assert judgement.metric.value == pytest.approx(0.9)


def test_macro_f1_of_a_tag_is_over_the_labels_of_its_cases():
    """A slice has its own labels, and is invalid where there is only one."""
    records = make_labels([("a", "a"), ("b", "b"), ("c", "a")])
    tagged = make_labels([("a", "a"), ("b", "a")], tags=("angry",))
    coverage = covering(5, tags={"angry": (2, 2)})
    records += [replace(record, case_id=f"angry-{record.case_id}") for record in tagged]

    judgement = judge_one(records, "[angry]: macro_f1 >= 30%", [coverage])
    assert (judgement.status, judgement.metric.value) == ("met", pytest.approx(1 / 3))

    judgement = judge_one(
        [*records[:3], *records[3:4]],
        "[angry]: macro_f1 >= 30%",
        [covering(4, tags={"angry": (1, 1)})],
    )
    assert (judgement.status, judgement.reason) == (
        "invalid",
        "needs labels: all cases expect the same",
    )


# Errors and unscored cases


@pytest.mark.parametrize(
    ("letters", "max_error_rate", "status"),
    [
        ("pppp", 0.0, "met"),
        ("pppe", 0.0, "not met"),
        ("pppe", 0.25, "met"),
        ("ppee", 0.25, "not met"),
        ("eeee", 1.0, "met"),
    ],
)
def test_more_errors_than_allowed_are_not_met(letters, max_error_rate, status):
    """The bound on errors holds without being written; equal is met."""
    verdict = judge_lines(make_records(letters), [], max_error_rate=max_error_rate)

    assert verdict.status == status


@pytest.mark.parametrize(
    ("letters", "max_unscored_rate", "status"),
    [("pppu", 0.0, "not met"), ("pppu", 0.25, "met"), ("ppuu", 0.25, "not met")],
)
def test_more_unscored_cases_than_allowed_are_not_met(letters, max_unscored_rate, status):
    """So does the bound on cases that could not be scored."""
    verdict = judge_lines(make_records(letters), [], max_unscored_rate=max_unscored_rate)

    assert verdict.status == status


def test_the_bounds_of_the_settings_are_told_from_written_ones():
    """Reports show them apart, with the setting they come from."""
    verdict = judge_lines(make_records("pppe"), [], max_error_rate=0.05)

    found = {item.threshold.metric: item for item in verdict.judgements}
    assert verdict.explicit == ()
    assert found["error_rate"].threshold.text == "error_rate <= 5%"
    assert found["error_rate"].threshold.where == "model_eval_max_error_rate"
    assert found["unscored_rate"].threshold.where == "model_eval_max_unscored_rate"


@pytest.mark.parametrize(
    ("letters", "rates"),
    [("eeeee", {"max_error_rate": 0.01}), ("uuuuu", {})],
    ids=["errors", "unscored"],
)
@pytest.mark.parametrize("lines", [[], ["accuracy >= 90%"]], ids=["no threshold", "threshold"])
def test_an_exceeded_rate_fails_a_partial_run_too(letters, rates, lines):
    """With ``-k``, errored and unscored cases are soft, so nothing else would fail the session."""
    verdict = judge_lines(make_records(letters), lines, [covering(60, 5)], **rates)

    assert verdict.fails


def test_a_rate_that_is_kept_leaves_a_partial_run_alone():
    """A partial run with no more errors than allowed is no failure."""
    verdict = judge_lines(
        make_records("pppe"), ["accuracy >= 90%"], [covering(60, 4)], max_error_rate=0.5
    )

    assert verdict.fails is False


def test_a_partial_run_that_was_cut_off_is_invalid():
    """Of a selection, too, no part is the whole."""
    verdict = judge_lines(make_records("p"), [], [covering(60, 3)])

    assert verdict.status == "invalid"


def test_a_partial_run_of_skipped_cases_is_not_judged():
    """Nothing was asked that could exceed a rate."""
    verdict = judge_lines(make_records("s"), [], [covering(60, 1)])

    assert (verdict.status, verdict.fails) == ("not judged", False)


def test_a_pooled_rate_may_hide_what_a_suite_exceeds():
    """The bound on errors holds for each suite by itself."""
    records = [*make_records("p" * 99, suite="a"), *make_records("e", suite="b")]

    verdict = judge_lines(
        records, [], [covering(99, suite="a"), covering(1, suite="b")], max_error_rate=0.05
    )

    assert verdict.status == "not met"


# Scopes, tags, variants, models


def two_suites():
    """A good suite and a bad one."""
    records = [*make_records("pppp", suite="letters"), *make_records("pmmm", suite="tickets")]
    return records, [covering(4, suite="letters"), covering(4, suite="tickets")]


def test_without_a_scope_a_threshold_holds_for_each_suite():
    """A good suite does not make up for a bad one."""
    records, coverages = two_suites()

    verdict = judge_lines(records, ["accuracy >= 60%"], coverages)

    assert [(item.suite, item.status) for item in verdict.explicit] == [
        ("letters", "met"),
        ("tickets", "not met"),
    ]


def test_a_scope_restricts_a_threshold_to_its_suite():
    """The other suite is not held against it."""
    records, coverages = two_suites()

    verdict = judge_lines(records, ["letters: accuracy >= 60%"], coverages)

    assert [(item.suite, item.status) for item in verdict.explicit] == [("letters", "met")]


def test_all_pools_the_run():
    """Five of eight cases are right, whatever suite they are of."""
    records, coverages = two_suites()

    judgement = judge_one(records, "all: accuracy >= 60%", coverages)

    assert (judgement.status, judgement.metric.value, judgement.metric.n) == ("met", 5 / 8, 8)
    assert (judgement.suite, judgement.model) == (None, None)


def test_the_pool_is_partial_where_one_suite_is():
    """A suite that was left out is missing in the pool."""
    records, coverages = two_suites()

    judgement = judge_one(
        records[:4], "all: accuracy >= 60%", [coverages[0], covering(4, 0, suite="tickets")]
    )

    assert (judgement.status, judgement.reason) == ("not judged", "partial: 4 of 8 cases")


def test_a_suite_that_was_left_out_is_no_part_of_the_run():
    """Running one file judges that file's suite, and says nothing of the others."""
    records, coverages = two_suites()

    verdict = judge_lines(
        records[:4], ["accuracy >= 60%"], [coverages[0], covering(4, 0, suite="tickets")]
    )

    assert [(item.suite, item.status) for item in verdict.explicit] == [("letters", "met")]


def test_a_suite_that_is_named_and_left_out_is_not_judged():
    """Its threshold is neither met nor a failure."""
    records, coverages = two_suites()

    judgement = judge_one(
        records[:4],
        "tickets: accuracy >= 60%",
        [coverages[0], covering(4, 0, suite="tickets")],
    )

    assert (judgement.status, judgement.reason) == ("not judged", "partial: 0 of 4 cases")


def test_a_suite_that_was_not_collected_is_not_judged():
    """With a part of the files given, the suite's file was not among them."""
    judgement = judge_one(make_records("p"), "letters: accuracy >= 60%")

    assert (judgement.status, judgement.reason) == (
        "not judged",
        "letters is not in this selection",
    )


def tagged_run():
    """Two angry tickets of which one is missed, and three others that pass."""
    records = [
        *make_records("pm", prefix="angry", tags=("angry",)),
        *make_records("ppp", prefix="calm", tags=("calm", "short")),
    ]
    tags = {"angry": (2, 2), "calm": (3, 3), "short": (3, 3)}
    return records, [covering(5, tags=tags)]


@pytest.mark.parametrize(
    ("line", "value", "n"),
    [
        ("[angry]: accuracy >= 50%", 0.5, 2),
        ("tickets[calm]: accuracy >= 50%", 1.0, 3),
        ("all[short]: accuracy >= 50%", 1.0, 3),
        ("accuracy >= 50%", 0.8, 5),
    ],
)
def test_a_tag_restricts_a_threshold_to_its_cases(line, value, n):
    """Only the cases of the tag are in the number."""
    records, coverages = tagged_run()

    judgement = judge_one(records, line, coverages)

    assert (judgement.status, judgement.metric.value, judgement.metric.n) == ("met", value, n)


def test_a_tag_whose_cases_all_ran_is_judged_in_a_partial_run():
    """Every case in its scope ran, which is all that it takes."""
    records, _ = tagged_run()
    tags = {"angry": (2, 2), "calm": (3, 0)}

    judgement = judge_one(records[:2], "[angry]: accuracy >= 50%", [covering(5, 2, tags=tags)])

    assert judgement.status == "met"


def test_a_tag_of_which_cases_were_left_out_is_partial():
    """The count is of the tag's cases."""
    records, _ = tagged_run()
    tags = {"angry": (2, 1), "calm": (3, 3)}

    judgement = judge_one(records[1:], "[angry]: accuracy >= 50%", [covering(5, 4, tags=tags)])

    assert (judgement.status, judgement.reason) == ("not judged", "partial: 1 of 2 cases")


@pytest.mark.parametrize("line", ["[calm]: accuracy >= 50%", "letters: accuracy >= 50%"])
def test_a_scope_without_a_selected_case_has_none_to_judge(line):
    """With partial runs judged, a scope that nothing of ran is invalid; nothing was skipped."""
    records, _ = tagged_run()
    coverages = [
        covering(5, 2, tags={"angry": (2, 2), "calm": (3, 0)}),
        covering(4, 0, suite="letters"),
    ]

    judgement = judge_one(records[:2], line, coverages, judge_partial=True)

    assert (judgement.status, judgement.reason) == ("invalid", "there is no case to judge")


def test_variants_are_judged_one_by_one():
    """A parametrized suite has a verdict for each of its parameters."""
    records = [*make_records("pp", variant="short"), *make_records("mm", variant="long")]
    coverages = [covering(2, variant="short"), covering(2, variant="long")]

    verdict = judge_lines(records, ["tickets: accuracy >= 50%"], coverages)

    assert [(item.suite, item.status) for item in verdict.explicit] == [
        ("tickets (short)", "met"),
        ("tickets (long)", "not met"),
    ]


def test_models_are_judged_one_by_one():
    """A good model does not make up for a bad one."""
    records = [*make_records("pp", model="new"), *make_records("mm", model="old")]

    verdict = judge_lines(records, ["accuracy >= 50%"], [covering(2)])

    assert [(item.model, item.status) for item in verdict.explicit] == [
        ("new", "met"),
        ("old", "not met"),
    ]


def test_a_case_of_an_unknown_model_counts_against_each_model():
    """A crash before the model was known flatters none of them."""
    records = [
        *make_records("ppp", model="new"),
        *make_records("ppp", model="old"),
        Record(suite="tickets", case_id="crashed", outcome="errored"),
    ]

    verdict = judge_lines(records, ["accuracy >= 90%"], [covering(4)], max_error_rate=1.0)

    assert [(item.model, item.metric.value) for item in verdict.explicit] == [
        ("new", 0.75),
        ("old", 0.75),
    ]


def test_a_case_of_an_unknown_model_counts_once_in_the_pool():
    """It stands in two summaries and is one record."""
    records = [
        *make_records("p", model="new"),
        *make_records("p", model="old", prefix="d"),
        Record(suite="tickets", case_id="crashed", outcome="errored"),
    ]

    judgement = judge_one(records, "all: accuracy >= 60%", [covering(3)])

    assert (judgement.metric.value, judgement.metric.n) == (2 / 3, 3)


def test_thresholds_of_a_marker_are_judged_once_for_each_place():
    """Variants share the marker's thresholds and do not double them."""
    own = parse_threshold("tickets: accuracy >= 50%")
    records = [*make_records("pp", variant="short"), *make_records("pp", variant="long")]
    coverages = [
        covering(2, variant="short", thresholds=(own,)),
        covering(2, variant="long", thresholds=(own,)),
    ]

    verdict = judge_lines(records, [], coverages)

    assert [item.suite for item in verdict.explicit] == ["tickets (short)", "tickets (long)"]


def test_the_judgements_on_a_summary_are_found_by_its_metric():
    """A report asks for those on all cases of one suite and model."""
    records, coverages = tagged_run()
    verdict = judge_lines(records, ["accuracy >= 50%", "[angry]: accuracy >= 90%"], coverages)

    found = verdict.of(verdict.summaries[0], "accuracy")

    assert [item.threshold.text for item in found] == ["accuracy >= 50%"]


# Uncertain


@pytest.mark.parametrize(
    ("letters", "line", "is_uncertain"),
    [
        ("p" * 90 + "m" * 10, "accuracy >= 90%", True),
        ("p" * 85 + "m" * 15, "accuracy >= 90%", True),
        ("p" * 90 + "m" * 10, "accuracy >= 50%", False),
        ("m" * 90 + "p" * 10, "accuracy >= 90%", False),
        ("p" * 5, "accuracy >= 90%", True),
        ("p" * 5, "error_rate <= 0%", True),
        ("p" * 5, "accuracy >= 100%", True),
        ("p" * 4 + "m", "accuracy >= 100%", False),
        ("p" * 5, "accuracy >= 0%", False),
    ],
)
def test_a_bound_inside_the_interval_is_uncertain(letters, line, is_uncertain):
    """Another run may turn out otherwise, whichever side this one is on."""
    assert judge_one(make_records(letters), line).is_uncertain is is_uncertain


def timed(values):
    """Passed cases with these latencies."""
    return [
        Record(suite="tickets", case_id=f"c{index}", outcome="passed", latency_s=value)
        for index, value in enumerate(values)
    ]


@pytest.mark.parametrize("n", [1, 5, 20])
def test_an_end_that_does_not_exist_reaches_past_the_bound(n):
    """The p95 of few answers has no upper bound, so that no limit above it is safe."""
    judgement = judge_one(timed([0.1 + index / 1000 for index in range(n)]), "p95_latency <= 10s")

    assert (judgement.status, judgement.is_uncertain) == ("met", True)


def test_a_total_is_never_uncertain():
    """The money is spent; there is no interval around it."""
    assert judge_one(make_costs([0.5, 0.5]), "total_cost <= $1").is_uncertain is False


@pytest.mark.parametrize("line", ["max_latency <= 10s", "case_pass_rate >= 0%", "total_cost <= $1"])
def test_what_has_no_interval_by_nature_is_never_uncertain(line):
    """A maximum is what it is."""
    record = Record(suite="tickets", case_id="a", outcome="passed", latency_s=1.0, cost_usd=0.1)

    assert judge_one([record], line).is_uncertain is False


@pytest.mark.parametrize("coverage", [covering(60, 10), covering(60)], ids=["partial", "cut off"])
def test_what_was_not_judged_is_not_uncertain(coverage):
    """The mark is one of verdicts that were given."""
    assert judge_one(make_records("p" * 10), "accuracy >= 90%", [coverage]).is_uncertain is False


# Scopes that match nothing


def scope_refusal(line, coverages, *, is_partial=False):
    """The message with which a scope is refused."""
    with pytest.raises(UsageError) as caught:
        check_scopes([parse_threshold(line)], coverages, is_partial=is_partial)
    return str(caught.value)


SUITES = [
    covering(4, suite="tickets", tags={"angry": (2, 2), "calm": (2, 2)}),
    covering(4, suite="letters"),
]


@pytest.mark.parametrize(
    "line",
    [
        "accuracy >= 90%",
        "tickets: accuracy >= 90%",
        "[angry]: accuracy >= 90%",
        "tickets[angry]: accuracy >= 90%",
        "all: accuracy >= 90%",
        "all[calm]: accuracy >= 90%",
    ],
)
def test_a_scope_that_matches_is_taken(line):
    """Suites and tags that are there pass the check."""
    check_scopes([parse_threshold(line)], SUITES, is_partial=False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "tikets: accuracy >= 90%",
            "no suite is named 'tikets' among letters, tickets; did you mean 'tickets'?",
        ),
        ("mails: accuracy >= 90%", "no suite is named 'mails' among letters, tickets"),
        (
            "[angyr]: accuracy >= 90%",
            "no case has the tag 'angyr' (tags: angry, calm); did you mean 'angry'?",
        ),
        ("letters[angry]: accuracy >= 90%", "no case has the tag 'angry' (tags: none)"),
        ("all[vip]: accuracy >= 90%", "no case has the tag 'vip' (tags: angry, calm)"),
    ],
)
def test_a_scope_that_matches_nothing_names_what_there_is(line, message):
    """A typo in a scope never turns the gate off."""
    assert scope_refusal(line, SUITES) == f"model_eval_thresholds: {line!r}: {message}"


def test_a_suite_may_be_missing_where_files_are():
    """With a part of the files given, the suite may well exist."""
    check_scopes([parse_threshold("mails: accuracy >= 90%")], SUITES, is_partial=True)


@pytest.mark.parametrize(
    "line",
    [
        "tikets: accuracy >= 90%",
        "tickets2: accuracy >= 90%",
        "[angyr]: accuracy >= 90%",
        "all[angyr]: accuracy >= 90%",
    ],
)
def test_a_scope_that_may_be_in_another_file_is_taken(line):
    """A suite with a similar name, or another suite's tag, may well be in a file not given."""
    check_scopes([parse_threshold(line)], SUITES, is_partial=True)


def test_a_tag_of_a_suite_that_is_there_is_refused_all_the_same():
    """A typo is a typo, whichever other files are given."""
    assert "did you mean 'angry'?" in scope_refusal(
        "tickets[angyr]: accuracy >= 90%", SUITES, is_partial=True
    )


@pytest.mark.parametrize("scope", ["letters", "[vip]", "all[vip]", "letters[vip]"])
def test_a_scope_that_is_in_another_file_is_not_judged(scope):
    """It is neither met nor a failure, and the reason names it."""
    judgement = judge_one(make_records("p"), f"{scope}: accuracy >= 50%")

    assert (judgement.status, judgement.reason) == (
        "not judged",
        f"{scope} is not in this selection",
    )


def test_the_thresholds_of_a_marker_are_checked_too():
    """A tag that no case of the marker's suite has is a mistake there as well."""
    own = parse_threshold("tickets[angyr]: accuracy >= 90%", where="test_a.py::test_b: thresholds")
    coverage = covering(4, tags={"angry": (2, 2)}, thresholds=(own,))

    with pytest.raises(UsageError, match=r"^test_a.py::test_b: thresholds: .*did you mean 'angry'"):
        check_scopes([], [coverage], is_partial=False)


def test_a_project_without_evals_has_no_scope_to_check():
    """Nothing was collected, which is another message's matter."""
    check_scopes([parse_threshold("tickets: accuracy >= 90%")], [], is_partial=False)


# Laws


def test_a_verdict_is_plain_data():
    """What files say of it is what was judged."""
    data = judge_lines(make_records("ppppm"), ["accuracy >= 90%"]).to_dict()

    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["status"] == "not met"
    assert [item["threshold"] for item in data["thresholds"]] == [
        "accuracy >= 90%",
        "error_rate <= 0%",
        "unscored_rate <= 0%",
    ]


@given(
    letters=st.text("pmeus", max_size=30),
    n_missing=st.integers(0, 3),
    n_left_out=st.integers(0, 3),
    percent=st.integers(0, 100),
    judge_partial=st.booleans(),
)
def test_only_a_whole_run_with_the_number_is_met(
    letters, n_missing, n_left_out, percent, judge_partial
):
    """Met means: each case in the scope has a record, and enough of those that count passed."""
    n_selected = len(letters) + n_missing
    verdict = judge_lines(
        make_records(letters),
        [f"accuracy >= {percent}%"],
        [covering(n_selected + n_left_out, n_selected)],
        judge_partial=judge_partial,
        max_error_rate=1.0,
        max_unscored_rate=1.0,
    )

    n = sum(letter in "pme" for letter in letters)
    is_whole = n_missing == 0 and (judge_partial or n_left_out == 0)
    is_enough = n > 0 and letters.count("p") * 100 >= percent * n
    assert (verdict.status == "met") is (is_whole and is_enough)
    assert all(
        item.reason for item in verdict.judgements if item.status in ("invalid", "not judged")
    )


@given(letters=st.text("pmeus", min_size=1, max_size=30), percent=st.integers(0, 100))
def test_an_error_is_never_better_than_a_miss(letters, percent):
    """Turning misses into errors changes no accuracy, so that a crash helps nobody."""
    line = f"accuracy >= {percent}%"

    before = judge_one(make_records(letters), line)
    after = judge_one(make_records(letters.replace("m", "e")), line)

    assert before.status == after.status


# What can't be decided, and for sure


@pytest.mark.parametrize(("n_cases", "n_repeats", "says"), [(72, 1, False), (24, 3, True)])
def test_repeats_do_not_make_a_percentile_decidable(n_cases, n_repeats, says):
    """72 answers of 24 cases are 24 cases."""
    coverage = covering(n_cases * n_repeats, n_repeats=n_repeats)

    found = list(undecidable([parse_threshold("p95_latency <= 1s")], [coverage]))

    assert bool(found) is says


@pytest.mark.parametrize(
    ("n_right", "mode", "status", "is_uncertain"),
    [
        (49, "confident-pass", "met", False),  # at least 91.2 %
        (48, "confident-pass", "not met", True),
        (42, "confident-fail", "met", True),
        (41, "confident-fail", "not met", False),  # at most 89.0 %
    ],
)
def test_a_confident_gate_goes_by_one_side(n_right, mode, status, is_uncertain):
    """One of twenty such runs errs, and not one of forty: a threshold asks for one side."""
    records = make_records("p" * n_right + "m" * (50 - n_right))

    judgement = judge_one(records, "accuracy >= 90%", mode=mode)

    assert (judgement.status, judgement.is_uncertain) == (status, is_uncertain)


def test_a_confident_gate_bounds_a_p95_from_59_cases_on():
    """The interval that is shown has two sides, and no upper end below 72."""
    known = {"suite": "tickets", "model": "router", "outcome": "passed", "latency_s": 0.1}
    records = [Record(case_id=f"c{index}", **known) for index in range(59)]

    enough = judge_one(records, "p95_latency <= 1s", mode="confident-pass")
    few = judge_one(records[1:], "p95_latency <= 1s", mode="confident-pass")

    assert (enough.status, enough.metric.high) == ("met", None)
    assert few.status == "not met"


def test_a_judge_s_cost_that_is_known_of_some_cases_is_invalid():
    """What is not known may be any sum."""
    scores = {"tone": {"value": 1.0, "judged_by": "j"}}
    records = make_records("ppp", scores=scores)
    records += make_records("p", prefix="d", scores=scores, judge_cost_usd=0.001)

    item = judge_one(records, "judge_cost <= $0.01")

    assert item.status == "invalid"
    assert item.reason == (
        "the judge's cost is known for 1 of 4 judged cases; price its model in model_eval_prices"
    )
    assert judge_one(records[3:], "judge_cost <= $0.01").status == "met"
