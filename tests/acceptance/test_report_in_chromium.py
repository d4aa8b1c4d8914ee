"""The HTML report opened in a browser: what runs, what is asked for, and what a reader can do."""

import os
import re
import shutil
from pathlib import Path

import pytest

from pytest_modeleval.core.comparisons import compare, numbers_of
from pytest_modeleval.core.gates import judge
from pytest_modeleval.core.judgements import Coverage
from pytest_modeleval.core.pasts import Appearance, Past
from pytest_modeleval.core.records import Record
from pytest_modeleval.core.thresholds import parse_threshold
from pytest_modeleval.reports.base import Report
from pytest_modeleval.reports.files import write_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed here")

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
HOSTILE = (
    "<script>window.hacked = 1</script>",
    "</script><script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "javascript:window.hacked=1",
    "\x1b[31mred\x1b[0m",
    "abc\u202edef",
    "a\x00b",
    "👩‍👩‍👧",
    "a\u2028b",
    "x" * 1_000_000,
)


@pytest.fixture(scope="module")
def browser():
    """One Chromium for all tests of this file."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*OPTIONS])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, tmp_path):
    """Opens a report of these records; at the end nothing may have complained or asked."""
    contexts, complaints = [], []

    def open_it(records, *, fragment="", width=1280, scheme="light", **known):
        path = tmp_path / "report.html"
        write_report(report(records, **known), path)
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", lambda said: complaints.append(said.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: note_request(request.url, path))
        page.goto(path.as_uri() + fragment)
        return page

    def note_request(url, path):
        if not url.startswith((path.as_uri(), "data:")):
            complaints.append(f"asks for {url}")

    open_it.complaints = complaints
    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []


def record(case_id, outcome="passed", **known):
    fields = {"suite": "tickets", "model": "app:a", "input": f"question {case_id}"}
    fields |= {"expected": "yes", "output": "yes" if outcome == "passed" else "no"}
    fields |= {"latency_s": 0.2, "cost_usd": 0.001, "tags": ("short",)}
    return Record(case_id=case_id, outcome=outcome, **(fields | known))


def report(records, before=None, pasts=()):
    places = dict.fromkeys((item.suite, item.variant) for item in records)
    counts = {place: sum((r.suite, r.variant) == place for r in records) for place in places}
    comparisons = compare(numbers_of(records), numbers_of(before)) if before else ()
    verdict = judge(
        records,
        [
            Coverage(suite=suite, variant=variant, n_total=n, n_selected=n)
            for (suite, variant), n in counts.items()
        ],
        [parse_threshold("accuracy >= 90%"), parse_threshold("p95_latency <= 1s")],
    )
    line = {"started": "2026-01-01T10:00", "verdict": "met", "is_whole": True, "run_id": "r-0"}
    suites = [{"suite": "tickets", "model": "app:a", "n": 3, "accuracy": 0.9, "p95_latency": 0.1}]
    return Report(
        run_id="r-1",
        verdict=verdict,
        records=records,
        manifest={"started": "2026-01-02T10:00:00+00:00", "command": ["--model-eval"]},
        history=[line | {"suites": suites}, line | {"run_id": "r-1", "suites": suites}],
        baseline="evals/baseline.jsonl" if before else None,
        comparisons=comparisons,
        pasts=dict(pasts),
        folder=".modeleval/runs/r-1",
    )


MIXED = [
    record("fine"),
    record("slow", latency_s=3.0, tags=("long",)),
    record("wrong", "missed", expected="send it to billing today", output="send it to sales today"),
    record("down", "errored", output=None, reason="timeout: no answer", latency_s=60.0),
    record("odd id/ü?&=#", scores={"tone": {"value": 0.25, "reason": "curt"}}),
]


def ids(page):
    """The cases that are seen, in their order."""
    return page.locator("tr.row button.id").all_inner_texts()


def wait_for_rows(page, n):
    """Until so many cases are seen; the table follows a moment after what is typed."""
    page.wait_for_selector(f"tbody tr.row:nth-child({n}):last-child")


def test_the_worst_cases_come_first(open_page):
    """The verdict is the heading, and errors come before misses."""
    page = open_page(MIXED)

    assert page.locator("h1").inner_text() == "Not met"
    assert ids(page)[:2] == ["down", "wrong"]
    assert page.get_by_role("status").inner_text() == "5 cases"


def test_nothing_of_a_model_runs(open_page):
    """Everything is there to be read."""
    records = [
        record(
            text[:60],
            "missed",
            input=text,
            expected=text,
            output=text,
            reason=text,
            tags=(text[:60],),
            scores={text[:30]: {"value": 0.5, "reason": text}},
        )
        for text in HOSTILE
    ]
    page = open_page(records)

    for index in range(len(HOSTILE)):
        button = page.locator("tr.row button.id").nth(index)
        button.click()
        assert page.locator("tr.detail .text").first.inner_text()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img, iframe, object").count() == 0
    assert page.locator("script").count() == 2
    seen = " ".join(ids(page))
    assert r"\x1b[31mred\x1b[0m" in seen
    assert r"abc\u202edef" in seen
    assert r"a\x00b" in seen


def test_a_script_that_got_in_would_not_run(open_page):
    """The policy is in force, and is what stops it."""
    page = open_page(MIXED)
    blocked = page.evaluate(
        """() => new Promise((done) => {
            addEventListener("securitypolicyviolation", (event) => done(event.effectiveDirective));
            const script = document.createElement("script");
            script.textContent = "window.hacked = 1";
            document.body.append(script);
        })"""
    )

    assert blocked == "script-src-elem"
    assert page.evaluate("window.hacked") is None
    (said,) = open_page.complaints
    assert "violates the following Content Security Policy directive" in said
    open_page.complaints.clear()


def test_filters_by_outcome_tag_and_text(open_page):
    """Each says how many cases are left, and the address says what was filtered."""
    page = open_page(MIXED)

    page.get_by_role("button", name="not passed 2").click()
    assert ids(page) == ["down", "wrong"]
    assert page.get_by_role("status").inner_text() == "2 of 5 cases"
    page.get_by_role("button", name="all 5").click()
    page.get_by_label("tag", exact=True).select_option("long")
    assert ids(page) == ["slow"]
    assert page.url.endswith("#tag=long")
    page.get_by_label("tag", exact=True).select_option("")
    page.get_by_label("search").fill("SALES today")
    wait_for_rows(page, 1)
    assert ids(page) == ["wrong"]
    page.get_by_label("search").fill("there is no such thing")
    page.get_by_role("button", name="Show all").click()
    assert len(ids(page)) == 5


def test_sorts(open_page):
    """Numbers from the highest on, and the other way round."""
    page = open_page(MIXED)

    page.get_by_role("button", name="latency").click()
    assert ids(page)[:2] == ["down", "slow"]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"
    page.get_by_role("button", name="latency").click()
    assert ids(page)[-1] == "down"


def test_a_case_opens_by_mouse_and_by_keyboard(open_page):
    """With the words that differ, not by colour alone."""
    page = open_page(MIXED)

    page.get_by_role("button", name="wrong").click()
    detail = page.locator("tr.detail")
    assert detail.locator("del").text_content() == "missing: billing"
    assert detail.locator("ins").text_content() == "added: sales"
    page.locator("button.id").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    opened = page.locator("button.id[aria-expanded=true]")
    assert opened.inner_text() == ids(page)[2]
    page.keyboard.press("Enter")
    assert page.locator("tr.detail").count() == 0
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"


def test_a_case_shows_its_past(open_page):
    """In the words of the terminal, and run by run."""
    right, wrong = (Appearance(outcomes=(word,), content_hash="") for word in ("passed", "missed"))
    pasts = {("tickets", "", "app:a", "wrong"): Past(now=wrong, earlier=(right, right))}

    page = open_page(MIXED, pasts=pasts, fragment="#case=wrong")

    page.wait_for_selector(".past")
    assert page.locator(".past").inner_text() == "missed for the first time in 3 runs"
    assert ". . m" in page.locator(".past + p").inner_text()


def test_a_deep_link_opens_its_case(open_page):
    """Also the one that the page itself makes, and when the address changes."""
    page = open_page(MIXED, fragment="#case=wrong")

    assert page.locator("tr.row.open button.id").inner_text() == "wrong"
    page.get_by_role("button", name="odd id").click()
    link = page.get_by_role("link", name="link to this case").get_attribute("href")
    other = page.context.new_page()
    other.goto(page.url.partition("#")[0] + link)
    assert other.locator("tr.row.open button.id").inner_text() == "odd id/ü?&=#"
    other.evaluate("location.hash = 'case=down'")
    other.wait_for_selector("tr.row.open button.id >> text=down")


def test_links_of_the_numbers_filter_the_table(open_page):
    """From a count, and from a tag."""
    page = open_page(MIXED)

    page.get_by_role("link", name="1 missed").click()
    wait_for_rows(page, 1)
    assert ids(page) == ["wrong"]
    page.get_by_role("link", name="long", exact=True).click()
    page.wait_for_selector("tr.row:first-child button.id >> text=slow")


def test_two_models_stand_side_by_side(open_page):
    """And one of them alone where it is chosen."""
    other = [record(item.case_id, model="app:b", expected=item.expected) for item in MIXED]
    page = open_page([*MIXED, *other])

    heads = page.locator(".cases thead th").all_inner_texts()
    assert heads[-2:] == ["app:a", "app:b"]
    page.get_by_role("button", name="models differ 2").click()
    assert ids(page) == ["down", "wrong"]
    page.get_by_role("button", name="wrong").click()
    assert page.locator(".answer").count() == 2
    page.get_by_label("model", exact=True).select_option("app:b")
    assert page.locator(".cases thead th").all_inner_texts()[-1] == "cost"


def test_before_and_after(open_page):
    """What broke since the baseline, with its answer."""
    page = open_page(MIXED, before=[record("fine"), record("wrong", expected=MIXED[2].expected)])

    page.get_by_role("link", name="1 broke").click()
    wait_for_rows(page, 1)
    assert "was yes" in page.locator("tr.row").inner_text()


def test_light_and_dark(open_page):
    """As the system has it, until the button says otherwise."""
    page = open_page(MIXED, scheme="dark")

    def is_dark():
        color = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(map(int, re.findall(r"\d+", color)[:3])) < 3 * 128

    assert is_dark()
    button = page.locator("#theme")
    button.click()
    assert button.inner_text() == "Theme: light"
    assert not is_dark()
    page.reload()
    assert not is_dark()
    button.click()
    assert is_dark()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_is_as_wide_as_the_window(open_page, tmp_path, width):
    """Also with a case open; a folder named by MODELEVAL_SCREENSHOTS gets a picture."""
    page = open_page(MIXED, fragment="#case=wrong", width=width)

    assert page.evaluate("document.documentElement.scrollWidth") == width
    folder = Path(os.environ.get("MODELEVAL_SCREENSHOTS", tmp_path))
    page.screenshot(path=folder / f"report-{width}.png", full_page=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(open_page, width, scheme):
    """With a case open, everything unfolded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    before = [record("fine"), record("wrong", expected=MIXED[2].expected)]
    page = open_page(MIXED, before=before, fragment="#case=wrong", width=width, scheme=scheme)
    page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")

    results = axe.Axe().run(page)

    assert results.violations_count == 0, results.generate_report()


def test_printed_all_is_unfolded(open_page):
    """Filters and buttons stay on the screen."""
    page = open_page(MIXED)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    assert page.locator("details:not([open])").count() == 0
    assert not page.locator(".filters").is_visible()
    assert page.locator("tr.row").first.is_visible()


def test_ten_thousand_cases_are_drawn_a_hundred_at_a_time(open_page):
    """With all of them found by filters and links."""
    records = [
        record(f"c-{index}", "passed" if index % 10 else "missed") for index in range(10_000)
    ]
    page = open_page(records)

    assert page.get_by_role("status").inner_text() == "10,000 cases"
    assert len(ids(page)) == 100
    page.get_by_role("button", name="Next").click()
    assert ids(page)[0] == "c-1000"
    page.evaluate("location.hash = 'case=c-9999'")
    page.wait_for_selector("tr.row.open button.id >> text=c-9999")
