"""Keys are nowhere: not on the screen, not in a report, and in no file that a run leaves behind."""

import pytest

KEY = "k0-Correct/Horse+Battery=Staple"
OTHER = "other.key~of-somebody-else"

SUITE = """
    import pytest

    @pytest.mark.model_eval(
        "tickets.jsonl", system="My key is {key}.", parameters={{"user": "{key}", "stream": {stream}}}
    )
    def test_first(case, prediction):
        print("the test prints", case.input, prediction.output)
        assert prediction == case.expected

    @pytest.mark.model_eval("tickets.jsonl")
    def test_skipped(case, prediction):
        pytest.skip(case.input)

    @pytest.mark.model_eval("tickets.jsonl")
    def test_printing(case, prediction):
        print("the test prints", case.input, prediction.output)

    @pytest.mark.model_eval("tickets.jsonl", name="second", model="{other}")
    def test_second(case, prediction):
        raise RuntimeError(f"{{case.input}} {{prediction.output}}")
"""
PROMPTS = {
    "in the input": f"my key is {KEY}, the other one {OTHER}",
    "in the output": f"answer={KEY} and {OTHER}",
    "in the headers": "[[echo_headers]]",
    "in the request": f"[[echo]] {KEY}",
    "in the error": "[[echo_error]]",
    "in the arguments": f'answer={{"key": "{KEY}"}} [[tool=login]]',
}


@pytest.mark.parametrize(("api", "stream"), [("openai", False), ("openai-responses", True)])
@pytest.mark.parametrize(
    "args", [["-vv", "-rA"], ["-n2", "-rA"], ["-x", "--tb=long", "-l"]], ids=str
)
def test_keys_are_nowhere(project, serve, no_trouble, api, args, stream):
    """Neither OPENAI_API_KEY nor a key of a variable whose name gives nothing away."""
    here, there = serve(), serve()
    project.environment |= {"OPENAI_API_KEY": KEY, "SOMEBODY": OTHER}
    project.prompts(
        PROMPTS, SUITE.format(key=KEY, stream=stream, other=f"{api}:m@{there.base_url}")
    )
    project.ini(
        "accuracy >= 1%",
        model=f"{api}:m",
        more=[
            f"model_eval_base_url = {here.base_url}",
            "model_eval_retries = 0",
            f"model_eval_api_keys = {there.base_url.split('/')[2]} SOMEBODY",
        ],
    )

    result = project.run("--junitxml=report.xml", "-ojunit_logging=all", *args)

    assert result.status == 1
    assert "INTERNALERROR" not in result.text
    asked = here.stats()["n_requests"] + there.stats()["n_requests"]
    assert asked >= 2
    kept = [file for file in (project.path / ".modeleval").rglob("*") if file.is_file()]
    assert len(kept) >= 3
    texts = {str(file): file.read_text(encoding="utf-8") for file in kept}
    texts["junit"] = (project.path / "report.xml").read_text(encoding="utf-8")
    texts["terminal"] = result.text
    found = {
        (place, line)
        for place, text in texts.items()
        for line in text.splitlines()
        if KEY in line or OTHER in line
    }
    assert not found, "\n".join(f"LEAK {place}: {line[:300]}" for place, line in found)
    assert any("[secret OPENAI_API_KEY]" in text for text in texts.values())
