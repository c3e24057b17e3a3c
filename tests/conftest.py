"""The fixtures of tests/support, for every test below."""
from support.fixtures import hub, hub_tls, hubkeep, hubkeep_cli  # noqa: F401
