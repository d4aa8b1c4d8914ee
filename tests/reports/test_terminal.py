"""The section in the terminal: the numbers, the failures, the verdict, in lines of 80 columns."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.terminal import Shown, header, render, write

OUTCOMES = {"p": "passed", "m": "missed", "e": "errored", "u": "unscored", "s": "skipped"}
THREE = ["accuracy >= 90%", "p95_latency <= 800ms", "avg_cost <= $0.002"]


def make_records(letters, **known):
    """A record for each letter of ``letters``, measured and paid for."""
    fields = {
        "suite": "tickets",
        "model": "router:predict",
        "latency_s": 0.1,
        "cost_usd": 0.001,
        "input": "Where is my money?",
        "expected": "billing",
    }
    return [
        Record(**(fields | {"case_id": f"c{index}", "outcome": OUTCOMES[letter]} | known))
        for index, letter in enumerate(letters)
    ]


def make_shown(records, lines=(), coverages=None, *, rates=None, **options):
    """What the section shows of these records, judged by thresholds written as text."""
    coverages = coverages or [
        Coverage(suite="tickets", n_total=len(records), n_selected=len(records))
    ]
    rates = {"max_error_rate": 1.0, "max_unscored_rate": 1.0} if rates is None else rates
    verdict = judge(records, coverages, [parse_threshold(line) for line in lines], **rates)
    options = {"has_thresholds": bool(lines), "width": 80} | options
    return Shown(verdict=verdict, coverages=coverages, **options)


SENTENCES = ("not met: ", "invalid: ", "not judged: ", "gate: ", "warning: ")


def texts(shown):
    """The lines as texts, each sentence in one, without the line on what to do next."""
    found = []
    for line in render(shown):
        if found and found[-1].startswith(SENTENCES) and line.text.startswith("  "):
            found[-1] += line.text[1:]
        elif not line.text.startswith("Next: "):
            found.append(line.text)
    return found


def color_of(shown, start):
    """The colour of the first line that begins with ``start``."""
    return next(line.color for line in render(shown) if line.text.startswith(start))


class FakeTerminal:
    """Notes what is written."""

    def __init__(self):
        self.lines = []

    def write_sep(self, sep, title=None, **markup):
        self.lines.append((title, markup))

    def write_line(self, line, **markup):
        self.lines.append((line, markup))


# The whole


def test_a_run_is_shown_as_its_failures_a_table_and_its_verdict():
    """Each failure; the numbers with interval, count, threshold and verdict; last the gate."""
    records = make_records("ppppppppp") + make_records(
        "m", case_id="refund-9", output="login", reason="assert 'login' == 'billing'"
    )

    shown = make_shown(records, THREE, folder=".modeleval/runs/x")

    assert texts(shown) == [
        "missed: refund-9",
        "  input    Where is my money?",
        "  expected billing",
        "  got      login",
        "",
        "tickets, router:predict, 10 cases: 9 passed, 1 missed",
        "                   value  95 % interval            n  threshold",
        "  accuracy        90.0 %  59.6 to 99.7 %          10  >= 90%     met, uncertain",
        "  p50 latency     100 ms  100 to 100 ms           10",
        "  p95 latency     100 ms  100 ms to n/a           10  <= 800ms   met, uncertain",
        "  avg cost       $0.0010  $0.0010 to $0.0010      10  <= $0.002  met",
        "  total cost      $0.010                          10",
        "  errors           0.0 %  0.0 to 27.8 %           10  <= 100%    met",
        "",
        "gate: met (thresholds: 3 met)",
        "records: .modeleval/runs/x/records.jsonl",
    ]


def test_quiet_is_a_line_for_each_suite_and_the_verdict():
    """``-q`` keeps what decides."""
    shown = make_shown(make_records("pppppppppm"), THREE, verbosity=-1, folder="x")

    assert texts(shown) == [
        "tickets: accuracy 90.0 %, p95 100 ms, avg cost $0.0010, errors 0.0 % (n=10)",
        "gate: met (thresholds: 3 met)",
    ]


def test_a_quiet_line_fits_the_terminal():
    """A long name has a line of its own, and nothing is cut."""
    records = make_records("pp", suite="test_a_suite_with_a_long_name_indeed")
    coverage = Coverage(suite=records[0].suite, n_total=2, n_selected=2)

    lines = texts(make_shown(records, ["accuracy >= 10%"], [coverage], verbosity=-1))

    assert lines[:2] == [
        "test_a_suite_with_a_long_name_indeed:",
        "  accuracy 100.0 %, p95 100 ms, avg cost $0.0010, errors 0.0 % (n=2)",
    ]


def test_very_verbose_is_every_case():
    """``-vv`` has a line for each, with outcome, latency, cost and answer."""
    shown = make_shown(make_records("pm", output="login"), verbosity=2)

    assert [line for line in texts(shown) if "  c" in line and "login" in line] == [
        "passed      100 ms    $0.0010  c0: login",
        "missed      100 ms    $0.0010  c1: login",
    ]


def test_the_section_is_written_with_its_colours():
    """A line without a colour has no markup."""
    terminal = FakeTerminal()

    write(terminal, make_shown(make_records("p"), ["accuracy >= 50%"]))

    assert terminal.lines[0] == ("model eval: met", {"green": True, "bold": True})
    assert terminal.lines[1] == ("tickets, router:predict, 1 case: 1 passed", {})
    assert ("gate: met (thresholds: 1 met)", {"green": True}) in terminal.lines


# The table


@pytest.mark.parametrize(
    ("letters", "n_total", "title"),
    [
        ("p", 1, "tickets, router:predict, 1 case: 1 passed"),
        ("pp", 2, "tickets, router:predict, 2 cases: 2 passed"),
        ("pp", 64, "tickets, router:predict, 2 of 64 cases: 2 passed"),
        (
            "pmeus",
            5,
            "tickets, router:predict, 5 cases: 1 passed, 1 missed, 1 errored, 1 unscored, 1 skipped",
        ),
    ],
)
def test_the_title_counts_the_cases(letters, n_total, title):
    """How many ran, of how many, and what came of them."""
    coverage = Coverage(suite="tickets", n_total=n_total, n_selected=len(letters))

    assert title in texts(make_shown(make_records(letters), (), [coverage]))


def test_a_metric_that_has_a_threshold_has_a_row():
    """So does every score."""
    records = make_records("pp", scores={"tone": {"value": 0.5}})

    lines = texts(make_shown(records, ["mean_score >= 40%", "max_latency <= 1s"]))

    rows = [line[2:13].strip() for line in lines[2:11]]
    assert rows == [
        "accuracy",
        "score(tone)",
        "mean score",
        "max latency",
        "p50 latency",
        "p95 latency",
        "avg cost",
        "total cost",
        "errors",
    ]


def test_unscored_cases_have_a_row_where_there_are_any():
    """A run without them does not speak of it."""
    assert any(line.startswith("  unscored ") for line in texts(make_shown(make_records("pu"))))
    assert not any(line.startswith("  unscored ") for line in texts(make_shown(make_records("pp"))))


def test_each_threshold_on_a_metric_has_a_line():
    """The number is written once, and each bound with its verdict."""
    records = make_records("p" * 80 + "m" * 20)

    lines = texts(make_shown(records, ["accuracy >= 50%", "accuracy >= 95%"]))

    at = lines.index(next(line for line in lines if line.startswith("  accuracy")))
    assert lines[at : at + 2] == [
        "  accuracy        80.0 %  71.1 to 86.7 %         100  >= 50%     met",
        "                                                      >= 95%     not met",
    ]


@pytest.mark.parametrize("lines", [["accuracy >= 80%", "accuracy >= 90%"], ["accuracy >= 90%"]])
def test_a_number_is_on_its_side_of_every_bound_beside_it(lines):
    """89.96 % is no 90.0 % beside a bound of 90 %, whichever bound is written first."""
    shown = make_shown(make_records("p" * 2249 + "m" * 251), lines)

    row = next(text for text in texts(shown) if text.startswith("  accuracy"))
    assert "89.96 %" in row


def test_a_number_is_on_its_side_of_the_bound_in_a_quiet_line():
    """``-q`` does not say 90.0 % above a line that says that 90 % is not met."""
    shown = make_shown(make_records("p" * 2249 + "m" * 251), ["accuracy >= 90%"], verbosity=-1)

    assert texts(shown)[0].startswith("tickets: accuracy 89.96 %")


def test_the_pool_has_a_table_of_its_own():
    """``all:`` is no suite's number."""
    records = make_records("pp", suite="a") + make_records("mm", suite="b")
    coverages = [
        Coverage(suite="a", n_total=2, n_selected=2),
        Coverage(suite="b", n_total=2, n_selected=2),
    ]

    lines = texts(make_shown(records, ["all: accuracy >= 90%"], coverages))

    index = lines.index("all suites together")
    assert lines[index + 1].split()[:3] == ["accuracy", "50.0", "%"]
    assert "not met: all suites: accuracy is 50.0 %, wanted >= 90% (n=4)" in lines


