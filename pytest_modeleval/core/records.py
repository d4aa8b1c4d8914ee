"""Records: a case, what came of asking it, and its outcome; one line of the journal each."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Literal

from pytest_modeleval.core.cases import content_hash
from pytest_modeleval.core.predictions import Failure, Prediction, Usage
from pytest_modeleval.core.scores import weighted_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pytest_modeleval.core.cases import Case

__all__ = [
    "FORMAT_VERSION",
    "Outcome",
    "Record",
    "Score",
    "answer_from_dict",
    "answer_to_dict",
    "make_record",
]

FORMAT_VERSION = 1
"""Version of every file this package writes; a newer one is refused with a sentence."""

Outcome = Literal["passed", "missed", "errored", "unscored", "skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What one scorer thinks of one answer.

    Attributes:
        name: The scorer's name.
        value: A number in [0, 1].
        reason: Why, in words; None where the scorer gives none.
        min_score: The pass mark that the value was held against; None where it was only noted.
        weight: Its share of the case's score beside other scores.
        version: What the value depends on beside the scorer's name; values of different versions
            are not compared.
        judged_by: Names of the models that judged, with a comma between; None for no judge.
        keeps_answer: The answer is compared with later ones, so that a baseline keeps it whole.
    """

    name: str
    value: float
    reason: str | None = None
    min_score: float | None = None
    weight: float = 1.0
    version: str = ""
    judged_by: str | None = None
    keeps_answer: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One case of one suite, asked of one model once, and what came of it.

    All values are plain data, so a record crosses processes and becomes a JSON line as it is.

    Attributes:
        suite: Name of the suite.
        variant: Id of the suite's other parameters, "" where it has none.
        model: Name of the model that was asked; None where it never came to that.
        case_id: The case's id.
        nodeid: pytest's name of the item; "" outside pytest.
        repeat: Index of the repeat, from 0.
        outcome: What the case counts as.
        input: The question.
        expected: What was expected.
        output: The answer; None where there is none.
        reason: Why the outcome is not ``passed``; None where it is.
        error_kind: For an errored case the kind of failure, ``raised`` for the test's own errors.
        latency_s: Seconds of the successful attempt, or the time-out's; None where not measured.
        total_s: Seconds with failed attempts and back-off; None where not measured.
        queue_s: Seconds before the first attempt; None where not measured.
        ttft_s: Seconds to the first piece of a streamed answer; None where not streamed.
        n_attempts: Attempts made.
        cost_usd: US dollars, or None where unknown.
        cost_source: Where the cost comes from.
        unit_prices: The prices it was reckoned with, in US dollars per million tokens, or None.
        judge_cost_usd: US dollars that judging the answer cost, which ``cost_usd`` leaves out.
        usage: Tokens by name, or None.
        served_model: Name of the model that the server says it used.
        service_tier: The tier it was served at, where the server says so.
        finish_reason: Why the model stopped, where it says so.
        measured_in: Id of the earlier run that answer, clocks and cost are of, where that one was
            replayed or resumed; several, joined by ``+``, where the test asked several times.
        tool_calls: The calls that the model asked for.
        scores: Scores by the name of the scorer.
        tags: The case's tags.
        cluster: The case's cluster.
        content_hash: Hash of question and expectation; a changed case is not compared.
        metadata: Every other column of the dataset.
        source: ``file:line`` of the case.
    """

    suite: str
    case_id: str
    outcome: Outcome
    variant: str = ""
    model: str | None = None
    nodeid: str = ""
    repeat: int = 0
    input: Any = None
    expected: Any = None
    output: Any = None
    reason: str | None = None
    error_kind: str | None = None
    latency_s: float | None = None
    total_s: float | None = None
    queue_s: float | None = None
    ttft_s: float | None = None
    n_attempts: int | None = None
    cost_usd: float | None = None
    cost_source: str | None = None
    unit_prices: Mapping[str, float] | None = None
    judge_cost_usd: float | None = None
    usage: Mapping[str, int] | None = None
    served_model: str | None = None
    service_tier: str | None = None
    finish_reason: str | None = None
    measured_in: str | None = None
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    scores: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    cluster: str | None = None
    content_hash: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    source: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The record as plain data: the format's version, then the fields that say anything."""
        values = zip(_FIELDS, _values_of(self), strict=True)
        return {"format_version": FORMAT_VERSION} | {
            name: value
            for name, value in values
            if value is not None and (name in _PAYLOAD or value or value not in _SAYS_NOTHING)
        }

    @property
    def score(self) -> float:
        """The weighted mean of its scores; 1 for passed and 0 for not where it has none.

        An errored case has 0, whatever it had been given before.
        """
        if self.outcome == "errored":
            return 0.0
        scores = self.scores.values()
        mean = weighted_mean([(float(s["value"]), float(s.get("weight", 1))) for s in scores])
        return float(self.outcome == "passed") if mean is None else mean

    @property
    def is_settled(self) -> bool:
        """Whether no one can change what is in it: a test may change a list that it was given."""
        values = (self.input, self.expected, self.output, *self.metadata.values())
        return not self.tool_calls and all(type(value) in _SCALARS for value in values)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """The record that ``to_dict`` wrote; fields of later versions are passed over."""
        known = {name: data[name] for name in _FIELDS if name in data}
        for name in ("tags", "tool_calls"):
            known[name] = tuple(known.get(name, ()))
        return cls(**known)


