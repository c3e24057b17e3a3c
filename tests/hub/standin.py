"""The stand-in Hub: four origins on loopback, run in a thread of the test process.

`hub` answers like huggingface.co, `cdn` like the host its signed URLs point at, `viewer` like
datasets-server, `other` is a stranger that only notes who comes by. The CDN's URLs say `localhost`, the others `127.0.0.1`,
because cookies know no ports: with one host name a client would bring the Hub's cookies to the CDN.
`other` has the Hub's host name and another port, the trap for whoever compares hosts alone.

The test's thread builds repos and reads the ledger while the server runs; what both threads touch
is copied on write or behind the ledger's lock.
"""
import asyncio
import tempfile
import threading

from . import routes, viewer
from .access import Access, token_of
from .cdn import Cdn
from .certs import Authority
from .faults import Event, Fault, Gate
from .ledger import Ledger
from .origin import Origin
from .quota import BUCKETS, WINDOW_SECONDS, Quota, bucket_of
from .repos import Repo
from .wire import Pace, Reply, Request, text

NAG = ("unauthenticated; You are sending unauthenticated requests to the HF Hub. Please set a "
       "HF_TOKEN to enable higher rate limits and faster downloads.")
EXPOSED = ("X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,"
           "Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag,X-Xet-Hash")