def test_a_number_that_lacks_cases_says_so():
    """An unknown cost is n/a or marked, never 0."""
    records = [*make_records("p"), *make_records("p", cost_usd=None, case_id="x")]

    lines = texts(make_shown(records))

    assert "  avg cost: known for 1 of 2 cases" in lines
    assert "  total cost: at least; known for 1 of 2 cases" in lines


def test_an_unknown_cost_is_not_available():
    """The row says n/a."""
    lines = texts(make_shown(make_records("pp", cost_usd=None)))

    assert [line for line in lines if line.startswith(("  avg cost", "  total cost"))] == [
        "  avg cost           n/a",
        "  total cost         n/a",
    ]


# The verdict


@pytest.mark.parametrize(
    ("letters", "lines", "sentences"),
    [
        ("pppp", ["accuracy >= 90%"], ["gate: met (thresholds: 1 met)"]),
        ("pppp", [], ["gate: no thresholds are set (model_eval_thresholds)"]),
        (
            "pm",
            ["accuracy >= 90%"],
            [
                "not met: tickets: accuracy is 50.0 %, wanted >= 90% (n=2)",
                "gate: not met (thresholds: 1 not met)",
            ],
        ),
        (
            "p" * 2249 + "m" * 251,
            ["accuracy >= 90%"],
            [
                "not met: tickets: accuracy is 89.96 %, wanted >= 90% (n=2500)",
                "gate: not met (thresholds: 1 not met)",
            ],
        ),
        (
            "pp",
            ["p95_latency <= 50ms", "avg_cost <= $0.0005"],
            [
                "not met: tickets: p95 latency is 100 ms, wanted <= 50ms (n=2)",
                "not met: tickets: avg cost is $0.0010, wanted <= $0.0005 (n=2)",
                "gate: not met (thresholds: 2 not met)",
            ],
        ),
        (
            "ss",
            ["accuracy >= 90%"],
            [
                "invalid: tickets: accuracy >= 90%: all 2 cases were skipped",
                "gate: invalid (thresholds: 1 invalid)",
            ],
        ),
        (
            "ss",
            [],
            ["invalid: tickets: all 2 cases were skipped", "gate: invalid"],
        ),
    ],
    ids=["met", "none", "not met", "89.96", "two", "skipped", "skipped without"],
)
def test_the_last_lines_are_the_verdict_and_why(letters, lines, sentences):
    """Whoever reads the end of a log alone knows what to do."""
    found = texts(make_shown(make_records(letters), lines))

    assert found[-len(sentences) :] == sentences
    assert not found[-len(sentences) - 1].startswith(("not met", "invalid"))


