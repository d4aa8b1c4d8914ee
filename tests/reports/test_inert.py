"""What models say is no command, wherever a CI reads the log."""

import pytest

from pytest_modeleval.core.records import Record
from pytest_modeleval.reports.cases import whole_case
from pytest_modeleval.reports.failures import failure_text
from pytest_modeleval.reports.texts import inert


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::stop-commands::x", r"\x3a:stop-commands::x"),
        ("   ::error file=a.py::b", r"   \x3a:error file=a.py::b"),
        ("said ##[error]no", r"said \x23#[error]no"),
        ("a\n ::debug::b\n\n::c::", "a\n \\x3a:debug::b\n\n\\x3a:c::"),
        ("##vso[task.complete]x", r"\x23#vso[task.complete]x"),
        ("std::vector", "std::vector"),
        ("## [a](b)", "## [a](b)"),
    ],
)
def test_a_command_is_shown_with_its_first_character_escaped(text, shown):
    """GitHub obeys the one form at the beginning of a line, the other anywhere."""
    assert inert(text) == shown


def test_no_line_on_a_case_is_a_command():
    """Neither where pytest shows a failure nor in ``modeleval show --case``."""
    said = "a\n::stop-commands::x\n##[add-mask]met"
    record = Record(
        suite="s",
        case_id="c",
        outcome="missed",
        input=said,
        expected=said,
        output=said,
        reason=said,
    )
    lines = [*failure_text(record).split("\n"), *(line.text for line in whole_case(record))]

    assert any("stop-commands" in line for line in lines)
    assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
