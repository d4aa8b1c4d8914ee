"""YAML items: a ``*.eval.yaml`` file as a collector, and each of its cases as an item.

The items are pytest's own barest kind: no function, no fixtures. All else that makes them evals is
in the stash and in the roles, as for cases of Python suites.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_modeleval.errors import UsageError
from pytest_modeleval.plugin.collect import EvalItem, add_suite, make_suite
from pytest_modeleval.plugin.extensions import added_cases
from pytest_modeleval.plugin.fixtures import runner_of
from pytest_modeleval.plugin.scorings import make_scorings
from pytest_modeleval.plugin.state import EVAL_ITEM, EVALS
from pytest_modeleval.suites.files import digest, shown_path
from pytest_modeleval.suites.yaml_suites import load_suite_cases, read_suite_file

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from pytest_modeleval.plugin.collect import Suite
    from pytest_modeleval.plugin.state import Evals

__all__ = ["CaseItem", "YamlSuite"]

_FIXTURES = ("case", "model", "prediction")
"""What a test of the same cases would ask for."""

_OURS = str(Path(__file__).parents[1])


class YamlSuite(pytest.File):
    """The file of a suite.

    Attributes:
        shown: Its path as pytest shows it.
        hooks: The hooks of plugins and of the conftests that it is below of.
    """

    shown: str
    hooks: Any

    def collect(self) -> Iterator[CaseItem]:
        """An item for each case, as often as it is asked.

        Raises:
            CollectError: The suite can't be used; the message begins with file and line.
        """
        self.add_marker("model_eval")
        self.shown, self.hooks = self.nodeid, self.ihook
        evals = self.config.stash[EVALS]
        try:
            suite, lines = load_yaml_suite(self, evals)
            add_suite(evals, suite)
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        for asking in suite.asks:
            name = _item_name(asking.id)
            eval_item = EvalItem(suite, asking, "", f"{self.nodeid}::{name}", _FIXTURES)
            yield CaseItem.from_parent(
                self, name=name, eval_item=eval_item, line=lines[asking.case.id]
            )


class CaseItem(pytest.Item):
    """One case to be asked once.

    Args:
        eval_item: What it is to us.
        line: The line that it comes from, from 1.
        named: What pytest's own items take.
    """

    parent: YamlSuite

    def __init__(self, *, eval_item: EvalItem, line: int, **named: Any) -> None:
        super().__init__(**named)
        self.stash[EVAL_ITEM] = eval_item
        self._line = line
        # pytest would find out for each item anew which file they all are in.
        vars(self)["location"] = (self.parent.shown, line - 1, self.name)

    @property
    def ihook(self) -> Any:
        """The hooks of its file, found once: pytest looks for them seven times for each item."""
        return self.parent.hooks

    def setup(self) -> None:
        """Fetch the answer, so that there being none is an error and no wrong answer."""
        runner_of(self.config).fetch()

    def runtest(self) -> None:
        """Score the answer; what the scores say is decided where the report is made."""
        runner_of(self.config).score()

    def repr_failure(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        style: Any = None,
    ) -> str:
        """An error of a scorer's, with those of its frames that are not ours."""
        del style
        frames = traceback.extract_tb(excinfo.value.__traceback__)
        first = next((i for i, frame in enumerate(frames) if _is_of_user(frame)), len(frames))
        shown = "".join(traceback.format_list(frames[first:]))
        return f"{shown}{excinfo.exconly()}"

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        """The line of the file that the case comes from."""
        return self.path, self._line - 1, self.name


def load_yaml_suite(file: pytest.File, evals: Evals) -> tuple[Suite, dict[str, int]]:
    """The suite of a file, with the line of each of its cases by id.

    Raises:
        UsageError: It can't be used.
    """
    root = file.config.rootpath
    shown = shown_path(file.path, file.path, root)
    read = read_suite_file(file.path, shown)
    folders = [file.path.parent, root]
    loaded = load_suite_cases(
        read,
        folders=folders,
        shown_from=root,
        source_of=lambda path: added_cases(file.config, path, folders),
    )
    scorers, rules = make_scorings(read, loaded.cases, folders, file.config)
    own_digits = digest([file.path])
    suite = make_suite(
        evals.settings,
        name=read.name or file.path.name.partition(".")[0],
        nodeid=file.nodeid,
        cases=loaded.cases,
        datasets=(*([(shown, own_digits)] if own_digits else []), *loaded.datasets),
        named_models=read.models or None,
        repeats=read.repeats,
        thresholds=read.thresholds,
        has_baseline=evals.has_baseline,
        system=read.system,
        parameters=read.parameters,
        model_where=read.place("model"),
        asked_where=read.place("parameters", "system", "model"),
        questions=loaded.questions,
        scorers=scorers,
        rules=rules,
    )
    return suite, dict(loaded.lines)


def _item_name(asking_id: str) -> str:
    """An id as a part of a node id, in which ``::`` outside of brackets separates parts."""
    return f"[{asking_id}]" if "::" in asking_id else asking_id


def _is_of_user(frame: traceback.FrameSummary) -> bool:
    """Whether a frame is neither of this package nor of pytest's machinery that calls it."""
    module_file = frame.filename
    return (
        not module_file.startswith(_OURS)
        and "_pytest" not in module_file
        and ("pluggy" not in module_file)
    )
