"""Pages: the HTML report, in pieces as the template gives them.

Nothing in the file may act but its own script, which a content security policy names by its hash:
what models answered is text wherever it stands, and no address is ever asked for anything.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING

from pytest_modeleval.core.words import counted
from pytest_modeleval.reports.html.blocks import make_block
from pytest_modeleval.reports.html.charts import HEIGHT, WIDTH
from pytest_modeleval.reports.html.views import page_view
from pytest_modeleval.reports.texts import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_modeleval.reports.base import Report

__all__ = ["render"]


def render(report: Report) -> Iterator[str]:
    """The pieces of the file."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: _shown(value),
    )
    script, style = _own_file("script.js"), _own_file("style.css")
    block = make_block(
        report.records,
        report.comparisons,
        pasts=report.pasts,
        has_baseline=bool(report.comparisons),
        run_id=report.run_id,
        folder=report.folder,
    )
    note = None
    if block.n_cut:
        note = (
            f"{counted(block.n_cut, 'text')} of more than {block.max_characters:,} characters "
            f"{'is' if block.n_cut == 1 else 'are'} cut here; {report.folder}/records.jsonl has "
            "them whole."
        )
    template = environment.from_string(_own_file("page.html"))
    yield from template.generate(
        **page_view(report),
        style=Markup(style),  # noqa: S704  (our own files, and JSON in which < is escaped)
        script=Markup(script),  # noqa: S704
        policy=_policy(script, style),
        block=map(Markup, block),
        n_cases=len(block.rows),
        cut_note=note,
        width=WIDTH,
        height=HEIGHT,
    )


def _shown(value: object) -> object:
    """Texts with their control and direction characters escaped; markup of our own as it is."""
    return visible(value) if type(value) is str else value


def _own_file(name: str) -> str:
    """A file of this package, with the line ends that the hash of the policy counts."""
    text = files("pytest_modeleval.reports.html").joinpath(name).read_text(encoding="utf-8")
    return text.replace("\r\n", "\n")


def _policy(script: str, style: str) -> str:
    """Only this script and this style, and nothing from anywhere."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
