"""The HTML report: what stands in the file, whatever models answered."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from made_reports import HOSTILE, record, report

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.core.pasts import Appearance, Past, case_key
from pytest_modeleval.reports.html.blocks import embedded, make_block
from pytest_modeleval.reports.html.charts import histogram, interval_range, trend
from pytest_modeleval.reports.html.pages import render


class Page(HTMLParser):
    """The elements of a page, and what its scripts hold."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.scripts = []
        self.text = ""
        self._is_script = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._is_script = tag in ("script", "style")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag):
        self._is_script = False

    def handle_data(self, data):
        if self._is_script and self.elements[-1][0] == "script":
            self.scripts[-1] += data
        elif not self._is_script:
            self.text += data


def page(records, *thresholds, **known):
    return Page("".join(render(report(records, *thresholds, **known))))


def block(found):
    """The data of a page."""
    return json.loads(found.scripts[0])


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_are_data_wherever_they_stand(text):
    """The page has the same elements as one of harmless texts, and the block gives them back."""
    known = {
        "metadata": {"note": text},
        "reason": text,
        "scores": {"tone": {"value": 0.5, "reason": text}},
    }
    harmless = page(
        [
            record(
                outcome="missed",
                suite="s",
                model="m",
                tags=("t",),
                **known
                | {
                    "metadata": {"note": "x"},
                    "reason": "x",
                    "scores": {"tone": {"value": 0.5, "reason": "x"}},
                },
            )
        ],
        ["accuracy >= 0%"],
    )
    short = text[:200]
    hostile = page(
        [
            record(
                case_id=short,
                outcome="missed",
                suite=short,
                model=short,
                tags=(short,),
                input=text,
                expected=text,
                output=text,
                **known,
            )
        ],
        ["accuracy >= 0%"],
    )

    tags = [[tag for tag, _ in found.elements] for found in (hostile, harmless)]
    if len(text) > 100_000:
        tags[0].remove("p")  # that says how much is cut
    assert sorted(tags[0]) == sorted(tags[1])
    assert not [name for _, attrs in hostile.elements for name in attrs if name.startswith("on")]
    assert all(
        attrs["href"].startswith(("#", "data:,"))
        for _, attrs in hostile.elements
        if "href" in attrs
    )
    (case,) = block(hostile)["cases"]
    assert case[1] == short
    given = [case[2], case[4], case[6][0][3], case[6][0][4]]
    assert [item[0] if isinstance(item, list) else item for item in given] == [text[:100_000]] * 4
    assert len(hostile.scripts) == 2


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_names_are_shown_with_what_is_hidden_in_them(text):
    """Control and direction characters of names are escaped in what is written outright."""
    found = page([record(suite=text[:100], model=text[:100])])

    assert not re.search(
        "[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]", found.text
    )


def test_the_policy_names_the_only_script_and_style_by_their_hashes():
    """Whatever got into the page otherwise would not run, and nothing is asked for anywhere."""
    text = "".join(render(report([record()])))
    found = Page(text)
    (policy,) = [attrs["content"] for _, attrs in found.elements if "http-equiv" in attrs]
    style = re.search("<style>(.*?)</style>", text, re.DOTALL)[1]

    assert f"script-src '{digest(found.scripts[1])}'" in policy
    assert f"style-src '{digest(style)}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "://" not in re.sub(r"http://www\.w3\.org/\S+", "", text)


def digest(text):
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def test_the_decision_comes_first():
    """The verdict as the heading, the thresholds before anything else, the worst of them first."""
    found = page([record("c-1"), record("c-2", "missed")], ["avg_cost <= $1", "accuracy >= 90%"])
    text = " ".join(found.text.split())

    assert text.index("Not met") < text.index("Thresholds: 1 not met, 1 met.")
    assert text.index("accuracy >= 90%") < text.index("avg_cost <= $1")
    assert "50.0 %" in text
    assert "9.5 to 90.5 %" in text


def test_without_thresholds_nothing_is_called_met():
    """The run was measured and not judged."""
    text = page([record()], []).text

    assert "No thresholds" in text
    assert "no thresholds are set" in text


def test_a_question_that_two_models_were_asked_stands_there_once():
    """With the answers of both."""
    found = block(page([record(model="a:x"), record(model="a:y", outcome="missed", output="no")]))

    assert found["models"] == ["a:x", "a:y"]
    (case,) = found["cases"]
    assert [(a[0], found["outcomes"][a[2]], a[3]) for a in case[6]] == [
        (0, "passed", "yes"),
        (1, "missed", "no"),
    ]


def test_before_and_after():
    """What the baseline had to say of a case, and that it broke."""
    now = [record("c-1", "missed", output="no"), record("c-2")]
    comparisons = compare(numbers_of(now), numbers_of([record("c-1"), record("c-2")]))
    found = page(now, baseline="evals/baseline.jsonl", comparisons=comparisons)
    first, second = block(found)["cases"]

    assert first[7] == [[0, -1, 0, "yes", 0.2, 0.001]]
    assert second[7][0][1] == 0
    assert "1 broke" in found.text
    assert "100.0 % → 50.0 %: -50.0 points" in found.text


def test_texts_are_cut_where_all_would_be_too_much():
    """The longest first; how long they are is said, and where they stand whole."""
    records = [record(f"c-{index}", input="x" * 50_000, output="short") for index in range(10)]
    made = make_block(records, (), has_baseline=False, run_id="r", folder="f", max_bytes=60_000)
    found = json.loads("".join(made))

    assert made.n_cut == 10
    assert found["cases"][0][2] == ["x" * made.max_characters, 50_000]
    assert found["cases"][0][6][0][3] == "short"
    assert len("".join(made)) < 70_000
    assert "are cut here" not in page([record()]).text