def test_an_unknown_cost_says_what_to_configure():
    """The sentence is on the screen, not only in a file."""
    shown = make_shown(make_records("pp", cost_usd=None), ["avg_cost <= $0.002"])

    assert texts(shown)[-2] == (
        "invalid: tickets: avg_cost <= $0.002: the cost is unknown for all 2 cases; "
        "let the model report cost_usd, or usage for a model in model_eval_prices"
    )


def test_errors_over_the_limit_are_said():
    """The bound of the setting is shown like a threshold that was written."""
    shown = make_shown(make_records("pppe"), [], rates={"max_error_rate": 0.05})

    assert texts(shown)[-2:] == [
        "not met: tickets: errors are 25.0 %, wanted <= 5% (n=4)",
        "gate: not met (errors are over the allowed rate)",
    ]


def test_a_gate_that_errors_alone_fail_does_not_blame_the_thresholds():
    """All thresholds are met, and the last line says what is not."""
    shown = make_shown(make_records("pppe"), ["accuracy >= 50%"], rates={})

    assert texts(shown)[-1] == (
        "gate: not met (errors are over the allowed rate; thresholds: 1 met)"
    )


def test_no_errors_allowed_goes_without_saying():
    """The default bound is shown where it is broken."""
    kept = texts(make_shown(make_records("pp"), rates={}))
    broken = texts(make_shown(make_records("pe"), rates={}))

    assert "  errors           0.0 %  0.0 to 65.8 %            2" in kept
    assert "  errors          50.0 %  9.5 to 90.5 %            2  <= 0%      not met" in broken


