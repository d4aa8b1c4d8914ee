"""Slices in the terminal: a row for each tag, the worst first, and no verdict but a threshold's."""

import pytest

from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.terminal import Shown, render

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored"}


def make_records(rows, **known):
    """Records of ``{"angry": "ppm"}``: three cases of that tag; "" is no tag."""
    return [
        Record(
            suite="tickets",
            model="router",
            case_id=f"{tag}-{index}",
            outcome=OUTCOMES[letter],
            tags=(tag,) if tag else (),
            latency_s=0.1,
            cost_usd=0.001,
            **known,
        )
        for tag, letters in rows.items()
        for index, letter in enumerate(letters)
    ]


def shown_lines(rows, thresholds=(), **options):
    """The section's lines of these records, by their text."""
    records = make_records(rows)
    tags = {tag: (len(letters), len(letters)) for tag, letters in rows.items() if tag}
    coverages = [
        Coverage(suite="tickets", n_total=len(records), n_selected=len(records), tags=tags)
    ]
    rates = {"max_error_rate": 1.0}
    verdict = judge(records, coverages, [parse_threshold(line) for line in thresholds], **rates)
    shown = Shown(verdict=verdict, coverages=coverages, has_thresholds=bool(thresholds), **options)
    return [line.text for line in render(shown)]


def slices_in(lines):
    """The lines from ``by tag`` to the end of the table."""
    at = next(index for index, line in enumerate(lines) if line.startswith("  by tag"))
    return lines[at : lines.index("", at)]


def test_each_tag_has_a_row_with_its_number_and_interval():
    """The worst comes first, and the threshold of a tag stands at its slice."""
    rows = {"": "p" * 20, "angry": "ppmm", "short": "pppp"}

    lines = shown_lines(rows, ["accuracy >= 50%", "[angry]: accuracy >= 80%"])

    assert slices_in(lines) == [
        "  by tag        accuracy",
        "    angry         50.0 %  15.0 to 85.0 %        4  >= 80%     not met, uncertain",
        "    short        100.0 %  51.0 to 100.0 %       4",
        "    1 of 2 intervals leaves out the suite's 92.9 %; by chance one in 20 does",
    ]


def test_a_threshold_on_another_metric_has_a_row_below_its_slice():
    """With its own number, interval and verdict."""
    lines = shown_lines({"": "pp", "angry": "pm"}, ["[angry]: p95_latency <= 50ms"])

    at = next(i for i, line in enumerate(lines) if line.startswith("    angry"))
    assert lines[at + 1].split() == [
        "p95",
        "latency",
        "100",
        "ms",
        "100",
        "ms",
        "to",
        "n/a",
        "2",
        "<=",
        "50ms",
        "not",
        "met",
    ]


def test_small_slices_that_hold_the_suites_number_do_not_stand_out():
    """A slice of three that looks bad is called nothing."""
    lines = shown_lines({"": "p" * 8, "angry": "ppm", "short": "ppp"})

    assert slices_in(lines)[-1] == (
        "    no slice stands out: each interval holds the suite's 92.9 %"
    )


def test_one_slice_has_no_company():
    """The sentence is about its one interval, and none about chance."""
    assert slices_in(shown_lines({"": "pp", "angry": "p"}))[-1] == (
        "    no slice stands out: its interval holds the suite's 100.0 %"
    )
    assert slices_in(shown_lines({"": "p" * 40, "angry": "mmmm"}))[-1].startswith("    angry")


def test_many_tags_are_cut_with_their_number():
    """Eight are shown, and -v shows all with latency, cost and errors."""
    rows = {"": "pp"} | {f"t{index:02}": "pm" for index in range(30)}

    few, all_of_them = slices_in(shown_lines(rows)), slices_in(shown_lines(rows, verbosity=1))

    assert sum(line.startswith("    t") for line in few) == 8
    assert "    ... and 22 more tags; -v shows them all" in few
    assert sum(line.startswith("    t") for line in all_of_them) == 30
    assert sum(line.startswith("      p95 latency") for line in all_of_them) == 30
    assert not any("more" in line for line in all_of_them)


def test_a_slice_with_a_threshold_is_shown_however_good():
    """It is not among those that are left out."""
    rows = {"": "pp"} | {f"t{index:02}": "pm" for index in range(30)} | {"vip": "p" * 50}

    lines = slices_in(shown_lines(rows, ["[vip]: accuracy >= 80%"]))

    row = next(line for line in lines if line.startswith("    vip"))
    assert row.endswith(">= 80%     met")
    assert "    ... and 22 more tags; -v shows them all" in lines


@pytest.mark.parametrize("rows", [{"": "pm"}, {"smoke": "pm"}], ids=["no tag", "a tag of all"])
def test_without_slices_there_is_no_table_of_them(rows):
    """A tag that every case has says nothing that the suite does not."""
    assert not any(line.startswith("  by tag") for line in shown_lines(rows))


def test_a_tag_of_all_cases_is_shown_where_it_has_a_threshold():
    """Its verdict has to stand somewhere."""
    lines = shown_lines({"smoke": "pp"}, ["[smoke]: accuracy >= 80%"])

    assert any(line.startswith("    smoke") and line.endswith("met, uncertain") for line in lines)


def test_quiet_shows_no_slices():
    """The verdict alone, with the sentence on a threshold that is not met."""
    lines = shown_lines({"": "pp", "angry": "m"}, ["[angry]: accuracy >= 80%"], verbosity=-1)

    assert not any("by tag" in line for line in lines)
    assert "not met: tickets [angry]: accuracy is 0.0 %, wanted >= 80% (n=1)" in lines


def test_a_tag_is_data_and_moves_no_cursor():
    """Control characters are shown, not obeyed."""
    lines = shown_lines({"": "p", "a\x1b[31mb\n": "m"})

    assert any(line.startswith("    a\\x1b[31mb") for line in lines)
