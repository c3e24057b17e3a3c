"""A repo with the sample files, and one way to ask for things without a client's help."""
import httpx
import pytest

from .samples import FILES


@pytest.fixture
def repo(hub):
    return hub.add_repo("model", "org/name", FILES)


@pytest.fixture
def fetch(hub):
    """One request, no redirect followed, nothing taken from the environment."""
    with httpx.Client(trust_env=False, verify=False, timeout=10) as client:
        def run(path, method="GET", **options):
            url = path if path.startswith("http") else hub.url + path
            options.setdefault("headers", {"Accept-Encoding": "identity"})
            client.cookies.clear()
            return client.request(method, url, **options)
        yield run