def test_a_sentence_says_its_suite_once():
    """The scope of the line and the place are the same."""
    shown = make_shown(make_records("pp", cost_usd=None), ["tickets: avg_cost <= $1"])

    assert texts(shown)[-2].startswith("invalid: tickets: avg_cost <= $1: the cost is unknown")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("[angry]: accuracy >= 90%", "not met: tickets [angry]: accuracy is 0.0 %, wanted >= 90% (n=1)"),
        ("all: accuracy >= 90%", "not met: all suites: accuracy is 0.0 %, wanted >= 90% (n=1)"),
        ("score(my_tone) >= 90%", "not met: tickets: score(my_tone) is 50.0 %, wanted >= 90% (n=1)"),
        ("unscored_rate <= 0.1", None),
    ],
)  # fmt: skip
def test_a_sentence_names_what_was_judged(line, sentence):
    """Place, metric, number and bound."""
    records = make_records("m", tags=("angry",), scores={"my_tone": {"value": 0.5}})
    coverage = Coverage(suite="tickets", n_total=1, n_selected=1, tags={"angry": (1, 1)})

    found = [text for text in texts(make_shown(records, [line], [coverage])) if "not met: " in text]

    assert found == ([sentence] if sentence else [])


def test_a_partial_run_says_what_was_left_out():
    """The sentence is said once, however many thresholds there are."""
    coverage = Coverage(suite="tickets", n_total=60, n_selected=3)

    lines = texts(make_shown(make_records("ppp"), THREE, [coverage]))

    assert lines[-2:] == [
        "not judged: tickets: partial: 3 of 60 cases",
        "gate: not judged (thresholds: 3 not judged)",
    ]


def test_a_partial_run_without_thresholds_speaks_of_none():
    """Where nothing is set, nothing was left unjudged."""
    coverage = Coverage(suite="tickets", n_total=60, n_selected=3)

    lines = texts(make_shown(make_records("ppp"), [], [coverage]))

    assert lines[-1] == "gate: no thresholds are set (model_eval_thresholds)"


def test_a_run_that_selected_nothing_says_so():
    """There is no table to read, and the last line says why the run fails."""
    shown = make_shown([], THREE, [Coverage(suite="tickets", n_total=60, n_selected=0)])

    assert texts(shown) == ["gate: invalid: no case was selected while thresholds are configured"]


def test_two_models_are_told_apart_in_the_sentences():
    """Of two models that miss the same bound, each sentence names its own."""
    records = make_records("pm", model="old") + make_records("mm", model="new")
    coverage = Coverage(suite="tickets", n_total=2, n_selected=2)

    lines = texts(make_shown(records, ["accuracy >= 90%"], [coverage]))

    sentences = [line for line in lines if line.startswith("not met: ")]
    assert "old" in sentences[0]
    assert "new" in sentences[1]


