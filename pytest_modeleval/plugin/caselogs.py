"""Case logs: what happened to one case while its test ran, and the objects that tests hold of it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.predictions import Failure, Prediction, Usage, total_cost
from pytest_modeleval.core.records import Outcome, Score
from pytest_modeleval.errors import Unscored
from pytest_modeleval.plugin.state import CASE_LOG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import NoReturn

    import pytest

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.plugin.askers import Asker

__all__ = ["CaseLog", "Measurement", "ModelEval", "SuiteModel", "log_of"]


@dataclass(slots=True)
class Measurement:
    """What ``with model_eval.measure() as m:`` measures; set what only the test knows.

    Attributes:
        latency_s: Seconds that the block took; set when it ends.
        cost_usd: US dollars that it cost; leave None where unknown.
        usage: Tokens that it used, as ``Usage``; None where unknown.
        output: The answer, for the record; None where the test does not say.
    """

    latency_s: float | None = None
    cost_usd: float | None = None
    usage: Usage | None = None
    output: Any = None


@dataclass(slots=True)
class CaseLog:
    """What happened to one case while its test ran.

    Attributes:
        answers: What the model said each time it was asked.
        fetched: What it said to the case itself, once the test has asked for it.
        measurements: What the test measured itself.
        scores: Scores that the test gave, by name.
        model_name: Name of the model, once it is known.
        is_in_body: The test's own body is running; a report made meanwhile is a subtest's.
        subtests: What the subtests that were not passed count as, and why.
        raised_inside_measure: The exception that left a measured block, which is the
            application's and no judgement of the test's.
    """

    answers: list[Prediction | Failure] = field(default_factory=list)
    fetched: Prediction | Failure | None = None
    measurements: list[Measurement] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)
    model_name: str | None = None
    is_in_body: bool = False
    subtests: list[tuple[Outcome, str]] = field(default_factory=list)
    raised_inside_measure: BaseException | None = None

    def answer(self) -> Prediction | Failure | None:
        """All that was asked and measured as one answer: times and costs add up."""
        failures = [answer for answer in self.answers if isinstance(answer, Failure)]
        if failures:
            return failures[-1]
        said = [answer for answer in self.answers if isinstance(answer, Prediction)]
        if not self.measurements:
            return said[0] if len(said) == 1 else _joined(said)
        return _joined([*said, *map(_measured, self.measurements)])


class SuiteModel:
    """The suite's model, as the fixture ``model`` hands it out: ask it and the case is measured.

    Attributes:
        name: Name of the model.
    """

    def __init__(self, asker: Asker, item: pytest.Item) -> None:
        self._asker = asker
        self._item = item
        self.name = asker.models.of_suite(item).name

    async def predict(self, model_input: Any) -> Prediction:
        """Ask from an async test, with the run's time-out, retries, limits and clocks.

        Raises:
            PredictionError: There is no answer.
        """
        import asyncio

        key, future = self._asker.ask(self._item, model_input)
        try:
            return self._asker.take(self._item, await asyncio.wrap_future(future))
        finally:
            self._asker.forget(key)

    def ask(self, model_input: Any) -> Prediction:
        """Ask from a test that is not async; otherwise the same as ``predict``.

        Raises:
            PredictionError: There is no answer.
        """
        key, future = self._asker.ask(self._item, model_input)
        try:
            return self._asker.take(self._item, self._asker.block_on(future))
        finally:
            self._asker.forget(key)


class ModelEval:
    """The fixture ``model_eval``: measures and scores what a test does itself.

    Attributes:
        case: The case of this test.
    """

    def __init__(self, case: Case, log: CaseLog) -> None:
        self.case = case
        self._log = log

    @contextmanager
    def measure(self) -> Iterator[Measurement]:
        """Take the time of a block, and its cost and usage as the block sets them.

        Several blocks of one test add up. An exception that leaves the block is an error of the
        application, never a wrong answer.
        """
        measurement = Measurement()
        started = time.perf_counter()
        try:
            yield measurement
        except BaseException as error:
            self._log.raised_inside_measure = error
            raise
        measurement.latency_s = time.perf_counter() - started
        _measured(measurement)  # refuses what is no amount, in the test that set it
        self._log.measurements.append(measurement)

    def score(
        self, name: str, value: float, *, reason: str | None = None, min_score: float | None = None
    ) -> None:
        """Note a score of the case's answer.

        Args:
            name: Name of the score, as in the metric ``score(NAME)``.
            value: A number in [0, 1].
            reason: Why, in words.
            min_score: Pass mark; an answer below it is missed. None only notes the score.

        Raises:
            ValueError: The value or the pass mark is not in [0, 1].
        """
        for label, number in (("value", value), ("min_score", min_score)):
            if (number is not None or label == "value") and not _is_rate(number):
                raise ValueError(f"score {name!r}: {label} is between 0 and 1, not {number!r}")
        self._log.scores[str(name)] = Score(
            name=str(name),
            value=float(value),
            reason=None if reason is None else clean_text(str(reason)),
            min_score=None if min_score is None else float(min_score),
        )

    def unscored(self, reason: str) -> NoReturn:
        """Stop the test: its answer could not be scored, which is neither right nor wrong."""
        raise Unscored(reason)


def log_of(item: pytest.Item) -> CaseLog:
    """What happened to the item's case so far."""
    return item.stash.setdefault(CASE_LOG, CaseLog())


def _is_rate(number: object) -> bool:
    """Whether it is a number in [0, 1]; numpy's numbers are numbers too."""
    try:
        return not isinstance(number, str | bytes) and 0 <= float(number) <= 1  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _measured(measurement: Measurement) -> Prediction:
    """A measured block as a prediction."""
    return Prediction(
        output=measurement.output,
        latency_s=measurement.latency_s,
        total_s=measurement.latency_s,
        cost_usd=measurement.cost_usd,
        usage=measurement.usage,
        cost_source=None if measurement.cost_usd is None else "reported",
    )


def _joined(parts: list[Prediction]) -> Prediction | None:
    """Several calls for one case as one answer: the last output, and the sums of the rest."""
    if not parts:
        return None
    outputs = [part.output for part in parts if part.output is not None]
    usages = [part.usage for part in parts if part.usage is not None]
    names = Usage.__slots__
    usage = Usage(**{name: sum(getattr(item, name) for item in usages) for name in names})
    return Prediction(
        output=outputs[-1] if outputs else None,
        latency_s=total_cost([part.latency_s for part in parts]),
        total_s=total_cost([part.total_s for part in parts]),
        cost_usd=total_cost([part.cost_usd for part in parts]),
        cost_source=parts[-1].cost_source,
        usage=usage if usages else None,
        model=parts[-1].model,
        n_attempts=sum(part.n_attempts for part in parts),
    )
