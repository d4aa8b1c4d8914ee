"""Classifications: scikit-learn's numbers by label, and whether there are labels at all."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from pytest_modeleval.core.classifications import (
    NEVER_ANSWERED,
    NO_ANSWER,
    OTHER,
    Classification,
    NoLabels,
    classify,
)
from pytest_modeleval.core.metrics import NOTHING_SCORED
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.stats import wilson
from pytest_modeleval.core.summaries import summarize

LABELS = ["bug", "login", "other team", "wages"]


def make_case(expected, *answers, name="c", cluster=None, outcomes=None):
    """One case with its answers; None is an error."""
    outcomes = outcomes or [
        "errored" if answer is None else "passed" if answer == expected else "missed"
        for answer in answers
    ]
    return [
        Record(
            suite="tickets",
            case_id=name,
            repeat=repeat,
            expected=expected,
            output=answer,
            outcome=outcome,
            cluster=cluster,
        )
        for repeat, (answer, outcome) in enumerate(zip(answers, outcomes, strict=True))
    ]


def make_cases(rows, clusters=None):
    """A case for each row of an expected label and one answer or several."""
    return [
        make_case(expected, *answers, name=f"c{i}", cluster=clusters[i] if clusters else None)
        for i, (expected, *answers) in enumerate(rows)
    ]


def classified(rows, clusters=None):
    """The classification of these rows, which have labels."""
    found = classify(make_cases(rows, clusters))
    assert isinstance(found, Classification), found
    return found


def refusal(cases):
    """Why these cases have no labels."""
    found = classify(cases)
    assert isinstance(found, NoLabels), found
    return found.reason


def label_of(found, name):
    """The numbers of one label."""
    return next(label for label in found.labels if label.name == name)


answers = st.sampled_from([*LABELS, "I am not sure", "none of them", None])
rows_of_one = st.lists(st.tuples(st.sampled_from(LABELS), answers), min_size=2, max_size=60)
rows_of_several = st.lists(
    st.tuples(st.sampled_from(LABELS), answers, answers, answers), min_size=2, max_size=20
)


def has_labels(rows):
    """Two labels or more."""
    return len({row[0] for row in rows}) > 1


# The numbers


@given(rows=st.one_of(rows_of_one, rows_of_several).filter(has_labels))
@settings(deadline=None)
def test_the_numbers_are_those_of_scikit_learn(rows):
    """Over the expected labels, with no answer as a wrong one and repeats as weights."""
    expected = [row[0] for row in rows for _ in row[1:]]
    got = [answer or NO_ANSWER for row in rows for answer in row[1:]]
    weights = [1 / (len(row) - 1) for row in rows for _ in row[1:]]
    labels = sorted(set(expected))
    known = {"labels": labels, "sample_weight": weights, "zero_division": 0}

    found = classified(rows)

    numbers = precision_recall_fscore_support(expected, got, **known)
    assert [label.name for label in found.labels] == labels
    for name, values in zip(("precision", "recall", "f1"), numbers, strict=False):
        mine = [getattr(label, name).value for label in found.labels]
        assert mine == pytest.approx(list(values), abs=1e-12)
    assert [label.recall.n for label in found.labels] == pytest.approx(list(numbers[3]))
    macro = f1_score(expected, got, average="macro", **known)
    assert found.macro_f1.value == pytest.approx(macro, abs=1e-12)


@given(rows=st.one_of(rows_of_one, rows_of_several).filter(has_labels))
@settings(deadline=None)
def test_the_confusion_matrix_is_that_of_scikit_learn(rows):
    """All other answers stand together, and no answer apart."""
    expected = [row[0] for row in rows for _ in row[1:]]
    labels = sorted(set(expected))
    got = [
        NO_ANSWER if answer is None else answer if answer in labels else OTHER
        for row in rows
        for answer in row[1:]
    ]
    weights = [1 / (len(row) - 1) for row in rows for _ in row[1:]]
    columns = [*labels, OTHER, NO_ANSWER]

    found = classified(rows)

    matrix = confusion_matrix(expected, got, labels=columns, sample_weight=weights)
    assert np.array(found.counts) == pytest.approx(matrix[: len(labels)])
    confused = matrix.sum() - np.trace(matrix)
    assert sum(item.n for item in found.confusions) == pytest.approx(confused)


@given(rows=st.one_of(rows_of_one, rows_of_several).filter(has_labels))
@settings(deadline=None)
def test_what_is_right_adds_up_to_the_accuracy(rows):
    """The diagonal of the matrix is what the accuracy counts."""
    cases = make_cases(rows)
    summary = summarize([record for records in cases for record in records])

    found = summary.classification

    right = sum(found.counts[i][i] for i in range(len(found.labels)))
    assert right / found.n == pytest.approx(summary.metric("accuracy").value)
    assert summary.metric("macro_f1") == found.macro_f1


def test_an_answer_that_is_no_label_adds_none():
    """It is missed for its label, and the mean is over the labels that are expected."""
    found = classified([("a", "a"), ("a", "a lot"), ("b", "b")])

    assert found.macro_f1.value == pytest.approx((2 / 3 + 1) / 2)
    assert [label.name for label in found.labels] == ["a", "b"]
    assert found.counts == ((1, 0, 1, 0), (0, 1, 0, 0))


def test_an_error_is_a_wrong_answer_of_its_label():
    """It lowers the recall of what was expected, and no precision."""
    found = classified([("a", "a"), ("a", None), ("b", "b")])

    assert label_of(found, "a").recall.value == 0.5
    assert label_of(found, "a").precision.value == 1.0
    assert [(c.expected, c.answer, c.n) for c in found.confusions] == [("a", NO_ANSWER, 1)]


def test_an_error_after_a_right_answer_is_no_answer():
    """The test broke, and accuracy does not count it either."""
    cases = [*make_cases([("a", "a"), ("b", "b")]), make_case("a", "a", outcomes=["errored"])]

    assert label_of(classify(cases), "a").recall.value == 0.5


def test_a_label_that_was_never_answered_has_a_precision_of_0_that_says_so():
    """scikit-learn's zero_division, with a note and without an interval."""
    precision = label_of(classified([("a", "b"), ("b", "b")]), "a").precision

    assert (precision.value, precision.n, precision.note) == (0.0, 0, NEVER_ANSWERED)
    assert (precision.low, precision.high) == (None, None)


