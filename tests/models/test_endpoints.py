"""Endpoints: which server is asked, and which key goes where."""

import pytest

from pytest_modeleval import UsageError
from pytest_modeleval.models.endpoints import find_endpoint
from pytest_modeleval.models.names import make_model
from pytest_modeleval.settings import Settings

OPENAI = "https://api.openai.com/v1"
ELSEWHERE = "https://api.example.com/v1"


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    """One key of OpenAI's and one of somebody else's, and nothing else of the machine's."""
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "k-openai")
    monkeypatch.setenv("OTHER_API_KEY", "k-other")
    return monkeypatch


def endpoint(url=None, *, base_url=None, **api_keys):
    """The server of a spec with this URL; ``api_keys`` in Python's spelling of hosts."""
    hosts = {host.replace("__", ":").replace("_", "."): name for host, name in api_keys.items()}
    return find_endpoint("openai:m", url, base_url=base_url, api_keys=hosts)


def key(*args, **kwargs):
    """The key that goes to that server."""
    return endpoint(*args, **kwargs).headers["authorization"].removeprefix("Bearer ")


def refusal(*args, **kwargs):
    """The sentence with which it is refused."""
    with pytest.raises(UsageError) as caught:
        endpoint(*args, **kwargs)
    text = str(caught.value)
    assert text.startswith("openai:m: ")
    assert "\n" not in text
    return text


def test_openai_is_asked_with_its_key():
    """Nothing set is OpenAI's own server."""
    found = endpoint()

    assert found.base_url == OPENAI
    assert found.price_list_url == OPENAI
    assert found.key_name == "OPENAI_API_KEY"
    assert found.headers["authorization"] == "Bearer k-openai"


def test_the_server_of_the_settings_gets_the_key():
    """Be it named by the setting or by OPENAI_BASE_URL."""
    assert key(base_url=ELSEWHERE) == "k-openai"


def test_the_server_of_the_environment_gets_the_key(keys):
    """As the openai package does it."""
    keys.setenv("OPENAI_BASE_URL", ELSEWHERE)

    assert endpoint().base_url == ELSEWHERE
    assert key() == "k-openai"


@pytest.mark.parametrize(
    "url",
    [
        ELSEWHERE,
        "https://api.openai.com.example.com/v1",
        "https://example.com/api.openai.com/v1",
        "https://api.openai.com:8443/v1",
        "http://api.openai.com/v1",
        "https://eu.api.openai.com/v1",
    ],
)
def test_a_server_that_only_the_spec_names_gets_no_key_of_openai(url):
    """Nor does one on another port, or the same one unencrypted; the message says how to give one."""
    text = refusal(url)

    assert "no API key; name the environment variable that holds the key of" in text
    assert "SOME_API_KEY (or none, for a server that wants none)" in text


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "0.0.0.0"])
def test_a_server_on_this_machine_that_only_the_spec_names(host):
    """It needs no key and gets none."""
    found = endpoint(f"http://{host}:8000/v1")

    assert found.headers["authorization"] == "Bearer none"
    assert found.price_list_url is None


def test_a_server_on_this_machine_that_the_settings_name():
    """It gets the key, which a proxy may want."""
    assert key(base_url="http://localhost:8000/v1") == "k-openai"


@pytest.mark.parametrize(
    "url",
    [
        OPENAI,
        f"{OPENAI}/",
        f"{OPENAI}//",
        "https://API.OpenAI.com/v1",
        "HTTPS://api.openai.com/v1",
        "https://api.openai.com:443/v1",
        "https://api.openai.com:/v1",
    ],
)
def test_the_spellings_of_an_address(url):
    """Case, the usual port and slashes at the end are no other server."""
    for found in (endpoint(url), endpoint(base_url=url)):
        assert found.base_url == OPENAI
        assert found.price_list_url == OPENAI
        assert found.headers["authorization"] == "Bearer k-openai"


def test_the_path_keeps_its_case():
    """Only hosts have none."""
    assert endpoint(base_url="http://HOST:8000/V1/x").base_url == "http://host:8000/V1/x"


def test_a_key_by_host():
    """It goes to that host and to no other, whatever else is set."""
    there = {"api_example_com": "OTHER_API_KEY"}

    assert key(ELSEWHERE, **there) == "k-other"
    assert endpoint(ELSEWHERE, **there).key_name == "OTHER_API_KEY"
    assert key("https://API.example.com:8443/v1", **there) == "k-other"
    assert key(base_url=ELSEWHERE, **there) == "k-other"
    assert key(**there) == "k-openai"
    assert "no API key" in refusal("https://example.com/v1", **there)
    assert "no API key" in refusal("https://x.api.example.com/v1", **there)


def test_a_key_by_host_and_port():
    """It goes before the host's, and the usual port may be named or not."""
    both = {"localhost__8001": "OTHER_API_KEY", "localhost": "none"}

    assert key("http://localhost:8001/v1", **both) == "k-other"
    assert key("http://localhost:8002/v1", **both) == "none"
    assert key(ELSEWHERE, api_example_com__443="OTHER_API_KEY") == "k-other"
    assert key(base_url="http://localhost:8001/v1", **both) == "k-other"


