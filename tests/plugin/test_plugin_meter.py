"""``model_eval.meter`` and ``pytest_modeleval.meter``: what an application's own clients cost."""

import fake_server
import pytest

APP = """
    import asyncio
    import threading

    import openai
    from pytest_modeleval import meter

    def client(**kwargs):
        return meter(openai.OpenAI(base_url={url!r}, api_key="none", max_retries=0), **kwargs)

    def async_client():
        return meter(openai.AsyncOpenAI(base_url={url!r}, api_key="none", max_retries=0))

    def say(client, text, model="fake"):
        answer = client.chat.completions.create(
            model=model, messages=[{{"role": "user", "content": text}}]
        )
        return answer

    def text_of(answer):
        return answer.choices[0].message.content.upper()
"""
PRICES = ("fake input=1 output=10", "judge input=100 output=1000")
ONE = 11e-6  # dollars of a question of one word, which is answered by it
TEST = """
    import app
    import pytest

    own = app.client()
    judge = app.client(judge=True)

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, model_eval):
"""


@pytest.fixture(scope="module", name="url")
def _url():
    with fake_server.running() as server:
        yield server.base_url


@pytest.fixture
def run(project, url):
    """Run a suite of this source, or of a test with this body."""

    def run_source(body, *args, head=TEST, inputs=("a", "b", "c")):
        lines = "\n".join(f"        {line}" for line in body) if head else body
        project.suite(*inputs, source=head + lines)
        project.pytester.makepyfile(app=APP.format(url=url))
        prices = [f"    {line}" for line in PRICES]
        project.ini("model_eval_thresholds = accuracy >= 100%", "model_eval_prices =", *prices)
        return project.run(*args)

    return run_source


def costs(project):
    """What each case has cost; None where that is unknown."""
    return {name: record.get("cost_usd") for name, record in project.records.items()}


def test_what_a_test_calls_is_its_cases(project, run):
    """Tokens and cost without anything being returned."""
    result = run(["assert app.text_of(app.say(own, case.input)) == case.expected"])

    assert result.ret == 0
    assert costs(project) == pytest.approx(dict.fromkeys("abc", ONE))
    assert project.records["a"]["usage"]["input_tokens"] == 1
    assert project.records["a"]["cost_source"] == "model_eval_prices"
    assert "metered call" not in result.stdout.str()


def test_a_client_metered_by_the_fixture(project, run):
    """In the test that uses it."""
    run(
        [
            "import openai",
            "plain = openai.OpenAI(base_url=own.base_url, api_key='none')",
            "assert model_eval.meter(plain) is plain",
            "app.say(plain, case.input)",
        ]
    )

    assert costs(project) == pytest.approx(dict.fromkeys("abc", ONE))


def test_calls_inside_a_measured_block_count_once(project, run):
    """Also where blocks are nested."""
    run(
        [
            "app.say(own, case.input)",
            "with model_eval.measure() as m:",
            "    app.say(own, case.input)",
            "    with model_eval.measure():",
            "        app.say(own, case.input)",
        ]
    )

    assert costs(project) == pytest.approx(dict.fromkeys("abc", 3 * ONE))


def test_a_cost_that_the_test_sets_wins(project, run):
    """For the calls of its block."""
    run(
        [
            "with model_eval.measure() as m:",
            "    app.say(own, case.input)",
            "m.cost_usd = 0.5",
            "app.say(own, case.input)",
        ]
    )

    assert costs(project) == pytest.approx(dict.fromkeys("abc", 0.5 + ONE))


def test_a_judge_has_a_ledger_of_its_own(project, run):
    """What it costs is no cost of the answer."""
    run(["app.say(own, case.input)", "app.say(judge, case.input, 'judge')"])

    assert costs(project) == pytest.approx(dict.fromkeys("abc", ONE))
    assert project.metric("avg_cost") == pytest.approx(ONE)
    assert project.metric("judge_cost") == pytest.approx(300 * ONE)


def test_a_served_name_has_the_price_of_the_name_that_was_asked(project, run):
    """OpenAI answers with a dated name."""
    run(["app.say(own, '[[served=fake-2026-01-01]] ' + case.input)"])

    assert all(cost is not None and cost > 0 for cost in costs(project).values())
    assert project.records["a"]["served_model"] == "fake-2026-01-01"


def test_several_models_are_priced_each_by_its_own(project, run):
    """And their costs add up."""
    run(["app.say(own, case.input)", "app.say(own, case.input, 'judge')"])

    assert costs(project) == pytest.approx(dict.fromkeys("abc", 101 * ONE))


def test_tokens_that_nobody_said_make_the_cost_unknown(project, run):
    """Never 0."""
    run(["app.say(own, case.input)", "app.say(own, '[[no_usage]] a')"])

    assert costs(project) == dict.fromkeys("abc")


PREDICTED = """
    import app
    import asyncio
    import pytest
    from pytest_modeleval import Prediction

    own = app.client()

    def answer(text):
        for _ in range(3):
            said = app.say(own, text)
        return {returned}

    @pytest.mark.model_eval("tickets.csv", model=answer)
    def test_ticket(case, prediction{fixtures}):
        {body}
"""


def predicted(returned="app.text_of(said)", fixtures="", body="assert prediction == case.expected"):
    return PREDICTED.format(returned=returned, fixtures=fixtures, body=body)