def test_confusions_come_with_the_most_frequent_first():
    """Those of equal number in the order of their names."""
    found = classified([*[("a", "b")] * 2, ("b", "c"), *[("c", "a")] * 2, ("b", "b"), ("a", "a")])

    assert [(c.expected, c.answer, c.n) for c in found.confusions] == [
        ("a", "b", 2),
        ("c", "a", 2),
        ("b", "c", 1),
    ]


def test_a_repeat_counts_as_its_share_of_the_case():
    """One wrong answer of three is a third of a case."""
    found = classified([("a", "a", "a", "b"), ("b", "b", "b", "b")])

    assert label_of(found, "a").recall.value == pytest.approx(2 / 3)
    assert (label_of(found, "a").recall.n, found.n) == (1, 2)
    assert found.confusions[0].n == pytest.approx(1 / 3)


def test_a_case_that_is_right_each_time_is_right_to_the_last_digit():
    """Six sixths are one."""
    found = classified([("a", *["a"] * 6), ("b", *["b"] * 6)])

    assert found.macro_f1.value == 1.0
    assert found.counts == ((1.0, 0, 0, 0), (0, 1.0, 0, 0))


def test_labels_that_are_numbers_are_sorted_as_numbers():
    """Marks from 1 to 10 keep their order."""
    found = classified([(n, n) for n in (10, 2, 1)])

    assert [label.name for label in found.labels] == ["1", "2", "10"]


def test_an_answer_of_another_type_is_told_from_its_label():
    """The number 1 is not the text 1, and the matrix says so."""
    found = classified([("1", 1), ("1", "1"), ("2", "2")])

    assert [(c.expected, c.answer) for c in found.confusions] == [("1", "1 (int)")]