class StandInHub:
    def __init__(self, tls=False, port=0, cdn_port=0, cdn_tls=None, cdn_host="localhost"):
        self.access = Access()
        self.cdn = Cdn()
        self.xet = True
        self.tree_page_size = 1000
        self.search_page_size = 1000
        self._repos: dict[tuple[str, str], Repo] = {}
        self._ledger = Ledger()
        self._faults: list[Fault] = []
        self._gates: list[Gate] = []
        self._events: list[Event] = []
        self._served = 0
        self.rate_limit = None
        self._temp = tempfile.TemporaryDirectory(prefix="hub-")
        self.authority = Authority(self._temp.name)
        self.ca_file = self.authority.ca_file
        context = self.authority.server_context()
        cdn_tls = tls if cdn_tls is None else cdn_tls
        plan = {"hub": ("127.0.0.1", port, tls), "cdn": (cdn_host, cdn_port, cdn_tls),
                "viewer": ("127.0.0.1", 0, tls), "other": ("127.0.0.1", 0, tls)}
        self.origins = {name: Origin(name, host, number, self._answer, self._ledger,
                                     context if secure else None)
                        for name, (host, number, secure) in plan.items()}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hub", daemon=True)

    # Life

    def start(self) -> "StandInHub":
        self._thread.start()
        self.up()
        return self

    def stop(self) -> None:
        if self._thread.is_alive():
            for gate in self._gates:
                gate.open()
            self.down()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
        self._loop.close()
        self._temp.cleanup()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def down(self, *names: str) -> None:
        """Refuse connections and reset the open ones; of all origins, or of those named."""
        self._on_loop(it.down() for name, it in self.origins.items() if not names or name in names)

    def up(self, *names: str) -> None:
        self._on_loop(it.up() for name, it in self.origins.items() if not names or name in names)

    def _on_loop(self, steps) -> None:
        async def run():
            for step in steps:
                await step
        asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)

    url = property(lambda self: self.origins["hub"].url)
    cdn_url = property(lambda self: self.origins["cdn"].url)
    viewer_url = property(lambda self: self.origins["viewer"].url)
    other_url = property(lambda self: self.origins["other"].url)

    @property
    def crashes(self) -> list[str]:
        return [it for origin in self.origins.values() for it in origin.crashes]

    # Repos and tokens

    def add_repo(self, kind: str, id: str, files: dict | None = None, **traits) -> Repo:
        repo = Repo(kind, id, **traits)
        repo.commit(files or {}, message="initial commit")
        self._repos = {**self._repos, (kind, id.lower()): repo}
        return repo

    def take_repo(self, repo: Repo) -> None:
        """Another stand-in's repo, as a mirror has it: the same commits."""
        self._repos = {**self._repos, (repo.kind, repo.id.lower()): repo}

    def repo(self, kind: str, id: str) -> Repo | None:
        return self._repos.get((kind, id.lower()))

    def repos(self) -> list[Repo]:
        return list(dict.fromkeys(self._repos.values()))

    def rename(self, repo: Repo, id: str) -> None:
        """The old name keeps working, by redirect."""
        self._repos = {**self._repos, (repo.kind, id.lower()): repo}
        repo.id = id

    def delete_repo(self, repo: Repo) -> None:
        self._repos = {name: it for name, it in self._repos.items() if it is not repo}

    def add_token(self, token: str, can_read="all", **about) -> None:
        """`about` is what whoami tells: user, name, role, expires_at, is_pro."""
        self.access.add(token, can_read, **about)

    @property
    def tokens(self) -> list[str]:
        """All that were ever known here."""
        return sorted(self.access.ever_known)

    def grant(self, token: str, *repos) -> None:
        self.access.change(token, opened=repos)

    def revoke_access(self, token: str, *repos) -> None:
        self.access.change(token, closed=repos)

    def revoke_token(self, token: str) -> None:
        self.access.revoke(token)

    def add_real_model(self) -> Repo:
        from . import real
        return self.add_repo("model", "stand-in/tiny-bert", real.model_files())

    def add_real_dataset(self, format="parquet") -> Repo:
        """A table of 400 rows as "csv", "jsonl" or "parquet", which is the configuration's name."""
        from . import real
        return self.add_repo("dataset", f"stand-in/tiny-{format}", real.dataset_files(format))

    # What was seen

    @property
    def requests(self):
        return self._ledger.records()

    def asked_with(self, token: str | None, path=None, method=None):
        """The Hub's own requests that brought this token; None: no credential at all."""
        return [it for it in self._ledger.records("hub", method, path)
                if token_of(it.header("authorization")) == token]

    @property
    def leaks(self):
        return self._ledger.leaks()

    def count(self, origin=None, method=None, path=None) -> int:
        return len(self._ledger.records(origin, method, path))

    def bytes_sent(self, origin=None, path=None) -> int:
        return self._ledger.bytes_sent(origin, path)

    def connections(self, origin=None) -> int:
        return self._ledger.connections(origin)

    def resumed(self, origin: str) -> int:
        return self._ledger.resumed(origin)

    def reset_counts(self) -> None:
        self._ledger.reset()

    # Trouble on demand

    def fault(self, path=None, kind="status", origin=None, times=1, method=None, **options):
        fault = Fault(kind, path, origin, method, times, options)
        self._faults = [*self._faults, fault]
        return fault

    def clear_faults(self) -> None:
        self._faults = []

    def gate(self, path: str, origin=None, method=None, at: int | None = None) -> Gate:
        gate = Gate(self._loop, path, origin, method, at)
        self._gates = [*self._gates, gate]
        return gate

    def event(self, action, path=".", at: int | None = 1, origin="hub", method=None) -> Event:
        """`action` happens before the answer to the `at`-th request that fits; None is each."""
        event = Event(action, path, at, origin, method)
        self._events = [*self._events, event]
        return event

    @property
    def cdn_rate(self) -> float | None:
        pace = self.origins["cdn"].pace
        return pace and pace.rate

    @cdn_rate.setter
    def cdn_rate(self, rate: float | None) -> None:
        """Bytes per second of the CDN, all answers together."""
        self.origins["cdn"].pace = Pace(rate) if rate else None

    @property
    def rate_limit(self) -> int | None:
        return self._quotas["api"].requests

    @rate_limit.setter
    def rate_limit(self, requests: int | None) -> None:
        """So many requests from now on until the window ends, then 429; None is no limit."""
        quota = Quota(requests)
        self._quotas = {bucket: quota for bucket in BUCKETS}

    def set_quota(self, bucket: str, requests: int | None, window=WINDOW_SECONDS, used=0) -> None:
        """The quota of one bucket from now on."""
        self._quotas = {**self._quotas, bucket: Quota(requests, window, used)}

    # On the loop's thread

    async def _answer(self, origin: Origin, request: Request, record) -> Reply:
        waiting = [it for it in self._gates if it.fits(origin.name, request)]
        for gate in waiting:
            if gate.at is None:
                await gate.hold()
        for event in self._events:
            event.notice(origin.name, request)
        if origin.name == "hub":
            reply = self._hub_answer(request)
        elif origin.name == "cdn":
            reply = self.cdn.answer(request)
        elif origin.name == "viewer":
            reply = viewer.answer(self, request)
        else:
            reply = text(404, "nothing here")
        if reply.status in (200, 206):
            reply.steps += [it.step for it in waiting if it.at is not None]
        for fault in self._faults:
            if fault.fits(origin.name, request, reply):
                record.fault = fault.kind
                reply = fault.apply(reply)
        return reply

    def _hub_answer(self, request: Request) -> Reply:
        bucket = bucket_of(request.path)
        quota = self._quotas[bucket]
        self._served += 1
        granted = quota.take()
        reply = routes.answer(self, request) if granted else text(429, "Too Many Requests")
        return self._dress(request, reply, quota.headers(bucket))

    def _dress(self, request: Request, reply: Reply, limits: list) -> Reply:
        """What the real Hub puts on every answer, most of which a proxy must not pass on."""
        reply.headers += limits + [
            ("X-Powered-By", "huggingface-moon"), ("X-Request-Id", f"Root=1-{self._served:08x}"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Referrer-Policy", "strict-origin-when-cross-origin"),
            ("Access-Control-Max-Age", "86400"),
            ("Access-Control-Allow-Origin", request.header("origin") or "https://huggingface.co"),
            ("Vary", "Origin, Accept"), ("Access-Control-Expose-Headers", EXPOSED),
            ("Strict-Transport-Security", "max-age=31536000; includeSubDomains"),
            ("Set-Cookie", "token=anonymous; Path=/; HttpOnly"),
            ("Via", "1.1 front.cloudfront.net (CloudFront)"), ("X-Cache", "Miss from cloudfront")]
        if request.header("authorization") is None:
            reply.headers.append(("X-HF-Warning", NAG))
        return reply
