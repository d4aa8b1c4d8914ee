"""Models behind a server: what a run keeps of their answers, and how a suite asks them."""

import json

import fake_server
import pytest

PRICES = [
    "model_eval_prices =",
    "    m input=1 output=2 cached_input=0.5",
    "    m@flex input=0.5 output=1",
]


@pytest.fixture(scope="module")
def server():
    with fake_server.running() as server:
        yield server


@pytest.fixture(params=["openai", "openai-responses"])
def api(request):
    """The two endpoints, which keep the same."""
    return request.param


@pytest.fixture
def run(project, server, api):
    """Asks the fake server these prompts, by case id, and gives the records."""

    def run(prompts, *args, marker="", ini=(), test="assert prediction"):
        cases = [{"id": name, "input": text} for name, text in prompts.items()]
        project.pytester.makepyfile(
            test_evals=f"""
            import pytest

            @pytest.mark.model_eval({cases!r}, {marker})
            def test_ticket(case, prediction):
                {test}
            """
        )
        lines = ["[pytest]", f"model_eval_model = {api}:m", "model_eval_retries = 0", *ini]
        lines += [f"model_eval_base_url = {server.base_url}"]
        (project.path / "pytest.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
        result = project.run("-p", "no:randomly", *args)
        return result, project.records if project.runs else {}

    return run


def test_what_a_record_says_of_an_answer(run, api):
    """Model, tier, tokens, prices and where they come from."""
    prompt = "answer=three words here [[served=m-2026 tier=flex cached=1 reasoning=4]]"

    result, records = run({"a": prompt}, ini=PRICES)

    record = records["a"]
    assert result.ret == 0
    assert record["model"] == f"{api}:m"
    assert record["output"] == "three words here"
    assert record["served_model"] == "m-2026"
    assert record["service_tier"] == "flex"
    assert record["usage"] == {
        "input_tokens": 3,
        "output_tokens": 7,
        "cached_input_tokens": 1,
        "reasoning_tokens": 4,
    }
    assert record["unit_prices"] == {"input": 0.5, "output": 1.0, "cached_input": 0.5}
    assert record["cost_source"] == "model_eval_prices"
    assert record["cost_usd"] == pytest.approx((3 * 0.5 + 7 * 1.0) / 1e6)
    assert record["n_attempts"] == 1
    assert "ttft_s" not in record


def test_an_unknown_tier_has_no_cost(run):
    """Rather than the usual price."""
    _, records = run({"a": "answer=x [[tier=scale]]", "b": "answer=x"}, ini=PRICES)

    assert "cost_usd" not in records["a"]
    assert records["a"]["service_tier"] == "scale"
    assert records["b"]["cost_usd"] > 0


def test_why_a_model_stopped(run, api):
    """The reason is kept, of an answer and of what is none."""
    prompts = {
        "cut": "answer=x [[length]]",
        "filtered": "x [[filter]]",
        "spent": "x [[null_content length]]",
    }

    _, records = run(prompts)

    assert records["cut"]["finish_reason"] == "length"
    assert records["cut"]["outcome"] == "passed"
    assert records["filtered"]["finish_reason"] == "content_filter"
    assert records["filtered"]["error_kind"] == "refused"
    assert records["spent"]["finish_reason"] == "length"
    assert records["spent"]["error_kind"] == "truncated"
    if api == "openai":
        assert run({"whole": "answer=x"})[1]["whole"]["finish_reason"] == "stop"


def test_tool_calls(run):
    """They are the answer, and stand in the record apart as well."""
    calls = [{"name": "weather", "arguments": {"city": "Bonn"}}]

    result, records = run(
        {"a": 'answer={"city": "Bonn"} [[tool=weather]]'}, test=f"assert prediction == {calls!r}"
    )

    assert result.ret == 0
    assert records["a"]["tool_calls"] == records["a"]["output"] == calls


def test_a_refusal(run):
    """It is no answer; its words are the reason, and it was billed."""
    result, records = run({"a": "one two [[refusal]]"}, ini=PRICES)

    record = records["a"]
    assert result.ret == 1
    assert record["outcome"] == "errored"
    assert record["error_kind"] == "refused"
    assert record["reason"] == "the model refused: I can't help with that."
    assert record["usage"]["input_tokens"] == 2
    assert record["cost_usd"] > 0
    assert record["cost_source"] == "model_eval_prices"


def test_the_time_to_the_first_token(run, project):
    """A streamed suite has it in its records, and a threshold may bound it."""
    _, records = run(
        {"a": "answer=a b c d [[ttft=0.1 latency=0.3]]"},
        marker="parameters={'stream': True}, thresholds=['p95_ttft <= 10s', 'accuracy >= 1%']",
    )

    assert 0.1 <= records["a"]["ttft_s"] < records["a"]["latency_s"]
    assert project.status == "met"
    assert project.metric("p95_ttft") == pytest.approx(records["a"]["ttft_s"])


def test_system_and_parameters_of_the_marker(run, api):
    """They are sent with every case."""
    _, records = run(
        {"a": "hi [[echo]]"},
        marker="system='Be short.', parameters={'max_completion_tokens': 9, 'service_tier': 'flex'}",
    )

    sent = json.loads(records["a"]["output"])
    assert sent["service_tier"] == records["a"]["service_tier"] == "flex"
    if api == "openai":
        assert sent["max_completion_tokens"] == 9
        assert sent["messages"][0] == {"role": "system", "content": "Be short."}
    else:
        assert sent["max_output_tokens"] == 9
        assert sent["instructions"] == "Be short."


def test_structured_output(run):
    """The answer is the value that it holds."""
    result, records = run(
        {"a": 'answer={"team": "bug", "urgent": true}'},
        marker="parameters={'json_schema': {'type': 'object'}}",
        test="assert prediction == {'team': 'bug', 'urgent': True}",
    )

    assert result.ret == 0
    assert records["a"]["output"] == {"team": "bug", "urgent": True}


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ("system=3", "model_eval: system is text, not 3"),
        ("parameters=['x']", "model_eval: parameters is a dictionary, not ['x']"),
        (
            "parameters={'temprature': 0}",
            "no parameter 'temprature' at /*; did you mean 'temperature'?",
        ),
        ("parameters={'n': 2}", "n can't be set for a suite"),
        ("parameters={'stream': 1}", "stream is true or false, not 1"),
        ("sytem='x'", "model_eval: unknown argument 'sytem'; did you mean 'system'?"),
    ],
)
def test_arguments_of_the_marker_that_are_wrong(run, server, marker, sentence):
    """Nothing is asked, and one sentence says what is wrong and where."""
    before = server.stats()["n_requests"]

    result, _ = run({"a": "hi"}, marker=marker)

    text = result.stdout.str() + result.stderr.str()
    assert all(part in text for part in sentence.split("*"))
    assert "test_evals.py" in text
    assert "model_eval_model" not in text
    assert "Traceback" not in text
    assert "INTERNALERROR" not in text
    assert result.ret in (2, 4)
    assert server.stats()["n_requests"] == before


