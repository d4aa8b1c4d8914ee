"""Replays: ``--model-eval-replay`` and ``--model-eval-resume``, and what goes on of an earlier run.

The process that judges reads the earlier run, and xdist's workers get its answers from there,
since they may see no file of it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.keys import AnswerKey, hash_of
from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.core.words import listed
from pytest_modeleval.engine.replay import StoredAnswers
from pytest_modeleval.errors import PredictionError, UsageError
from pytest_modeleval.plugin.manifests import checkout
from pytest_modeleval.plugin.outcomes import is_sure_to_skip
from pytest_modeleval.plugin.state import EVAL_ITEM
from pytest_modeleval.plugin.suite_models import overriding
from pytest_modeleval.store.lineages import find_unfinished
from pytest_modeleval.store.predictions import answer_of, line_of, read_predictions
from pytest_modeleval.store.runs import find_run, load_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pytest

    from pytest_modeleval.plugin.state import Evals

__all__ = ["find_answers", "handed_over", "key_of", "refuse_unreplayable", "taken_over"]

_REPLAY, _RESUME = "--model-eval-replay", "--model-eval-resume"


def find_answers(config: pytest.Config, evals: Evals) -> StoredAnswers | None:
    """The answers of the run that this one replays or resumes; None where it does neither.

    Lines of it that are damaged, and code that is another one by now, are noted as trouble.

    Raises:
        UsageError: There is no such run, it holds nothing to replay, or has nothing to resume.
    """
    replayed, resumed = config.getoption(_REPLAY), config.getoption(_RESUME)
    if replayed is None and resumed is None:
        return None
    if replayed is not None and resumed is not None:
        raise UsageError(
            f"{_REPLAY} asks nothing, and {_RESUME} asks what is missing; give one of them"
        )
    is_replay = replayed is not None
    where, name = (_REPLAY, replayed) if is_replay else (_RESUME, resumed)
    try:
        return _read(config, evals, None if name is True else name, is_replay=is_replay)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None


def key_of(
    item: pytest.Item, model_name: str, *, model_input: Any = None, call: int = 0
) -> AnswerKey:
    """What the answer to an item is found by, or that to a call of its test's own.

    Args:
        item: The item.
        model_name: Name of the model.
        model_input: What the test asks itself; the case's input where ``call`` is 0.
        call: The how-manieth time that it asks this, from 1.
    """
    eval_item = item.stash[EVAL_ITEM]
    return AnswerKey(
        suite=eval_item.suite.name,
        variant=eval_item.variant,
        case_id=eval_item.case.id,
        repeat=eval_item.asking.repeat,
        model=model_name,
        input_hash=hash_of(model_input if call else eval_item.question),
        parameters_hash=eval_item.suite.parameters_hash,
        call=call,
    )


def refuse_unreplayable(item: pytest.Item) -> None:
    """Keep a test from running whose answers a replay can't put in place of those it would get.

    Raises:
        PredictionError: It asks by code of its own.
    """
    names = item.stash[EVAL_ITEM].fixtures
    asks_us = "model" in names and overriding(item) is None
    if "prediction" in names and overriding(item, "prediction") is None:
        asks_us = True
    if not asks_us and not is_sure_to_skip(item):
        message = (
            "this test asks for no prediction, but runs code of its own, which can't be replayed; "
            "run it without --model-eval-replay"
        )
        raise PredictionError(Failure(kind="not_replayed", message=message, n_attempts=0))


def handed_over(stored: StoredAnswers | None) -> dict[str, Any] | None:
    """The answers as the plain data that a worker is handed."""
    if stored is None:
        return None
    return {
        "run_id": stored.run_id,
        "is_replay": stored.is_replay,
        "answers": [line_of(key, answer) for key, answer in stored.answers.items()],
    }


def taken_over(handed: Mapping[str, Any] | None) -> StoredAnswers | None:
    """The answers that ``handed_over`` made plain data of."""
    if handed is None:
        return None
    answers = dict(map(answer_of, handed["answers"]))
    return StoredAnswers(handed["run_id"], answers, is_replay=handed["is_replay"])


def _read(
    config: pytest.Config, evals: Evals, name: str | None, *, is_replay: bool
) -> StoredAnswers:
    """The answers of the run of that name."""
    store = evals.folder.parent.parent
    if name is not None and not name.strip():
        raise UsageError(f"no run is named; the folders in {store / 'runs'} are the runs")
    if name is not None and Path(name).exists() and not (Path(name) / "run.json").is_file():
        raise UsageError(
            f"{name!r} is no folder of a run; write the run behind =, as in "
            f"{_REPLAY if is_replay else _RESUME}=20260102-030405-1a2b"
        )
    folder = find_run(store, name) if is_replay else find_unfinished(store, name)
    manifest = load_run(folder).manifest
    run_id = str(manifest.get("run_id", folder.name))
    damaged: list[str] = []
    found = read_predictions(folder, trouble=damaged)
    if damaged:
        more = f" (and {len(damaged) - 1} more such lines)" if len(damaged) > 1 else ""
        evals.trouble.append(damaged[0] + more)
    if is_replay and not found:
        raise UsageError(f"run {run_id} holds no answer that could be replayed")
    before, now = manifest.get("git_commit"), checkout(config.rootpath)["git_commit"]
    if not is_replay and before is not None and before != now:
        evals.trouble.append(
            f"the answers that are kept of run {run_id} were given at commit {before[:7]}, and "
            f"{str(now)[:7]} is checked out"
        )
    answers: dict[AnswerKey, Prediction | Failure] = {
        key: replace(answer, measured_in=answer.measured_in or run_id)
        for key, answer in found.items()
        if is_replay or isinstance(answer, Prediction)  # what failed is asked again
    }
    if not is_replay:
        _check_models(run_id, manifest.get("models", ()), evals.settings.models)
    return StoredAnswers(run_id, answers, is_replay=is_replay)


def _check_models(run_id: str, then: Sequence[str], now: Sequence[str]) -> None:
    """Refuse to go on with a run of other models: all that it has paid for would be asked anew.

    Raises:
        UsageError: They have no model in common.
    """
    if then and not set(then) & set(now):
        asked, asks = listed(list(then)), listed(list(now)) or "no model by name"
        raise UsageError(
            f"run {run_id} asked {asked}, and this one asks {asks}, so that none of its answers "
            f"could be kept; add --model-eval-model={then[0]}, or leave {_RESUME} out"
        )
