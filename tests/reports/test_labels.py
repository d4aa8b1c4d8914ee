"""Labels in the terminal: a table with the worst first, and what was taken for what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.classifications import classify
from pytest_modeleval.core.records import Record
from pytest_modeleval.reports.labels import by_label
from pytest_modeleval.reports.texts import columns, visible


def classified(rows):
    """The classification of rows of an expected and a given label; None is an error."""
    return classify(
        [
            [
                Record(
                    suite="tickets",
                    case_id=f"c{index}",
                    expected=expected,
                    output=got,
                    outcome="errored" if got is None else "passed" if got == expected else "missed",
                )
            ]
            for index, (expected, got) in enumerate(rows)
        ]
    )


def lines_of(rows, *, width=80, is_verbose=False, is_wanted=False):
    """The lines as texts."""
    found = by_label(classified(rows), width=width, is_verbose=is_verbose, is_wanted=is_wanted)
    return [visible(line.text) for line in found]


TICKETS = [
    *[("billing", "billing")] * 10,
    *[("bug", "bug")] * 6,
    *[("bug", "login")] * 3,
    ("bug", None),
    *[("login", "login")] * 9,
    ("login", "no idea"),
]


def test_each_label_has_a_row_and_the_worst_comes_first():
    """Cases, answers, precision, recall and F1 with its interval; then their mean."""
    assert lines_of(TICKETS) == [
        "  by label         n  said  precision   recall       F1  95 % interval",
        "    bug           10     6    100.0 %   60.0 %   75.0 %  44.2 to 91.9 %",
        "    login         10    12     75.0 %   90.0 %   81.8 %  50.8 to 95.1 %",
        "    billing       10    10    100.0 %  100.0 %  100.0 %  72.2 to 100.0 %",
        "    macro-F1      30                             85.6 %  69.1 to 94.1 %",
        "    confused: bug -> login 3, bug -> (no answer) 1, login -> no idea 1",
    ]


def test_verbose_shows_the_matrix():
    """Columns are numbered like rows, with all other answers together and no answer apart."""
    lines = lines_of(TICKETS, is_verbose=True)

    assert lines[-4:] == [
        "    expected, answered   1   2   3  other  none",
        "    1 billing           10   .   .      .     .",
        "    2 bug                .   6   3      .     1",
        "    3 login              .   .   9      1     .",
    ]


def test_a_matrix_that_does_not_fit_is_a_list():
    """Nothing is cut off at the right."""
    rows = [(f"l{i:02}", f"l{(i + (i % 10 == 0)) % 40:02}") for i in range(40)] * 5

    lines = lines_of(rows, is_verbose=True)

    assert "    confused:" in lines
    assert "      l00 -> l01 5" in lines
    assert all(len(line) <= 80 for line in lines)
    assert sum(line.startswith("    l") for line in lines) == 40


def test_many_labels_are_cut_with_their_number():
    """Twelve are shown, and the confusions that a line holds."""
    rows = [(f"l{i:02}", f"l{(i + n // 4) % 40:02}") for i in range(40) for n in range(5)]

    lines = lines_of(rows)

    assert sum(line.startswith("    l") for line in lines) == 12
    assert "    ... and 28 more labels; -v shows them all" in lines
    assert lines[-2:] == [
        "    confused: l00 -> l01 1, l01 -> l02 1, l02 -> l03 1, l03 -> l04 1,",
        "              l04 -> l05 1, 35 more",
    ]


def test_a_label_that_was_never_said_is_named():
    """Its precision counts as 0, and the reader is told that it does."""
    lines = lines_of([*[("a", "b")] * 3, *[("b", "b")] * 3])

    assert "    never said, so that precision counts as 0: a" in lines


def test_a_suite_without_a_mistake_has_no_table():
    """The accuracy has said it all; -v shows it nevertheless."""
    rows = [(label, label) for label in "ab" for _ in range(5)]

    assert lines_of(rows) == []
    assert len(lines_of(rows, is_verbose=True)) == 4


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("a", "b"), ("a", "a")], "all cases expect the same"),
        (
            [(f"l{i}", "x") for i in range(77) for _ in range(3)],
            "77 labels are expected, and 50 are the most",
        ),
        ([(f"l{i}", "x") for i in range(20)], "20 labels among 20 cases hardly repeat"),
    ],
    ids=["one label", "many labels", "free text"],
)
def test_why_there_is_no_table_is_said_where_it_is_asked_for(rows, reason):
    """``-v`` says it; else nobody who has no labels is bothered."""
    assert lines_of(rows) == []
    assert lines_of(rows, is_verbose=True) == [f"  not by label: {reason}"]


def test_a_threshold_shows_labels_that_hardly_repeat():
    """Who sets a bound on macro-F1 wants to see what it is made of."""
    rows = [(f"l{i}", "l0") for i in range(5)]

    assert lines_of(rows, is_wanted=True)[0].startswith("  by label")


def test_long_labels_keep_their_ends():
    """Labels of one family differ there."""
    rows = [(f"balance_not_updated_after_{what}", "?") for what in ("transfer", "cheque")] * 3

    lines = lines_of(rows)

    assert lines[1].startswith("    balance..._cheque ")
    assert lines[2].startswith("    balance...ransfer ")
    assert lines[-1] == (
        "    confused: balance_not...ter_cheque -> ? 3, balance_not...r_transfer -> ? 3"
    )


def test_an_empty_label_is_shown_in_quotes():
    """It would be a hole in the table."""
    rows = [*[("", "")] * 3, *[("a", "")] * 3]

    assert any(line.startswith("    ''") for line in lines_of(rows))


names = st.text(max_size=60)


@given(
    labels=st.lists(names, min_size=2, max_size=6, unique=True),
    others=st.lists(st.text(), max_size=5),
    width=st.integers(80, 200),
    is_verbose=st.booleans(),
    data=st.data(),
)
def test_every_line_fits_the_terminal(labels, others, width, is_verbose, data):
    """Whatever the labels are called and the model says."""
    answers = st.sampled_from([*labels, *others])
    rows = [(label, data.draw(answers)) for label in labels * 3]

    lines = lines_of(rows, width=width, is_verbose=is_verbose)

    assert [line for line in lines if columns(line) > width] == []
