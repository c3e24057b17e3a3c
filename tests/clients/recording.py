"""What a client asks of the daemon, and what the daemon then asks of the Hub, as counts.

`sequences.json` holds the counts that were seen, by sequence, client and state; a test compares
both ways and `--update-sequences` writes what it saw instead. A number that falls is progress and
belongs into the table as much as one that rises needs a reason.
"""
import collections
import json
import re
from pathlib import Path

from clients.relay import Relay

TABLE = Path(__file__).with_name("sequences.json")
STATES = ("cold", "again", "warm", "moved", "offline")
KINDS = (
    ("/api/resolve-cache/", "small file"), ("/resolve/", "file"), ("/raw/", "raw"),
    ("/tree/", "tree"), ("/paths-info/", "paths-info"), ("/refs$", "refs"),
    ("/commits/", "commits"), ("/discussions$", "discussions"),
    ("^/api/(models|datasets)/[^/]+/[^/]+(/revision/[^/]+)?$", "info"),
    ("^/api/agent-harnesses$", "agent-harnesses"), ("/xet-read-token/", "Xet token"),
    ("^/-/xet/.*reconstruction", "reconstruction"), ("^/-/xet/v1/xorbs/", "xorb"))


def kind_of(method: str, path: str, origin="hub") -> str:
    if origin != "hub":
        return f"{method} {origin}"
    found = next((name for pattern, name in KINDS if re.search(pattern, path)), None)
    assert found, f"a request of a new kind: {method} {path}"
    return f"{method} {found}"


class Recording:
    """Stands before a daemon for one client, and counts until `stop`."""

    def __init__(self, hub, daemon):
        self._hub, self._seen = hub, []
        self._relay = Relay(daemon.url, self._seen.append)
        self.url = self._relay.url
        hub.reset_counts()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._relay.__exit__()

    def client(self) -> dict[str, int]:
        # How often clients of Xet tell how they fared is a matter of time.
        lines = [it.split(" ") for it in self._seen if " /v1/telemetry " not in it]
        return counted(kind_of(method, target.partition("?")[0]) for method, target, _ in lines)

    def hub(self) -> dict[str, int]:
        return counted(kind_of(it.method, it.path, it.origin) for it in self._hub.requests)


def counted(kinds) -> dict[str, int]:
    return dict(sorted(collections.Counter(kinds).items()))


def transferred(hub) -> set[str]:
    """The contents that crossed the WAN: digests of LFS files, paths of small ones."""
    return {it.path.rpartition("/")[2] for it in hub.requests
            if it.method == "GET" and it.status in (200, 206)
            and (it.origin == "cdn" or "/resolve-cache/" in it.path or "/resolve/" in it.path)}


def read_table() -> dict:
    return json.loads(TABLE.read_text())


def write_table(table: dict) -> None:
    """One line per state, so that a change of the counts reads well."""
    def rows(level, depth):
        if depth == 3:
            return json.dumps(level)
        names = level if depth == 2 else sorted(level)
        inner = ",\n".join(f"{' ' * (depth + 1)}{json.dumps(it)}: {rows(level[it], depth + 1)}"
                           for it in names)
        return "{\n" + inner + "\n" + " " * depth + "}"
    TABLE.write_text(rows(table, 0) + "\n")