@pytest.mark.parametrize(
    ("letters", "lines", "start", "color"),
    [
        ("p" * 100, ["accuracy >= 50%"], "  accuracy", "green"),
        ("p" * 5, ["accuracy >= 90%"], "  accuracy", "yellow"),
        ("m" * 100, ["accuracy >= 50%"], "  accuracy", "red"),
        ("m" * 100, ["accuracy >= 50%"], "not met: ", "red"),
        ("m" * 100, ["accuracy >= 50%"], "gate: ", "red"),
        ("ss", ["accuracy >= 50%"], "gate: ", "red"),
        ("p", ["accuracy >= 50%"], "gate: ", "green"),
        ("p", [], "  accuracy", None),
        ("m", [], "missed: ", "yellow"),
        ("e", [], "errored: ", "red"),
    ],
)
def test_colours_say_what_the_words_say(letters, lines, start, color):
    """Green is met, yellow uncertain or missed, red what fails the run."""
    assert color_of(make_shown(make_records(letters), lines), start) == color


def test_trouble_is_said_and_changes_no_verdict():
    """A file that was not written is a warning."""
    shown = make_shown(
        make_records("p"), ["accuracy >= 50%"], trouble=["summary.json was not written: disk full"]
    )

    assert texts(shown)[-2:] == [
        "gate: met (thresholds: 1 met)",
        "warning: summary.json was not written: disk full",
    ]


# Failures


def test_errors_come_first_then_what_could_not_be_scored():
    """What fails the session is read first; passed and skipped cases are not listed."""
    lines = texts(make_shown(make_records("mpuse")))

    heads = [line for line in lines if line.startswith(("missed:", "unscored:", "errored:"))]
    assert heads == ["errored: c4", "unscored: c2", "missed: c0"]


def test_many_failures_are_cut_with_their_number():
    """Twenty are shown, and the rest is counted."""
    lines = texts(make_shown(make_records("m" * 25)))

    assert sum(line.startswith("missed: ") for line in lines) == 20
    assert "... and 5 more; -v shows them all" in lines


def test_verbose_shows_every_failure():
    """``-v`` is what the line promises."""
    lines = texts(make_shown(make_records("m" * 25), verbosity=1))

    assert sum(line.startswith("missed: ") for line in lines) == 25
    assert not any("more" in line for line in lines)


def test_failures_of_several_suites_name_theirs():
    """The same id may stand in two suites."""
    records = make_records("m", suite="a") + make_records("m", suite="b")
    coverages = [
        Coverage(suite="a", n_total=1, n_selected=1),
        Coverage(suite="b", n_total=1, n_selected=1),
    ]

    lines = texts(make_shown(records, (), coverages))

    assert [line for line in lines if line.startswith("missed")] == [
        "missed: c0 (a)",
        "missed: c0 (b)",
    ]


def test_an_answer_is_data_and_moves_no_cursor():
    """Escape sequences of a model are shown, its lines folded, its length cut."""
    records = make_records("m", output="\x1b[2J" + "very " * 100, reason="a\nb")

    lines = texts(make_shown(records))

    assert "  got      \\x1b[2Jvery very" in "\n".join(lines)
    assert "  why      a b" in lines
    assert all(len(line) <= 80 for line in lines)


def test_an_empty_answer_is_shown_as_one():
    """An empty text is an answer; no answer has no line."""
    lines = texts(make_shown(make_records("m", output="") + make_records("e", case_id="x")))

    assert sum(line.startswith("  got ") or line == "  got" for line in map(str.rstrip, lines)) == 1


# Width

typical_lines = [
    *("accuracy >= 92.5%", "p95_latency <= 1500ms", "avg_cost <= $0.0025", "total_cost <= $0.5"),
    *("mean_score >= 90%", "case_pass_rate >= 50%", "max_latency <= 2.5s", "p95_total <= 10s"),
    *("error_rate <= 1.5%", "[angry]: accuracy >= 90%", "all: accuracy >= 90%"),
    *("score(tone) >= 80%", "macro_f1 >= 80%"),
]


