"""cached 1 KiB of a gated repo with a proven token: against a public repo without a token"""
from bench import BenchError
from benches.common import SMALL, head
from origin import Origin
from servers import Hubkeep


def measure(bench) -> list[dict]:
    with Origin(bench, bench.files(1, 2**20)) as origin, \
            Hubkeep(bench, bench.fresh("authorised"), origin.url, access_sharing="verify",
                    access_verify_ttl="1h") as server:
        public = origin.at_commit(SMALL)
        gated = f"/bench/gated/resolve/{origin.gated_commit}/{SMALL}"
        refused = head(server.port, gated).status
        if refused != 401:
            raise BenchError(f"hubkeep answered {refused} to a gated file without a token")
        # Not measured: both files come into the cache, and the proof into memory.
        for _ in range(2):
            bench.ask(server, "GET", public, requests=1)
            bench.ask(server, "GET", gated, requests=1, token=origin.token)

        def row(method):
            def run(path, **token):
                return bench.ask(server, method, path, connections=64, seconds=bench.seconds,
                                 **token)
            return bench.row(f"{method} at a commit", "requests", {
                "hubkeep, gated, with a proof": lambda: run(gated, token=origin.token),
                "hubkeep, public, without a token": lambda: run(public)})
        return [row("HEAD"), row("GET")]