_FIELDS = tuple(item.name for item in fields(Record))
_values_of = attrgetter(*_FIELDS)
_SCALARS = frozenset({str, int, float, bool, type(None)})
_PAYLOAD = frozenset({"input", "expected", "output"})
_SAYS_NOTHING: tuple[object, ...] = ("", (), [], {})


def make_record(
    case: Case,
    *,
    suite: str,
    outcome: Outcome,
    answer: Prediction | Failure | None = None,
    scores: Iterable[Score] = (),
    **known: Any,
) -> Record:
    """The record of one case: what was asked, what came of it, and what it counts as.

    Args:
        case: The case that was asked.
        suite: Name of its suite.
        outcome: What it counts as.
        answer: What the model said, or why it said nothing; None where it was not asked.
        scores: What the scorers thought of the answer.
        known: Any other field of ``Record`` that the caller knows.
    """
    fields_of_answer = answer_to_dict(answer)
    served_model = fields_of_answer.pop("model", None)
    error_kind = fields_of_answer.pop("kind", None)
    message = fields_of_answer.pop("message", None)
    if outcome == "errored" and isinstance(answer, Failure):
        known = {"error_kind": error_kind, "reason": message} | known
    return Record(
        case_id=case.id,
        suite=suite,
        outcome=outcome,
        input=case.input,
        expected=case.expected,
        tags=case.tags,
        cluster=case.cluster,
        content_hash=content_hash(case.input, case.expected),
        metadata=dict(case.metadata),
        source=case.source,
        served_model=served_model,
        scores={score.name: _score_to_dict(score) for score in scores},
        **(fields_of_answer | known),
    )


_ANSWERS: dict[type, tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]] = {
    kind: (tuple(kind.__slots__), attrgetter(*kind.__slots__)) for kind in (Prediction, Failure)
}


def answer_to_dict(answer: Prediction | Failure | None) -> dict[str, Any]:
    """A prediction or a failure as plain data, without what is unknown."""
    if answer is None:
        return {}
    names, values_of = _ANSWERS[type(answer)]
    values = zip(names, values_of(answer), strict=True)
    data = {name: value for name, value in values if value is not None}
    if "usage" in data:
        data["usage"] = {name: getattr(data["usage"], name) for name in Usage.__slots__}
    return data


def answer_from_dict(data: Mapping[str, Any], *, is_failure: bool) -> Prediction | Failure:
    """The answer that ``answer_to_dict`` gave; fields of later versions are passed over.

    Raises:
        ValueError: A field is missing, or is not what it should be.
    """
    kind = Failure if is_failure else Prediction
    known = {name: data[name] for name in kind.__slots__ if data.get(name) is not None}
    for name, value in known.items():
        wanted = _KINDS.get(name)
        if wanted is not None and (not isinstance(value, wanted) or isinstance(value, bool)):
            raise ValueError(f"{name} is {value!r}")
        if name.endswith(("_s", "_usd")) and not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}")
    if "usage" in known:
        counts = known["usage"]
        known["usage"] = Usage(**{name: counts[name] for name in Usage.__slots__ if name in counts})
    if is_failure:
        return Failure(**known)
    if "tool_calls" in known:
        known["tool_calls"] = tuple(known["tool_calls"])
    return Prediction(**({"output": None} | known))


_KINDS: Mapping[str, type[Any] | tuple[type[Any], ...]] = {
    **dict.fromkeys(("latency_s", "total_s", "queue_s", "ttft_s", "cost_usd"), (int, float)),
    **dict.fromkeys(("kind", "message", "model", "service_tier", "cost_source"), str),
    **dict.fromkeys(("finish_reason", "measured_in"), str),
    **dict.fromkeys(("usage", "unit_prices"), dict),
    "tool_calls": list,
    "n_attempts": int,
}


def _score_to_dict(score: Score) -> dict[str, Any]:
    data = {
        "value": score.value,
        "reason": score.reason,
        "min_score": score.min_score,
        "judged_by": score.judged_by,
        "weight": None if score.weight == 1 else score.weight,
        "version": score.version or None,
        "keeps_answer": score.keeps_answer or None,
    }
    return {name: value for name, value in data.items() if value is not None}