@given(
    letters=st.text("pme", min_size=1, max_size=12),
    lines=st.lists(st.sampled_from(typical_lines), max_size=4),
    latency=st.floats(1e-6, 100),
    cost=st.none() | st.floats(1e-6, 100),
    output=st.text(),
)
def test_the_table_and_the_failures_fit_80_columns(letters, lines, latency, cost, output):
    """No line is wider than a terminal, but for a command, which is copied whole."""
    records = make_records(
        letters, latency_s=latency, cost_usd=cost, output=output, tags=("angry",),
        scores={"tone": {"value": 0.9}},
    )  # fmt: skip
    n = len(records)
    coverage = Coverage(suite="tickets", n_total=n, n_selected=n, tags={"angry": (n, n)})

    found = [line.text for line in render(make_shown(records, lines, [coverage], verbosity=2))]

    assert [line for line in found if len(line) > 80 and not line.startswith("Next: ")] == []


def test_a_label_that_does_not_fit_has_a_line_of_its_own():
    """The numbers below it stay in their columns."""
    records = make_records(
        "p" * 90 + "m" * 10, tags=("a very long tag that no row could hold",), latency_s=12.5
    )
    tags = {"a very long tag that no row could hold": (100, 100)}
    coverage = Coverage(suite="tickets", n_total=100, n_selected=100, tags=tags)

    lines = texts(
        make_shown(
            records,
            ["[a very long tag that no row could hold]: accuracy >= 95%", "accuracy >= 95%"],
            [coverage],
        )
    )

    row = next(line for line in lines if line.startswith("  accuracy"))
    at = lines.index("    a very long tag that no row could hold")
    assert lines[at + 1].split() == row.split()[1:]
    assert lines[at + 1].index("90.0 %") == row.index("90.0 %")
    assert all(len(line) <= 80 for line in lines if not line.startswith("not met: "))


def test_the_tables_of_a_run_have_the_same_columns():
    """An eye that goes down finds the numbers of each suite in one place."""
    records = make_records("pm", suite="a", scores={"tone of voice": {"value": 0.5}})
    records += make_records("pm", suite="b")
    coverages = [Coverage(suite=name, n_total=2, n_selected=2) for name in "ab"]

    lines = texts(make_shown(records, ["accuracy >= 10%", "all: accuracy >= 10%"], coverages))

    rows = [line for line in lines if line.startswith("  accuracy")]
    assert len(rows) == 3
    assert len(set(rows)) == 2  # the pool has more cases
    assert len({line.index(" %") for line in rows}) == 1
    assert len({line.index(">= 10%") for line in rows}) == 1


def test_a_wide_answer_is_cut_by_the_columns_it_takes():
    """A Chinese character is as wide as two others."""
    lines = texts(make_shown(make_records("m", output="\u9322" * 100)))

    got = next(line for line in lines if line.startswith("  got"))
    assert got == "  got      " + "\u9322" * 33 + "..."


@given(output=st.text(st.characters(exclude_categories=[])), case_id=st.text(min_size=1))
def test_no_line_holds_what_a_terminal_obeys(output, case_id):
    """Whatever ids and answers hold, each line is one printable line."""
    record = make_records("m", case_id=case_id, output=output, reason=output, input=output)

    for line in texts(make_shown(record, ["accuracy >= 90%"], verbosity=2)):
        assert len(line.splitlines()) <= 1
        assert "\x1b" not in line


@pytest.mark.parametrize("width", [20, 40, 120])
def test_failures_fit_the_terminal_they_are_shown_in(width):
    """A narrow terminal gets shorter lines."""
    records = make_records("m" * 3, output="word " * 100)
    records = [
        replace(record, case_id=f"{index}-" + "id-" * 60) for index, record in enumerate(records)
    ]

    shown = make_shown(records, width=width)

    failures = [line for line in texts(shown) if line.startswith(("missed", "  got", "  input"))]
    assert len(failures) == 9
    assert all(len(line) <= width for line in failures)


# The header


