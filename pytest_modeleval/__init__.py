"""pytest-modeleval: model evals as pytest tests, with a gate on accuracy, p95 latency and cost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Failure, Prediction, Usage
    from pytest_modeleval.errors import (
        DatasetError,
        EngineError,
        ModelEvalError,
        PredictionError,
        PreflightError,
        Unscored,
        UsageError,
    )
    from pytest_modeleval.evaluate import Report, evaluate_model
    from pytest_modeleval.models.meters import meter
    from pytest_modeleval.scorers import Scorer, scorer

__all__ = [
    "Case",
    "DatasetError",
    "EngineError",
    "Failure",
    "ModelEvalError",
    "Prediction",
    "PredictionError",
    "PreflightError",
    "Report",
    "Scorer",
    "Unscored",
    "Usage",
    "UsageError",
    "evaluate_model",
    "meter",
    "scorer",
]

_HOMES = {
    "Case": "core.cases",
    "Failure": "core.predictions",
    "Prediction": "core.predictions",
    "Usage": "core.predictions",
    "Report": "evaluate",
    "evaluate_model": "evaluate",
    "meter": "models.meters",
    "Scorer": "scorers",
    "scorer": "scorers",
}


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for, since every pytest session imports us."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
