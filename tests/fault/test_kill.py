"""The process is killed under load, again and again, and the store is examined after each time.

The order of events comes from a seed that is printed when a round fails. "Acknowledged" is a file
that the daemon itself called a hit: from then on no kill may lose it.
"""
import random
import threading
import time

import pytest

from fault.support import (MIB, Download, all_published, ask, expect_file, file_path,
                           is_sanitized, noted_partials, partials,
                           published, wait_until)
from hub import Generated

ROUNDS = 50
SEED = 20260901
READY_SECONDS = 2


class Load:
    """Clients that ask for files of a repo until they are told to stop; they outlive no round."""

    def __init__(self, daemon, repo, files, seed, clients):
        self.acknowledged: set[str] = set()
        self.wrong: list[str] = []
        self._daemon, self._repo, self._files = daemon, repo, files
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(random.Random(seed + n),))
                         for n in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, choice):
        names = list(self._files)
        while not self._over.is_set():
            name = choice.choice(names)
            path = file_path(self._repo, name, self._repo.head)
            fields = {"range": "bytes=1000-200000"} if choice.random() < 0.2 else {}
            answer = ask(self._daemon, path, **fields)
            content = self._files[name]
            if answer.failed:
                continue        # the kill; what came before it is not a file to anybody
            if answer.status == 200 and answer.body != content.bytes():
                self.wrong.append(f"{name}: {answer}")
            if answer.status == 206 and answer.body != content.read(1000, len(answer.body)):
                self.wrong.append(f"range of {name}: {answer}")
            if answer.is_hit:
                self.acknowledged.add(name)

    def end(self):
        self._over.set()
        for thread in self._threads:
            thread.join(30)


def test_50_kills_under_load(hub, hubkeep):
    sizes = random.Random(SEED)
    files = {f"{n}.bin": Generated(sizes.randrange(20_000, 2 * MIB), n) for n in range(60)}
    repo = hub.add_repo("model", "org/load", files)
    digests = {content.sha256: name for name, content in files.items()}
    hub.cdn_rate = 30 * MIB
    daemon = hubkeep(hub)
    choice, kept, ever, most = random.Random(SEED), set(), set(), 0
    for number in range(ROUNDS):
        said = f"round {number} of seed {SEED}"
        load = Load(daemon, repo, files, SEED + 100 * number, clients=8)
        time.sleep(choice.uniform(0.01, 0.25))      # the moment of the kill is what is random
        daemon.kill()
        load.end()
        assert not load.wrong, f"{said}: {load.wrong}"
        kept |= load.acknowledged
        ever |= kept
        hub.down()
        found = published(daemon)       # compares every file with its name
        assert found <= set(digests), f"{said}: unknown files"
        began = time.monotonic()
        daemon.restart()
        most = max(most, time.monotonic() - began)
        for name in kept:
            answer = ask(daemon, file_path(repo, name, repo.head))
            assert answer.status == 200 and answer.is_hit, f"{said}: {name} was lost: {answer}"
            assert answer.body == files[name].bytes(), f"{said}: {name} is wrong"
        hub.up()
        kept = set(choice.sample(sorted(kept), min(len(kept), 10)))
    assert len(ever) >= len(files) // 6, "hardly anything was ever kept: the rounds prove little"
    assert most < READY_SECONDS, f"the slowest start took {most:.2f} s"
    assert daemon.stop() == 0
    names = {it.name for it in partials(daemon)}
    unknown = [it for it in names if not any(digest in it for digest in digests)]
    assert not unknown, "files nobody knows are left"


def test_a_killed_transfer_goes_on_where_it_was(hub, hubkeep):
    if is_sanitized():
        pytest.skip("how much a kill costs is a matter of speed")
    content = Generated(192 * MIB, "resumed")
    repo = hub.add_repo("model", "org/resumed", {"a.bin": content})
    daemon = hubkeep(hub, upstream_connections_per_file="1")     # the gate is in one answer
    path = file_path(repo, "a.bin", repo.head)
    with hub.gate(content.sha256, origin="cdn", at=120 * MIB) as gate:
        with Download(daemon, path) as download:
            download.head()
            download.skip(119 * MIB)
            gate.wait_arrived()
            wait_until(lambda: sum(it for it, _ in noted_partials(daemon)) >= 96 * MIB,
                       "most of the transfer is noted down", 30)
            daemon.kill()
    daemon.restart()
    before = hub.count("cdn")
    expect_file(ask(daemon, path, timeout=60), content)
    record = [it for it in hub.requests if it.origin == "cdn"][before]
    first = int(record.header("range").removeprefix("bytes=").split("-")[0])
    assert first >= 96 * MIB, f"only {first} of 120 MiB were remembered"
    assert hub.bytes_sent("cdn") <= 1.2 * content.size + MIB
    all_published(daemon, [content.sha256])


def test_a_kill_right_after_the_last_byte(hub, hubkeep):
    """The file is whole or not there, whatever of publishing was left to do."""
    files = {f"{n}.bin": Generated(3 * MIB, n) for n in range(8)}
    repo = hub.add_repo("model", "org/ended", files)
    daemon = hubkeep(hub)
    for name, content in files.items():
        path = file_path(repo, name, repo.head)
        expect_file(ask(daemon, path), content)
        daemon.kill()
        assert content.sha256 in published(daemon) or partials(daemon) != []
        daemon.restart()
        expect_file(ask(daemon, path), content)
        sent = hub.bytes_sent("cdn", content.sha256)
        assert sent <= 2 * content.size, f"{name} cost {sent} bytes"
        wait_until(lambda: content.sha256 in published(daemon), f"{name} is in the store")


def test_a_kill_between_commits_of_the_index_keeps_revisions_usable(hub, hubkeep):
    """What the daemon says with the Hub gone after a kill is what it said before it."""
    repo = hub.add_repo("model", "org/index", {"config.json": b"{}", "a.bin": Generated(MIB, 1)})
    daemon = hubkeep(hub)
    api = f"/api/models/{repo.id}"
    paths = [file_path(repo, "config.json"), f"{api}/revision/main", f"{api}/tree/main"]
    before = [ask(daemon, it).body for it in paths]
    again = [ask(daemon, it) for it in paths]
    assert [it.body for it in again] == before
    # Revisions are written behind the answer, a fraction of a second later.
    wait_until(lambda: _index_is_quiet(daemon), "the index has written everything")
    daemon.kill()
    hub.down()
    daemon.restart()
    assert [ask(daemon, it).body for it in paths] == before


def _index_is_quiet(daemon) -> bool:
    """Two looks at the write-ahead log that agree."""
    def sizes():
        return [(it.name, it.stat().st_size, it.stat().st_mtime_ns)
                for it in sorted(daemon.data_dir.glob("index.sqlite*"))]
    first = sizes()
    time.sleep(0.3)
    return first == sizes()