@pytest.mark.parametrize("marker", ["system='x'", "parameters={'temperature': 0}"])
def test_python_code_takes_no_parameters(project, marker):
    """They are for models behind a server; code says itself how it asks."""
    project.suite(
        "right-1",
        source=f"""
        import pytest

        @pytest.mark.model_eval("tickets.csv", {marker})
        def test_ticket(case, prediction):
            pass
        """,
    )
    project.ini()

    result = project.run()

    text = result.stdout.str() + result.stderr.str()
    what = marker.partition("=")[0]
    assert f"test_ticket: {what} is for openai: models; 'robot:answer' is Python code" in text
    assert "INTERNALERROR" not in text
    assert result.ret == 4
    assert project.asked == []


def test_several_servers_in_one_run(project, server, monkeypatch):
    """Each gets its own key or none, and records say who was asked."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-openai")
    monkeypatch.setenv("OTHER_VALUE", "key-of-other")
    with fake_server.running() as other, fake_server.running() as third:
        models = [None, f"openai:m@{other.base_url}", f"openai-responses:m@{third.base_url}/"]
        keys = ["openai", "other", "none"]
        for number, (model, key) in enumerate(zip(models, keys, strict=True)):
            project.pytester.makepyfile(
                **{
                    f"test_{number}": f"""
                    import pytest

                    cases = [{{"id": "a", "input": "[[echo_headers]]"}}]

                    @pytest.mark.model_eval(cases, name="{key}", model={model!r})
                    def test_it(case, prediction):
                        key = prediction.output.partition("Bearer ")[2].partition('"')[0]
                        assert key.rpartition("-")[2] == {key!r}
                    """
                }
            )
        (project.path / "pytest.ini").write_text(
            f"[pytest]\nmodel_eval_model = openai:m\nmodel_eval_base_url = {server.base_url}\n"
            f"model_eval_api_keys = {other.base_url.split('/')[2]} OTHER_VALUE\n"
        )

        result = project.run()

    records = {line["suite"]: line for line in project.lines("records.jsonl")}
    assert result.ret == 0, result.stdout.str()
    assert [records[key]["model"] for key in keys] == ["openai:m", *models[1:]]
    kept = json.dumps([line["output"] for line in records.values()])
    assert "key-of-openai" not in kept
    assert "key-of-other" not in kept


def test_a_resumed_run_keeps_what_was_asked_in_the_same_way(run, server):
    """Streamed or not; with other parameters everything is asked anew."""
    prompts = {"a": "answer=one", "b": "answer=two", "c": "answer=three [[status=400]]"}

    def asked(*args, marker):
        before = server.stats()["n_requests"]
        _, records = run(prompts, *args, marker=marker)
        return server.stats()["n_requests"] - before, records

    warm = 'parameters={"temperature": 1, "stream": True}'
    n_asked, first = asked(marker=warm)
    assert n_asked == 3
    n_asked, second = asked("--model-eval-resume", marker=warm)
    assert n_asked == 1
    assert second["a"]["ttft_s"] == first["a"]["ttft_s"] > 0
    assert "measured_in" in second["b"]
    n_asked, third = asked("--model-eval-resume", marker='parameters={"temperature": 0}')
    assert n_asked == 3
    assert "measured_in" not in third["b"]
    n_asked, _ = asked("--model-eval-resume", marker='parameters={"temperature": 0}, system="Hi"')
    assert n_asked == 3
