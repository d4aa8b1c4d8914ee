"""Budgets: a run stops before the call that could bring it above what it may cost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_modeleval import Failure, Prediction, Usage
from pytest_modeleval.engine.budgets import Budget, BudgetError
from pytest_modeleval.engine.engine import Engine
from pytest_modeleval.models.base import AttemptError
from pytest_modeleval.settings import Price, Settings

pytestmark = pytest.mark.filterwarnings("error")


class Paid:
    """A model whose calls cost what is listed, and then the last of it again and again.

    An exception in the list is raised.
    """

    name = billed_as = limit_key = "paid"
    max_concurrency = price_list_url = None
    queues_itself = False
    is_contained = False

    def __init__(self, *costs):
        self.costs = list(costs)
        self.n_asked = self.now = self.most = 0
        self.most_of_first = None

    async def predict(self, text):
        cost = self.costs.pop(0) if len(self.costs) > 1 else self.costs[0]
        self.n_asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0.005)
        finally:
            if self.most_of_first is None:
                self.most_of_first = self.most
            self.now -= 1
        if isinstance(cost, BaseException):
            raise cost
        if isinstance(cost, Usage):
            return Prediction(output=text, usage=cost)
        return Prediction(output=text, cost_usd=cost)

    def resize(self, _):
        pass

    async def close(self):
        pass


def ask(model, n, max_usd, **settings):
    """The answers to so many calls that are made at once, and the budget."""

    async def main():
        engine = Engine(Settings(max_cost_usd=max_usd, retries=0, **settings))
        calls = (engine.predict(model, str(i)) for i in range(n))
        return await asyncio.gather(*calls), engine.budget

    return asyncio.run(main())


def kinds(answers):
    """What became of each: ``answered``, or the kind of failure."""
    return [answer.kind if isinstance(answer, Failure) else "answered" for answer in answers]


@given(
    cents=st.integers(1, 50),
    budget_cents=st.integers(1, 300),
    n=st.integers(1, 40),
)
def test_calls_of_one_price_never_pass_the_budget(cents, budget_cents, n):
    """However many are made at once, and it is used up as far as they fit."""

    async def main():
        budget = Budget(budget_cents / 100)

        async def call():
            try:
                reserved_usd = await budget.reserve("model")
            except BudgetError:
                return 0
            await asyncio.sleep(0)
            budget.settle("model", reserved_usd, cents / 100, "model")
            return 1

        return sum(await asyncio.gather(*(call() for _ in range(n)))), budget

    n_made, budget = asyncio.run(main())

    # The price of the very first call is known only after it.
    assert n_made == max(min(n, budget_cents // cents), 1)
    assert budget.n_refused == n - n_made
    assert budget.spent_usd == pytest.approx(n_made * cents / 100)


def test_the_first_call_goes_alone():
    """Nobody knows what it costs; all others go together."""
    model = Paid(0.01)

    answers, _ = ask(model, 20, 1.0)

    assert kinds(answers) == ["answered"] * 20
    assert model.most_of_first == 1
    assert model.most == 19


def test_a_guess_that_is_too_low_does_not_pass_the_budget():
    """A model that reasons uses many more tokens than anybody guesses."""
    model = Paid(Usage(input_tokens=10, output_tokens=100_000))

    answers, budget = ask(model, 20, 0.35, prices={"paid": Price(input=1.0, output=1.0)})

    assert kinds(answers).count("answered") == 3
    assert budget.spent_usd == pytest.approx(0.3, rel=0.01)


def test_a_call_that_is_guessed_to_pass_the_budget_is_not_made():
    """Not even the first."""
    model = Paid(0.01)

    answers, budget = ask(model, 2, 0.0001, prices={"paid": Price(input=1000.0, output=1000.0)})

    assert kinds(answers) == ["not_asked"] * 2
    assert model.n_asked == 0
    assert budget.refusal.startswith("model_eval_max_cost: $0.00 of $0.0001 is spent, $0.00 is in")


def test_what_is_refused_says_why():
    """With the amounts."""
    answers, budget = ask(Paid(0.4), 5, 1.0)

    assert kinds(answers).count("not_asked") == 3
    failure = next(answer for answer in answers if isinstance(answer, Failure))
    assert failure.n_attempts == 0
    assert failure.message == budget.refusal
    assert budget.refusal == (
        "model_eval_max_cost: $0.40 of $1.00 is spent, $0.40 is in flight, and the next call is "
        "likely to cost $0.40"
    )
    assert budget.n_refused == 3


def test_the_dearest_call_counts():
    """What the next one costs is as likely to be that."""
    budget = Budget(1.0)
    for cost in (0.1, 0.3, 0.1):
        budget.settle("model", budget.reserve_now("model"), cost, "model")

    assert budget.reserve_now("model") == 0.3
    with pytest.raises(BudgetError, match=r"\$0\.50 of \$1\.00 is spent, \$0\.30 is in flight"):
        budget.reserve_now("model")


def test_an_unknown_cost_stops_the_run():
    """No budget can be kept, and the sentence says what to do."""
    model = Paid(None)

    answers, budget = ask(model, 5, 1.0)

    assert kinds(answers) == ["answered"] + ["not_asked"] * 4
    assert model.n_asked == 1
    assert budget.refusal == (
        "model_eval_max_cost can't be kept: what paid costs is unknown; add its price to "
        "model_eval_prices, or report cost_usd"
    )


def test_a_first_failure_that_cost_nothing_says_nothing_about_the_price():
    """The next goes alone again, and the budget holds."""
    model = Paid(AttemptError("bad_request", "no", cost_usd=0.0), 0.4)

    answers, budget = ask(model, 20, 1.0)

    assert kinds(answers).count("answered") == 2
    assert kinds(answers).count("bad_request") == 1
    assert budget.spent_usd == pytest.approx(0.8)


def test_failures_that_cost_nothing_do_not_stop_the_run():
    """All are made, one after the other as long as no price is known."""
    model = Paid(AttemptError("bad_request", "no", cost_usd=0.0))

    answers, budget = ask(model, 10, 1.0)

    assert kinds(answers) == ["bad_request"] * 10
    assert budget.spent_usd == 0
    assert budget.refusal is None


def test_a_failure_of_unknown_cost_is_taken_for_a_usual_call():
    """A time-out may well have been billed."""
    model = Paid(0.3, AttemptError("timeout", "late"), 0.3)

    answers, budget = ask(model, 10, 1.0)

    assert sorted(kinds(answers)) == ["answered"] * 2 + ["not_asked"] * 7 + ["timeout"]
    assert budget.spent_usd == pytest.approx(0.9)


def test_a_first_failure_of_unknown_cost_stops_the_run():
    """Nobody knows what a usual call is."""
    answers, budget = ask(Paid(AttemptError("timeout", "late")), 3, 1.0)

    assert kinds(answers) == ["timeout", "not_asked", "not_asked"]
    assert "can't be kept: what paid costs is unknown" in budget.refusal


def test_what_is_cancelled_is_taken_for_a_usual_call():
    """It makes room for nobody, and who waited for its price goes on."""
    model = Paid(0.3)

    async def main():
        engine = Engine(Settings(max_cost_usd=1.0))
        await engine.predict(model, "a")
        task = asyncio.create_task(engine.predict(model, "b"))
        await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return await asyncio.gather(*(engine.predict(model, "c") for _ in range(4))), engine.budget

    answers, budget = asyncio.run(main())

    assert kinds(answers).count("answered") == 1
    assert budget.spent_usd == pytest.approx(0.9)


def test_a_cancelled_first_call_does_not_hold_the_others_up():
    """The next one finds out, alone."""
    model = Paid(0.3)

    async def main():
        engine = Engine(Settings(max_cost_usd=1.0))
        tasks = [asyncio.create_task(engine.predict(model, str(i))) for i in range(10)]
        await asyncio.sleep(0.001)
        tasks[0].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True), engine.budget

    (first, *others), budget = asyncio.run(main())

    assert isinstance(first, asyncio.CancelledError)
    assert kinds(others).count("answered") == 3
    assert budget.spent_usd == pytest.approx(0.9)


def test_a_budget_that_is_just_used_up_refuses_nobody():
    """Ten dimes are a dollar, whatever their sum in floating point is."""
    answers, budget = ask(Paid(0.1), 10, 1.0)
    others, _ = ask(Paid(0.1), 3, 0.3)

    assert kinds(answers) == ["answered"] * 10
    assert kinds(others) == ["answered"] * 3
    assert budget.refusal is None


def test_two_models_have_prices_of_their_own():
    """The first call of each goes alone; together they keep the budget."""
    cheap, dear = Paid(0.01), Paid(0.4)
    dear.limit_key = "dear"

    async def main():
        engine = Engine(Settings(max_cost_usd=1.0))
        calls = [engine.predict(model, "a") for model in (cheap, dear) for _ in range(10)]
        return await asyncio.gather(*calls), engine.budget

    answers, budget = asyncio.run(main())

    assert kinds(answers[:10]) == ["answered"] * 10
    assert kinds(answers[10:]).count("answered") == 2
    assert budget.spent_usd == pytest.approx(0.9)


def test_what_a_test_spends_is_set_aside_before_it_runs():
    """The dearest test so far has to fit in."""
    budget = Budget(1.0)

    for _ in range(2):
        budget.settle("tests", budget.reserve_now("tests"), 0.4, "tests")

    with pytest.raises(BudgetError, match=r"\$0\.80 of \$1\.00 is spent"):
        budget.reserve_now("tests")


def test_what_was_begun_is_finished_where_it_fits():
    """A case that was paid for is judged after the last call too, if that costs nothing more."""
    budget = Budget(1.0)
    budget.settle("model", budget.reserve_now("model"), 0.9, "model")
    budget.settle("judged", budget.reserve_now("judged"), 0.1, "tests")
    with pytest.raises(BudgetError):
        budget.reserve_now("model")

    assert budget.reserve_now("free", is_begun=True) == 0
    with pytest.raises(BudgetError):
        budget.reserve_now("free")
    with pytest.raises(BudgetError):
        budget.reserve_now("judged", is_begun=True)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.00001, "$0.00001"),
        (0.25, "$0.25"),
        (0.4, "$0.40"),
        (12.3456, "$12.35"),
        (0.0123, "$0.012"),
    ],
)
def test_amounts_are_shown_as_they_are_written(amount, text):
    """Never as a power of ten."""
    budget = Budget(amount)

    with pytest.raises(BudgetError) as caught:
        budget.reserve_now("model", guess_usd=100.0)

    assert f"$0.00 of {text} is spent" in str(caught.value)
