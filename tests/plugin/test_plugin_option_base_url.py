"""``--model-eval-base-url``: the server of ``openai:`` models."""

import fake_server
import pytest

SUITE = """
    import pytest

    @pytest.mark.model_eval("tickets.csv")
    def test_ticket(case, prediction):
        assert prediction.output
"""


def test_the_fake_server_is_importable():
    """``tests/`` is on the path."""
    assert fake_server.__doc__


def test_a_server_that_is_not_there_is_an_error_of_each_case(project, monkeypatch):
    """No answer, in one sentence, and the gate is not met."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    project.suite("right-1", source=SUITE)

    result = project.run(
        "--model-eval-model=openai:some-model",
        "--model-eval-base-url=http://127.0.0.1:9/v1",
        "--model-eval-retries=0",
    )

    assert result.ret == 1
    assert project.records["right-1"]["error_kind"] == "connection"


@pytest.mark.parametrize("places", [("option",), ("ini",), ("environment",), ("option", "ini")])
def test_the_server_is_named_by(project, monkeypatch, places):
    """The option, then the ini key, then ``OPENAI_BASE_URL``."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    project.suite("right-1", source=SUITE)
    wrong, right = "http://127.0.0.1:9/v1", "http://127.0.0.1:8/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", right if places == ("environment",) else wrong)
    if "ini" in places:
        url = wrong if "option" in places else right
        (project.path / "pytest.ini").write_text(f"[pytest]\nmodel_eval_base_url = {url}\n")
    args = [f"--model-eval-base-url={right}"] if "option" in places else []
    project.pytester.makeconftest("""
        import pytest_modeleval.models.openai as module

        seen = module.OpenAIModel.__init__

        def __init__(self, *args, **kwargs):
            seen(self, *args, **kwargs)
            print("server", self.url)

        module.OpenAIModel.__init__ = __init__
    """)

    result = project.run_apart("-s", "--model-eval-model=openai:m", "--model-eval-retries=0", *args)

    result.stdout.fnmatch_lines([f"server {right}*"])
