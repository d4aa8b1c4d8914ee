"""docs/: what the pages show is what happens, and the reference is made of the code."""

import importlib.util
import os
import re
from pathlib import Path

import doc_pages
import pytest

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
LIVE = sorted([DOCS / "tutorial.md", *(DOCS / "howto").glob("*.md")])
GUIDES = sorted((DOCS / "howto").glob("*.md"))

QUIET = (
    "hypothesispytest asyncio rerunfailures timeout anyio xdist split pytest_split cacheprovider"
)


@pytest.fixture(scope="module")
def shell():
    """A shell in which only what the pages say is set."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OPENAI_", "PYTEST_", "COV_", "GITHUB_", "CI"))
        and not name.endswith(("_KEY", "_TOKEN", "_SECRET", "_PASSWORD"))
    }
    quiet = " ".join(f"-p no:{name}" for name in QUIET.split())
    quiet += " -W ignore::pytest.PytestAssertRewriteWarning"  # of the process that is forked
    shell = doc_pages.Shell(environment | {"COLUMNS": "80", "PYTEST_ADDOPTS": quiet})
    yield shell
    shell.close()


@pytest.mark.parametrize("page", LIVE, ids=lambda page: page.stem)
def test_the_page_is_what_happens(page, shell, tmp_path):
    """Its files are written, its commands run, and they print what it shows."""
    for block in doc_pages.blocks_of(page):
        where = f"{page.name}:{block.line}"
        if block.file:
            doc_pages.check_parses(block.kind, block.text)
            file = tmp_path / block.file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block.text, encoding="utf-8")
        elif block.kind == "console" and not block.not_run:
            assert block.commands, f"{where}: a console without a command"
            for command, expected in block.commands:
                printed = shell.run(command, tmp_path)
                missing = doc_pages.first_difference(expected, printed.splitlines())
                assert missing is None, f"{where}: $ {command}\n{printed}\nnot there: {missing}"
        else:
            doc_pages.check_parses(block.kind, block.text)


def test_few_blocks_are_not_run():
    """Each says why."""
    left_out = [block.not_run for page in LIVE for block in doc_pages.blocks_of(page)]
    n_left_out = sum(reason is not None for reason in left_out)

    assert n_left_out <= len(left_out) / 8


@pytest.fixture(scope="module")
def reference():
    """The script that writes the reference."""
    path = DOCS / "make_reference.py"
    spec = importlib.util.spec_from_file_location("make_reference", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_says_what_the_code_says(reference):
    """After a change of options, hooks, fixtures, commands or files it is made anew."""
    written = {
        page.name: page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md")
    }

    assert written == reference.pages(), "run: python docs/make_reference.py"


def test_nothing_in_the_reference_is_without_a_word(reference):
    """An option, argument or field that nobody described is an empty cell."""
    for name, text in reference.pages().items():
        for row in re.findall(r"^\| `.*\|$", text, re.MULTILINE):
            if name != "files.md":  # the JSON report's keys are described in their schema
                assert not re.search(r"\|\s*\|", row), row


def test_every_page_is_in_the_navigation():
    """And the navigation names no other."""
    text = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = {str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")}

    assert set(re.findall(r'"([\w/]+\.md)"', text)) == pages | {"readme.md", "example.md"}


def test_a_guide_is_short():
    """At most a screen and a half of prose; what is to be copied doesn't count."""
    for page in GUIDES:
        text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
        assert sum(bool(line.strip()) for line in text.splitlines()) <= 75, page.name
