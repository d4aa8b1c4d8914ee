"""Case logs: what happened to one case while its test ran, and the objects that tests hold of it."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_modeleval.core.plain import clean_text
from pytest_modeleval.core.predictions import Failure, Prediction, Usage, total_cost
from pytest_modeleval.core.records import Outcome, Score
from pytest_modeleval.errors import Unscored
from pytest_modeleval.models.meters import Ledger, add_up, meter
from pytest_modeleval.models.prices import price_of
from pytest_modeleval.plugin.state import CASE_LOG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import NoReturn

    import pytest

    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.keys import AnswerKey
    from pytest_modeleval.models.meters import MeteredCall
    from pytest_modeleval.plugin.askers import Asker
    from pytest_modeleval.scorers.asks import ScoredAhead
    from pytest_modeleval.settings import Price

__all__ = ["CaseLog", "Measurement", "ModelEval", "SuiteModel", "log_of"]


_Client = TypeVar("_Client")


@dataclass(slots=True)
class Measurement:
    """What ``with model_eval.measure() as m:`` measures; set what only the test knows.

    Where it sets neither cost nor usage, those of the metered clients count that are asked
    inside the block.

    Attributes:
        latency_s: Seconds that the block took; set when it ends.
        cost_usd: US dollars that it cost; leave None where unknown.
        usage: Tokens that it used, as ``Usage``; None where unknown.
        output: The answer, for the record; None where the test does not say.
        model: Name of the model that used the tokens, as ``model_eval_prices`` has it.
    """

    latency_s: float | None = None
    cost_usd: float | None = None
    usage: Usage | None = None
    output: Any = None
    model: str | None = None
    _calls: Sequence[MeteredCall] = field(default=(), repr=False)


@dataclass(slots=True)
class CaseLog:
    """What happened to one case while its test ran.

    Attributes:
        answers: What the model said each time it was asked.
        fetched: What it said to the case itself, once the test has asked for it.
        n_asked: How often the test has asked the same itself.
        measurements: What the test measured itself.
        ledger: What metered clients were asked meanwhile.
        scores: Scores that the test and its suite's scorers gave, by name.
        scored: What the scorers that ask models said of the answer; None where none was asked.
        min_score: Mark that the weighted mean of the scores has to reach; None where each has its
            own.
        model_name: Name of the model, once it is known.
        is_in_body: The test's own body is running; a report made meanwhile is a subtest's.
        subtests: What the subtests that were not passed count as, and why.
        raised_elsewhere: The exception that left a measured block or a scorer, which is no
            judgement of the test's.
    """

    answers: list[Prediction | Failure] = field(default_factory=list)
    fetched: Prediction | Failure | None = None
    n_asked: Counter[AnswerKey] = field(default_factory=Counter)
    measurements: list[Measurement] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    scores: dict[str, Score] = field(default_factory=dict)
    scored: ScoredAhead | None = None
    min_score: float | None = None
    model_name: str | None = None
    is_in_body: bool = False
    subtests: list[tuple[Outcome, str]] = field(default_factory=list)
    raised_elsewhere: BaseException | None = None

    def answer(self, prices: Mapping[str, Price]) -> Prediction | Failure | None:
        """All that was asked and measured as one answer: times, tokens and costs add up.

        Args:
            prices: The user's price table.

        Raises:
            ValueError: A measurement was given what is no amount.
        """
        if len(self.answers) == 1 and not (self.measurements or self.ledger.calls):
            return self.answers[0]
        failures = [answer for answer in self.answers if isinstance(answer, Failure)]
        if failures:
            return failures[-1]
        said = [answer for answer in self.answers if isinstance(answer, Prediction)]
        measured = [_measured(measurement, prices) for measurement in self.measurements]
        parts = [*said, *measured]
        metered = add_up(self._calls_outside(), prices)
        answer = parts[0] if len(parts) == 1 else _joined(parts)
        if metered is None:
            return answer
        if answer is None:
            return metered
        whole = _joined([answer, metered])
        assert whole is not None
        return replace(
            answer,
            usage=whole.usage,
            cost_usd=whole.cost_usd,
            cost_source=whole.cost_source,
            unit_prices=None,
        )

    def own_costs(self, prices: Mapping[str, Price]) -> list[float | None]:
        """What the test spent itself: measured, metered, and on judges; the model's is not in it."""
        measured = [_measured(measurement, prices) for measurement in self.measurements]
        metered = [add_up(calls, prices) for calls in (self._calls_outside(), self._judges())]
        return [part.cost_usd for part in (*measured, *metered) if part is not None]

    def judge_cost(self, prices: Mapping[str, Price]) -> float | None:
        """What judging the answer cost; None where nobody judged, or the cost is unknown."""
        judged = add_up(self._judges(), prices) if self.ledger.calls else None
        costs = [] if judged is None else [judged.cost_usd]
        if self.scored is not None and self.scored.answers:
            costs.append(self.scored.cost_usd)
        return total_cost(costs)

    def _judges(self) -> list[MeteredCall]:
        return self.ledger.of(is_judge=True)

    def _calls_outside(self) -> list[MeteredCall]:
        """The metered calls that no measured block has counted."""
        return self.not_counted(self.ledger.calls)

    def not_counted(self, calls: Sequence[MeteredCall]) -> list[MeteredCall]:
        """Those of these calls that no measured block has counted, without judges'."""
        counted = {id(call) for block in self.measurements for call in block._calls}  # noqa: SLF001
        return [
            call
            for call in calls
            if call.is_billed and not call.is_judge and id(call) not in counted
        ]


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
            return self._asker.take(log_of(self._item), await asyncio.wrap_future(future))
        finally:
            self._asker.forget(key)

    def ask(self, model_input: Any) -> Prediction:
        """Ask from a test that is not async; otherwise the same as ``predict``.

        Raises:
            PredictionError: There is no answer.
        """
        key, future = self._asker.ask(self._item, model_input)
        try:
            return self._asker.take(log_of(self._item), self._asker.block_on(future))
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
        log = self._log
        n_before = len(log.ledger.calls)
        started = time.perf_counter()
        try:
            yield measurement
        except BaseException as error:
            self._log.raised_elsewhere = error
            raise
        measurement.latency_s = time.perf_counter() - started
        measurement._calls = log.not_counted(log.ledger.calls[n_before:])  # noqa: SLF001
        self._log.measurements.append(measurement)
        _measured(measurement, {})  # refuses what is no amount, in the test that set it

    def meter(self, client: _Client, *, judge: bool = False) -> _Client:
        """Count the calls of a client of the openai SDK, and give the client back.

        What it is asked by this test, and whatever the test calls, is entered for this case:
        tokens and cost, without anything being returned. See ``pytest_modeleval.meter``.

        Args:
            client: An ``OpenAI`` or ``AsyncOpenAI``.
            judge: It judges answers: what it costs is kept apart.

        Raises:
            UsageError: It is no such client.
        """
        return meter(client, judge=judge)

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
    log = item.stash.get(CASE_LOG, None)
    if log is None:
        log = item.stash[CASE_LOG] = CaseLog()
    return log


