"""Keys: what an answer is found again by in another run: what was asked, of whom, and how."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_modeleval.core.words import counted, titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["AnswerKey", "hash_of", "parameters_hash", "why_missing"]


class AnswerKey(NamedTuple):
    """What an answer is the answer to.

    What was expected is no part of it: the model never saw that, and who mends a wrong
    expectation wants the same answers judged again.

    Attributes:
        suite: Name of the suite.
        variant: Id of the suite's other parameters, "" where it has none.
        case_id: The case's id.
        repeat: Index of the repeat, from 0.
        model: Name of the model.
        input_hash: Hash of what the model was asked.
        parameters_hash: Hash of the suite's system prompt and parameters, "" where it has none.
        call: For what a test asks itself the how-manieth time, from 1, that it asks the same;
            0 for the case's own prediction.
    """

    suite: str
    variant: str
    case_id: str
    repeat: int
    model: str
    input_hash: str
    parameters_hash: str = ""
    call: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The key as fields of a line of ``predictions.jsonl``."""
        data = self._asdict()
        data["asked_model"] = data.pop("model")  # ``model`` is the one that served the answer
        return {name: value for name, value in data.items() if value not in ("", 0)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> AnswerKey:
        """The key that ``to_dict`` gave.

        Raises:
            ValueError: A field is missing, or is not what it should be.
        """
        key = cls(
            suite=data.get("suite"),  # type: ignore[arg-type]
            variant=data.get("variant", ""),
            case_id=data.get("case_id"),  # type: ignore[arg-type]
            repeat=data.get("repeat", 0),
            model=data.get("asked_model"),  # type: ignore[arg-type]
            input_hash=data.get("input_hash"),  # type: ignore[arg-type]
            parameters_hash=data.get("parameters_hash", ""),
            call=data.get("call", 0),
        )
        for name, value in key._asdict().items():
            wanted = int if name in ("repeat", "call") else str
            if type(value) is not wanted:
                raise ValueError(f"{name} is {value!r}")
        return key


def hash_of(value: Any) -> str:
    """Twelve hexadecimal digits that stand for a value; what JSON can't hold by its ``repr``."""
    return hashlib.sha256(_canonical(value).encode("utf-8", "replace")).hexdigest()[:12]


def parameters_hash(system: str | None, parameters: Mapping[str, Any]) -> str:
    """The hash of how a suite asks; "" where it adds nothing to the questions."""
    return hash_of([system, dict(parameters)]) if system is not None or parameters else ""


def why_missing(key: AnswerKey, known: Iterable[AnswerKey]) -> str:
    """What keeps a run that holds answers to these keys from having one to ``key``."""
    same = [other for other in known if (other.suite, other.variant) == key[:2]]
    if not same:
        place = titled(key.suite, key.variant)
        return f"it has no answer of the suite {place}"
    same = [other for other in same if other.case_id == key.case_id]
    if not same:
        return "it has no answer to this case"
    if all(other.model != key.model for other in same):
        names = " and ".join(sorted({other.model for other in same}))
        return f"it asked {names}, not {key.model}"
    same = [other for other in same if other.model == key.model]
    if all(other.input_hash != key.input_hash for other in same):
        return "its question was another one"
    same = [other for other in same if other.input_hash == key.input_hash]
    if all(other.parameters_hash != key.parameters_hash for other in same):
        return "it asked with another system prompt or other parameters"
    if all(other.repeat != key.repeat for other in same):
        return f"it asked it {counted(len({other.repeat for other in same}), 'time')}"
    return f"its test asked it {counted(len(same), 'time')}"


_canonical = json.JSONEncoder(sort_keys=True, ensure_ascii=False, default=repr).encode
