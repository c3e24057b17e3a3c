"""The fixtures of tests/support, for every test below, and what can be said on the command line."""
from support.fixtures import hub, hub_tls, hubkeep, hubkeep_cli  # noqa: F401


def pytest_addoption(parser):
    parser.addoption("--update-sequences", action="store_true",
                     help="write the counts of requests that clients/test_sequences.py sees")