@pytest.mark.parametrize("args", [(), ("-n", "2")], ids=["alone", "workers"])
def test_many_cases_at_once_do_not_mix(project, run, args):
    """Each has its own three calls."""
    inputs = [" ".join(["word"] * n) for n in range(1, 31)]

    result = run("", *args, head=predicted(), inputs=inputs)

    assert result.ret == 0
    assert costs(project) == pytest.approx({text: 3 * ONE * len(text.split()) for text in inputs})


def test_a_cost_that_the_application_returns_wins(project, run):
    """It knows better."""
    run("", head=predicted("Prediction(output=app.text_of(said), cost_usd=0.5)"))

    assert costs(project) == dict.fromkeys("abc", 0.5)


def test_what_the_test_calls_comes_on_top_of_the_prediction(project, run):
    """The clocks stay the model's."""
    run("", head=predicted(body="app.say(own, case.input)"))

    assert costs(project) == pytest.approx(dict.fromkeys("abc", 4 * ONE))
    record = project.records["a"]
    assert record["latency_s"] > 0
    assert record["n_attempts"] == 1
    assert "queue_s" in record


def test_threads_of_the_applications_own_are_warned_of(project, run):
    """Beside other cases nobody knows whose their calls are."""
    head = predicted("app.text_of(said)").replace(
        "            said = app.say(own, text)",
        "            said = app.say(own, text)\n"
        "        thread = app.threading.Thread(target=app.say, args=(own, text))\n"
        "        thread.start()\n"
        "        thread.join()",
    )

    result = run("", head=head)

    assert costs(project) == pytest.approx(dict.fromkeys("abc", 3 * ONE))
    text = " ".join(result.stdout.str().split())
    assert "3 metered calls of no case (made in threads of the application's own" in text


def test_a_thread_of_a_test_that_measures_is_the_tests(project, run):
    """Where nothing else is asked meanwhile."""
    run(
        [
            "thread = app.threading.Thread(target=app.say, args=(own, case.input))",
            "thread.start()",
            "thread.join()",
        ]
    )

    assert costs(project) == pytest.approx(dict.fromkeys("abc", ONE))


ASYNC = """
    import app
    import asyncio
    import pytest

    {setup}

    {marks}
    @pytest.mark.model_eval("tickets.csv")
    async def test_ticket(case, model_eval):
        async with app.async_client() as own:
            await asyncio.gather(*(app.say(own, case.input) for _ in range(3)))
"""
ANYIO = """
    @pytest.fixture(scope="session")
    def anyio_backend():
        return "asyncio"

    @pytest.fixture(scope="session", autouse=True)
    async def thing(anyio_backend):
        yield

    @pytest.mark.anyio
    async def test_before(anyio_backend):
        pass
"""


@pytest.mark.parametrize(
    ("marks", "setup"),
    [
        ("@pytest.mark.asyncio", ""),
        ("@pytest.mark.asyncio(loop_scope='module')", ""),
        ("@pytest.mark.anyio", ANYIO),
    ],
    ids=["asyncio", "asyncio-module", "anyio"],
)
def test_an_async_test(project, run, marks, setup):
    """Whichever plugin runs it, and however long its event loop lives."""
    result = run("", head=ASYNC.format(marks=marks, setup=setup))

    assert costs(project) == pytest.approx(dict.fromkeys("abc", 3 * ONE))
    assert "metered call" not in result.stdout.str()


def test_a_budget_holds_for_metered_calls(project, run):
    """Those of tests and those of judges."""
    result = run(
        ["app.say(own, case.input)", "app.say(judge, case.input, 'judge')"],
        f"--model-eval-max-cost={2.5 * 101 * ONE:.7f}",
    )

    assert result.ret == 1
    assert sorted(project.records) == ["a", "b"]


def test_what_is_no_client_is_an_error(project, run):
    """With a sentence."""
    run(["model_eval.meter('client')"])

    assert project.records["a"]["reason"] == (
        "meter: a str is no client of the openai SDK (OpenAI or AsyncOpenAI)"
    )


def test_calls_of_no_case_make_a_cost_threshold_invalid(project):
    """What a case cost is not known where some of its calls are in no sum."""
    with fake_server.running() as server:
        project.suite(
            "right-1",
            "right-2",
            source=f"""
                import threading

                import openai
                import pytest
                from pytest_modeleval import meter

                client = meter(openai.OpenAI(base_url="{server.base_url}", api_key="none", max_retries=0))

                def ask(text):
                    message = {{"role": "user", "content": text}}
                    return client.chat.completions.create(model="fake", messages=[message])

                def answer(text):
                    thread = threading.Thread(target=ask, args=(text,))
                    thread.start()
                    thread.join()
                    return ask(text).choices[0].message.content.upper()

                @pytest.mark.model_eval("tickets.csv", model=answer)
                def test_ticket(case, prediction):
                    assert prediction == case.expected
            """,
        )
        project.ini(
            "model_eval_prices = fake input=1 output=1",
            "model_eval_thresholds =",
            "    total_cost <= $5",
        )

        result = project.run_apart()

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["invalid: test_ticket: total_cost <= $5: 2 metered calls of no case, so *"]
    )