def test_a_key_of_openai_by_host(keys):
    """OpenAI's own host may have a variable of another name."""
    keys.delenv("OPENAI_API_KEY")

    assert key(api_openai_com="OTHER_API_KEY") == "k-other"


def test_none_is_no_key():
    """A server that wants none gets the word that local servers are used to."""
    assert key(ELSEWHERE, api_example_com="none") == "none"
    assert key(base_url=ELSEWHERE, api_example_com="none") == "none"


def test_a_variable_that_is_not_set(keys):
    """The message names it, and the key of somebody else is never sent in its place."""
    keys.setenv("EMPTY_API_KEY", " \n")

    for name in ("MISSING_API_KEY", "EMPTY_API_KEY"):
        for where in ({"url": ELSEWHERE}, {"base_url": ELSEWHERE}):
            text = refusal(**where, api_example_com=name)
            assert f"model_eval_api_keys names {name} for api.example.com" in text
            assert "is not set" in text


def test_no_key_at_all(keys):
    """The message names the variable."""
    for value in ("", "  \n"):
        keys.setenv("OPENAI_API_KEY", value)
        assert "no API key; set OPENAI_API_KEY" in refusal()
        assert key(base_url="http://localhost:1/v1") == "none"


def test_a_key_that_was_read_from_a_file(keys):
    """The newline at its end is not part of it."""
    keys.setenv("OPENAI_API_KEY", "k-openai\n")

    assert key() == "k-openai"


@pytest.mark.parametrize("text", ["k-one\nk-two", "k-ключ", "k-\x7f"])
def test_a_key_that_no_header_can_carry(keys, text):
    """It is refused before anything runs, and not repeated."""
    keys.setenv("OTHER_API_KEY", text)

    message = refusal(ELSEWHERE, api_example_com="OTHER_API_KEY")

    assert "OTHER_API_KEY holds no key" in message
    assert "k-" not in message


def test_organization_and_project(keys):
    """They go along with the key of OPENAI_API_KEY, and nowhere else."""
    keys.setenv("OPENAI_ORG_ID", "org-1")
    keys.setenv("OPENAI_PROJECT_ID", "proj-1")
    names = {"openai-organization": "org-1", "openai-project": "proj-1"}

    assert names.items() <= endpoint().headers.items()
    for found in (
        endpoint(ELSEWHERE, api_example_com="OTHER_API_KEY"),
        endpoint("http://localhost:8000/v1"),
        endpoint(base_url="http://localhost:8000/v1"),
    ):
        assert not names.keys() & found.headers.keys()


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@api.example.com/v1",
        "https://hunter2@api.example.com/v1",
        "https://api.openai.com/v1?key=x",
        "https://api.example.com/v1#x",
        "https://api.example.com:port/v1",
        "https://",
        "ftp://api.example.com/v1",
        "api.example.com/v1",
        "https://api example.com/v1",
    ],
)
def test_what_is_no_address(url, keys):
    """It is refused before anything runs, and a password in it is not shown."""
    keys.setenv("OPENAI_BASE_URL", url)

    in_spec = refusal(url, api_example_com="OTHER_API_KEY", base_url=OPENAI)
    in_environment = refusal()

    assert "is not the address of a server" in in_spec
    assert "openai:m: OPENAI_BASE_URL: " in in_environment
    assert "hunter2" not in in_spec + in_environment


def test_a_spec_with_a_password_in_its_address():
    """The message has the place, and not the password."""
    spec = "openai:m@https://user:hunter2@api.example.com/v1"

    with pytest.raises(UsageError, match=r"^evals\.py: openai:m: .* is not a URL") as caught:
        make_model(spec, Settings(), where="evals.py")

    assert "hunter2" not in str(caught.value)


def test_azure(keys):
    """Its v1 address works as it is, and public lists have its prices."""
    keys.setenv("OTHER_API_KEY", "k-azure")
    spec = "openai:gpt-5-mini@https://my-place.openai.azure.com/openai/v1/"
    settings = Settings(api_keys={"my-place.openai.azure.com": "OTHER_API_KEY"})

    model = make_model(spec, settings)
    responses = make_model(spec.replace("openai:", "openai-responses:", 1), settings)

    assert model.url == "https://my-place.openai.azure.com/openai/v1/chat/completions"
    assert responses.url == "https://my-place.openai.azure.com/openai/v1/responses"
    assert model.price_list_url == "https://my-place.openai.azure.com/openai/v1"
    assert model.billed_as == "gpt-5-mini"


def test_openrouter():
    """A model's name may have slashes and colons."""
    settings = Settings(api_keys={"openrouter.ai": "OTHER_API_KEY"})

    model = make_model("openai:meta-llama/llama-3:free@https://openrouter.ai/api/v1", settings)

    assert model.url == "https://openrouter.ai/api/v1/chat/completions"
    assert model.billed_as == "meta-llama/llama-3:free"


def test_what_limits_are_shared_by():
    """Server and model: the same at two places are two, whatever they are asked."""

    def limit_key(spec):
        return make_model(spec, Settings(base_url="http://localhost:1/v1")).limit_key

    here = limit_key("openai:m")
    assert here == limit_key("openai-responses:m")
    assert here == limit_key("openai:m@http://LOCALHOST:1/v1/")
    assert here != limit_key("openai:m@http://localhost:2/v1")
    assert here != limit_key("openai:other")