# Intervals


def test_a_recall_has_the_interval_of_wilson():
    """It is a share of cases, like accuracy."""
    found = classified([*[("a", "a")] * 10, *[("a", "b")] * 2, *[("b", "b")] * 5])

    recall, interval = label_of(found, "a").recall, wilson(10, 12)
    assert (recall.low, recall.high) == pytest.approx((interval.low, interval.high))
    precision, interval = label_of(found, "b").precision, wilson(5, 7)
    assert (precision.low, precision.high, precision.n) == pytest.approx(
        (interval.low, interval.high, 7)
    )


@given(rows=st.one_of(rows_of_one, rows_of_several).filter(has_labels))
@settings(deadline=None)
def test_every_number_lies_within_its_interval(rows):
    """And the interval within 0 and 1."""
    found = classified(rows)

    metrics = [m for label in found.labels for m in (label.precision, label.recall, label.f1)]
    for metric in [*metrics, found.macro_f1]:
        if metric.note is None:
            assert 0 <= metric.low <= metric.value + 1e-12
            assert metric.value - 1e-12 <= metric.high <= 1


def test_two_cases_of_a_rare_label_are_no_proof():
    """A hundred right answers to the one label do not make the mean of two certain."""
    found = classified([*[("a", "a")] * 100, *[("b", "b")] * 2])

    assert found.macro_f1.value == 1.0
    assert found.macro_f1.low < 0.7


def test_related_cases_are_worth_less():
    """The same answers in clusters that stand or fall together have a wider interval."""
    rows = [*[("a", "a")] * 20, *[("a", "b")] * 10, *[("b", "b")] * 30]
    clusters = [f"k{index // 10}" for index in range(60)]

    alone, together = classified(rows), classified(rows, clusters)

    assert together.macro_f1.value == alone.macro_f1.value
    width = together.macro_f1.high - together.macro_f1.low
    assert width > 1.5 * (alone.macro_f1.high - alone.macro_f1.low)


def test_one_cluster_has_no_interval():
    """Nothing is known of how clusters differ."""
    found = classified([("a", "a"), ("b", "b")], ["k", "k"])

    assert (found.macro_f1.low, found.macro_f1.high) == (None, None)
    assert found.macro_f1.note == "one cluster has no interval"


@pytest.mark.parametrize("accuracy", [0.7, 0.95])
def test_the_interval_of_macro_f1_holds_the_true_number(accuracy):
    """In 95 of 100 samples, here of 400 with three labels of 15 cases each."""
    draw = np.random.default_rng(5)
    n_labels, n_each, n_samples = 3, 15, 400
    chances = np.full((n_labels, n_labels), (1 - accuracy) / (n_labels - 1))
    np.fill_diagonal(chances, accuracy)

    n_held = 0
    for _ in range(n_samples):
        rows = [
            (str(label), str(answer))
            for label in range(n_labels)
            for answer in draw.choice(n_labels, size=n_each, p=chances[label])
        ]
        macro_f1 = classified(rows).macro_f1
        n_held += macro_f1.low <= accuracy <= macro_f1.high

    assert n_held / n_samples >= 0.92


# Whether there are labels


@pytest.mark.parametrize(
    ("expected", "reason"),
    [
        ([], NOTHING_SCORED),
        (["a", None], "nothing is expected of the case c1"),
        (["a", ["b"]], "a list is expected of the case c1"),
        ([{"a": 1}, "b"], "a mapping is expected of the case c0"),
        (["a", "b" * 61], "a text of 61 characters is expected of the case c1"),
        (["a", "b\nc"], "a text of several lines is expected of the case c1"),
        (["a", "a"], "all cases expect the same"),
        ([str(n) for n in range(51)], "51 labels are expected, and 50 are the most"),
    ],
    ids=["no case", "nothing", "list", "mapping", "long", "lines", "one label", "many"],
)
def test_what_is_expected_has_to_be_few_labels(expected, reason):
    """Otherwise there are no numbers by label but a sentence."""
    assert refusal(make_cases([(label, label or "x") for label in expected])) == reason


