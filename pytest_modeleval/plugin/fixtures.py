"""Fixtures: ``case``, ``model``, ``prediction`` and ``model_eval``.

A plugin of its own, registered in sessions that run evals alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_modeleval.core.cases import Case
    from pytest_modeleval.core.predictions import Prediction
    from pytest_modeleval.plugin.caselogs import ModelEval, SuiteModel
    from pytest_modeleval.plugin.runner import Runner

__all__ = ["NAMES", "RUNNER_NAME", "case", "model", "model_eval", "prediction", "runner_of"]

NAMES = ("case", "model", "prediction", "model_eval")
RUNNER_NAME = "modeleval-runner"


@pytest.fixture
def case() -> Case:
    """The case of a test marked with model_eval: its id, input, expected, tags and metadata."""
    pytest.fail("the fixture case needs @pytest.mark.model_eval(CASES) on the test", pytrace=False)


# These take no ``request``: pytest makes a definition of its own each time one is asked for, which
# costs a fifth of a trivial test. The runner knows which item runs.


@pytest.fixture
def model(pytestconfig: pytest.Config) -> SuiteModel:
    """The model of the suite; override it in a conftest to ask another object or callable."""
    return runner_of(pytestconfig).suite_model()


@pytest.fixture
def prediction(pytestconfig: pytest.Config, case: Case, model: Any) -> Prediction:
    """What the model says to the case; asked ahead of the test, concurrently with the others."""
    del case
    return runner_of(pytestconfig).prediction(model)


@pytest.fixture
def model_eval(pytestconfig: pytest.Config, case: Case) -> ModelEval:
    """Measures latency and cost, and keeps scores, of a test that calls its own code."""
    del case
    return runner_of(pytestconfig).model_eval()


def runner_of(config: pytest.Config) -> Runner:
    """The role that runs items; the test is skipped where nothing is run."""
    runner: Runner | None = config.pluginmanager.get_plugin(RUNNER_NAME)
    if runner is None:
        is_on = config.getoption("--model-eval", False)
        pytest.skip("no model is asked in this kind of run" if is_on else "needs --model-eval")
    return runner