def test_a_case_without_an_answer():
    """Unknown is null, never 0."""
    odd = record("c-1", "errored", output=None, latency_s=None, cost_usd=None, reason="timeout")
    (case,) = block(page([odd]))["cases"]

    assert case[6][0][3:7] == [None, "timeout", None, None]


def test_a_reason_that_only_repeats_the_answer_is_left_out():
    """As in the terminal."""
    (case,) = block(page([record(outcome="missed", output="no", reason="assert 'no' == 'yes'")]))[
        "cases"
    ]

    assert case[6][0][4] is None


def test_chat_messages_are_read_one_after_the_other():
    """And the table shows the last question."""
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]
    (case,) = block(page([record(input=messages)]))["cases"]

    assert case[2:4] == ["system: Be kind.\n\nuser: Hello?", "Hello?"]


def test_a_run_without_a_case():
    """An invalid run has a report that says why."""
    found = page([])

    assert "no case was selected while thresholds are configured" in page([]).text
    assert block(found)["cases"] == []


def test_the_history_has_no_times_of_a_replay():
    """They are those of the run whose answers it has; its accuracy is its own."""
    suite = {"suite": "tickets", "model": "a:b", "n": 1, "accuracy": 1.0, "p95_latency": 0.5}
    line = {"run_id": "r", "started": "2026-11-22T10:00:00", "is_whole": True, "verdict": "met"}
    lines = [{**line, "suites": [suite]}, {**line, "suites": [suite]}]
    lines.append({**line, "replayed_from": "r", "suites": [{**suite, "accuracy": 0.9}]})

    found = page([record()], history=lines)

    assert "accuracy over 3 runs" in str(found.elements)
    assert "p95 latency over 2 runs" in str(found.elements)
    assert "10:00, replayed: 90.0 %" in str(found.elements)
    assert "met, replayed" in found.text


def test_history_needs_two_runs():
    """Partial runs are no points of the trend."""
    line = {
        "started": "2026-01-01T10:00:00+00:00",
        "verdict": "met",
        "is_whole": True,
        "suites": [{"suite": "tickets", "model": "a:b", "n": 2, "accuracy": 0.5}],
    }
    partial = line | {"is_whole": False}

    assert "History" not in page([record()], history=[line]).text
    found = page([record()], history=[line, partial, line])
    assert "over 2 runs" in str(found.elements)
    assert found.text.count("partial") == 1


def test_the_block_can_stand_in_a_script_element():
    """Nothing in it ends the element, begins a comment or a line."""
    text = "<!--</script>&\u2028\u2029"

    assert not set(embedded(text)) & set("<>&\u2028\u2029")
    assert json.loads(embedded(text)) == text


def test_a_histogram_holds_every_value():
    """The bars are of the chart's height at most, and equal values are no distribution."""
    chart = histogram([0.1, 0.1, 0.2, 0.9], "seconds", [("p50", 0.15, "mark"), ("t", 50, "bound")])

    counts = [int(re.search(r": (\d+)", bar.text)[1]) for bar in chart.bars]
    assert sum(counts) == 4
    assert all(0 <= bar.x <= 320 and bar.y >= 0 for bar in chart.bars)
    assert [mark.text for mark in chart.marks] == ["p50"]
    assert histogram([0.1, 0.1], "seconds") is None
    assert histogram([], "seconds") is None


def test_latencies_of_different_magnitudes_have_a_logarithmic_axis():
    """With round numbers along it."""
    chart = histogram([0.001, 0.01, 0.1, 1.0, 10.0], "seconds")

    assert chart.is_log
    assert [tick.text for tick in chart.ticks] == ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]


def test_a_range_ends_where_the_axis_does():
    """An upper end that does not exist reaches to the edge."""
    metric = report([record()]).verdict.summaries[0].metric("accuracy")

    found = interval_range(metric, [0.9])
    assert (found.value, found.bounds) == (100.0, [90.0])


def test_a_trend_of_equal_numbers_stays_in_the_chart():
    """Also at the end of the scale."""
    chart = trend([(1.0, "a", False), (None, "b", False), (1.0, "c", True)], "rate")

    assert [fails for *_, fails in chart.points] == [False, True]
    assert all(0 <= y <= 96 for _, y, _, _ in chart.points)


def test_a_case_says_what_became_of_it_before():
    """For each model in words and run by run; the worst of its repeats is what it counts as."""
    now = Appearance(outcomes=("passed", "missed"), content_hash="h")
    right, wrong = (Appearance(outcomes=(word,), content_hash="h") for word in ("passed", "missed"))
    records = [record("c-1"), record("c-1", "missed", repeat=1), record("c-2")]
    pasts = {
        case_key(records[0]): Past(now=now, earlier=(right, wrong)),
        case_key(records[2]): Past(now=right),
    }

    made = make_block(records, (), pasts=pasts, has_baseline=False, run_id="r", folder="f")

    first, second = json.loads("".join(made))["cases"]
    assert first[9] == [[0, "flaky: missed at least once in 2 of the last 3 runs", ". m .m"]]
    assert second[9] == 0


def test_the_past_is_in_the_size():
    """10,000 cases that each have a past stay far below the bar of 15 MB."""
    past = Past(
        now=Appearance(outcomes=("missed",), content_hash="h"),
        earlier=(Appearance(outcomes=("passed",), content_hash="h"),) * 19,
    )
    one = record("c-1", "missed")

    with_past, without = (
        len("".join(make_block([one], (), pasts=pasts, has_baseline=False, run_id="r", folder="f")))
        for pasts in ({case_key(one): past}, {})
    )

    assert (with_past - without) * 10_000 < 1_500_000