@pytest.mark.parametrize("values", [[1, 2], [True, False], [0.5, 1.5], ["", "a"], ["yes", 0]])
def test_a_label_is_any_short_value(values):
    """Text, numbers and truth values."""
    found = classified([(value, value) for value in values] * 2)

    assert len(found.labels) == 2
    assert found.macro_f1.value == 1.0


@pytest.mark.parametrize(
    ("output", "outcome", "reason"),
    [
        ("I say a", "passed", "the case odd was passed though its answer is not the label"),
        ("a", "missed", "the case odd was missed though its answer is the label"),
        (None, "passed", "the answer to the case odd is not on record"),
        (None, "missed", "the answer to the case odd is not on record"),
        ({"team": "a"}, "passed", "the case odd was passed though its answer is not the label"),
    ],
    ids=["loose", "strict", "no record", "missed without record", "mapping"],
)
def test_a_test_that_judges_otherwise_has_no_labels(output, outcome, reason):
    """One case is enough: then something else than the label decides."""
    cases = [
        *make_cases([("a", "a"), ("b", "b")]),
        make_case("a", output, name="odd", outcomes=[outcome]),
    ]

    assert refusal(cases) == reason


def test_an_answer_may_be_its_label_but_for_case_and_punctuation():
    """Where the test takes it for right; then all answers are read so."""
    right = make_case("billing", "**Billing.**", outcomes=["passed"])
    wrong = make_case("login", "Billing!", outcomes=["missed"])

    found = classify([right, wrong])

    assert found.ignores_case
    assert found.counts == ((1, 0, 0, 0), (1, 0, 0, 0))


def test_a_test_that_minds_case_is_read_as_it_is():
    """An answer in capitals that it counts as wrong is another answer."""
    found = classified([("a", "A"), ("a", "a"), ("b", "b")])

    assert not found.ignores_case
    assert [(c.expected, c.answer) for c in found.confusions] == [("a", "A")]


def test_labels_that_differ_in_case_alone_are_not_read_without_it():
    """Else two labels would be one."""
    cases = [make_case("a", "a"), make_case("A", "A"), make_case("b", "B.", outcomes=["passed"])]

    assert isinstance(classify(cases), NoLabels)


@pytest.mark.parametrize(
    ("sizes", "unclear"),
    [
        ([2, 2, 2], None),
        ([7, 1, 1], None),
        ([1] * 20, "20 labels among 20 cases hardly repeat"),
        ([3, 1, 1], "3 labels among 5 cases hardly repeat"),
    ],
)
def test_labels_that_hardly_repeat_are_not_shown_unasked(sizes, unclear):
    """Twenty answers to twenty questions are no classification that anyone would read."""
    rows = [(f"l{i}", f"l{i}") for i, size in enumerate(sizes) for _ in range(size)]

    assert classified(rows).unclear == unclear


# In a file


@given(rows=st.one_of(rows_of_one, rows_of_several).filter(has_labels))
@settings(deadline=None)
def test_a_classification_is_plain_and_finite(rows):
    """No NaN, and no key that is not text."""
    data = classified(rows).to_dict()

    assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_file_has_the_matrix_and_the_other_answers():
    """Whole cases are whole numbers."""
    data = classified([("a", "a"), ("a", "hm"), ("b", "hm"), ("b", None), ("b", "b")]).to_dict()

    assert data["confusion"] == {
        "expected": ["a", "b"],
        "answers": ["a", "b", OTHER, NO_ANSWER],
        "counts": [[1, 0, 1, 0], [0, 1, 1, 1]],
    }
    assert data["other_answers"] == [{"answer": "hm", "n": 2}]
    assert repr(data["confusion"]["counts"][0]) == "[1, 0, 1, 0]"


def test_a_long_answer_is_cut_in_the_file():
    """The whole of it stands in the record."""
    data = classified([("a", "x" * 5000), ("b", "b")]).to_dict()

    assert data["other_answers"] == [{"answer": "x" * 200, "n": 1}]