@pytest.mark.parametrize(
    ("known", "line"),
    [
        (
            {"model": "router:predict", "n_cases": 60, "concurrency": 16},
            "model eval: router:predict, 60 cases, 16 at once",
        ),
        (
            {"model": "openai:gpt-5-mini", "n_cases": 1, "concurrency": 1},
            "model eval: openai:gpt-5-mini, 1 case, one at a time",
        ),
        (
            {"model": None, "n_cases": None, "concurrency": 8},
            "model eval: model named by the suites, 8 at once",
        ),
        (
            {"model": "a:b", "n_cases": 60, "concurrency": 16, "n_workers": 2},
            "model eval: a:b, 60 cases, 16 at once over 2 workers",
        ),
        (
            {"model": "a:b", "n_cases": 60, "concurrency": 16, "n_workers": 1},
            "model eval: a:b, 60 cases, 16 at once over 1 worker",
        ),
    ],
)
def test_the_header_says_model_cases_and_concurrency(known, line):
    """What is asked, how often, and how many at once."""
    assert header(**known) == line


# Of many cases, and in any terminal


def test_one_error_of_many_cases_is_said_once():
    """With their number and a few ids; two that are alike stand by themselves."""
    records = make_records("e" * 37, reason="timeout: no answer within 60 s", output=None)
    records += [
        replace(record, case_id=f"other-{index}")
        for index, record in enumerate(make_records("ee", reason="quota", output=None))
    ]

    lines = texts(make_shown(records))

    at = lines.index("errored: 37 cases: timeout: no answer within 60 s")
    assert lines[at + 1] == "  c0, c1, c2, c3, c4 and 32 more; -v names them all"
    assert [line for line in lines if line.startswith("errored: other")] == [
        "errored: other-0",
        "errored: other-1",
    ]
    assert not any(line.startswith("... and") for line in lines)


def test_verbose_names_all_cases_of_an_error():
    """In lines that fit."""
    lines = texts(make_shown(make_records("e" * 37, reason="down", output=None), verbosity=1))

    named = " ".join(lines[1 : lines.index("")])
    assert all(f"c{number}" in named.replace(",", "").split() for number in range(37))
    assert max(map(len, lines)) <= 80


def test_a_long_warning_is_wrapped_and_said_once():
    """At the width, with the lines after the first indented."""
    trouble = ["a sentence of some words " * 6] * 2

    lines = [line.text for line in render(make_shown(make_records("p"), trouble=trouble))]

    at = next(index for index, line in enumerate(lines) if line.startswith("warning: "))
    assert all(len(line) <= 80 for line in lines)
    assert lines[at + 1].startswith("  ")
    assert sum(line.startswith("warning: ") for line in lines) == 1


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "ascii", "utf-8"])
def test_characters_that_a_terminal_lacks_are_escaped(encoding):
    """A Windows code page takes every line, and what it has stays as it is."""
    records = make_records("m", output="n\u00f6 \u2192 \u9322")

    lines = texts(make_shown(records, ["accuracy >= 90%"], encoding=encoding, verbosity=2))

    for line in lines:
        line.encode(encoding)
    got = next(line for line in lines if line.startswith("  got"))
    assert (
        got
        == {
            "cp1252": "  got      n\u00f6 \\u2192 \\u9322",
            "cp437": "  got      n\u00f6 \\u2192 \\u9322",
            "ascii": "  got      n\\xf6 \\u2192 \\u9322",
            "utf-8": "  got      n\u00f6 \u2192 \u9322",
        }[encoding]
    )


def test_records_that_are_not_there_are_not_named():
    """Where nothing was asked, there is no file."""
    shown = make_shown([], THREE, [Coverage(suite="tickets", n_total=6, n_selected=0)], folder="x")

    assert not any("records.jsonl" in line for line in texts(shown))


def test_clusters_are_said_since_they_widen_the_intervals():
    """Nothing is said of cases that belong to none."""
    records = make_records("pppm", cluster="a") + make_records("pp", case_id="x", cluster="b")
    records += make_records("m", case_id="alone")

    said = [line for line in texts(make_shown(records)) if "cluster" in line]

    assert said == ["  2 clusters and 1 case of none: cases of one count as related"]
    assert not any("cluster" in line for line in texts(make_shown(make_records("pm"))))