def _is_rate(number: object) -> bool:
    """Whether it is a number in [0, 1]; numpy's numbers are numbers too."""
    try:
        return not isinstance(number, str | bytes) and 0 <= float(number) <= 1  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _measured(measurement: Measurement, prices: Mapping[str, Price]) -> Prediction:
    """A measured block as a prediction.

    Raises:
        ValueError: It was given what is no amount.
    """
    measured = Prediction(
        output=measurement.output,
        latency_s=measurement.latency_s,
        total_s=measurement.latency_s,
        cost_usd=measurement.cost_usd,
        usage=measurement.usage,
        model=measurement.model,
    )
    if measurement.cost_usd is None and measurement.usage is None:
        metered = add_up(measurement._calls, prices)  # noqa: SLF001
        if metered is not None:
            return replace(
                metered,
                output=measurement.output,
                latency_s=measurement.latency_s,
                total_s=measurement.latency_s,
            )
    cost = price_of(measured, asked_model=measurement.model or "", prices=prices)
    return replace(
        measured, cost_usd=cost.usd, cost_source=cost.source, unit_prices=cost.unit_prices
    )


def _joined(parts: list[Prediction]) -> Prediction | None:
    """Several calls for one case as one answer: the last output, and the sums of the rest."""
    if not parts:
        return None
    outputs = [part.output for part in parts if part.output is not None]
    usages = [part.usage for part in parts if part.usage is not None]
    sources = [part.cost_source for part in parts]
    runs = [part.measured_in for part in parts]
    calls = [call for part in parts for call in part.tool_calls or ()]
    names = Usage.__slots__
    usage = Usage(**{name: sum(getattr(item, name) for item in usages) for name in names})
    return Prediction(
        output=outputs[-1] if outputs else None,
        latency_s=total_cost([part.latency_s for part in parts]),
        total_s=total_cost([part.total_s for part in parts]),
        cost_usd=total_cost([part.cost_usd for part in parts]),
        cost_source="+".join(dict.fromkeys(filter(None, sources))) or None,
        usage=usage if usages else None,
        model=parts[-1].model,
        tool_calls=tuple(calls) or None,
        n_attempts=sum(part.n_attempts for part in parts),
        measured_in="+".join(dict.fromkeys(filter(None, runs))) or None,
    )
