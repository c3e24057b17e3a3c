"""The request sequences of real clients, and what of them reaches the Hub, counted.

Each sequence is lived through in five states: a cold daemon; the same user again; another user
of a warm daemon; the first user after the ttl, when a commit has changed one file and added one; and
another user after a restart without the Hub. Whatever the counts are, the bytes are the Hub's.
"""
import json
from urllib.parse import quote

import pytest
from tokenizers import Tokenizer

from clients import scripts
from clients import test_js as js
from clients.recording import STATES, Recording, read_table, transferred, write_table
from clients.support import VERSIONS, expect_file, expect_snapshot, sha256
from clients.test_rust import run as run_rust
from hub import Generated

TTL_SECONDS = 3600
TEXT = "The hub keeps every file, and serves it again when the network is gone."
SMALL = {f"part {n:02}/note-{n}.txt": f"note {n}\n".encode() * (n + 1) for n in range(21)}
LARGE = {f"weights/{n:02}.bin": Generated(100_000 + n, f"sequence {n}") for n in range(8)}
THIRTY = SMALL | LARGE | {"empty": b""}
PAGE = {"config.json": b"{}", "tokenizer.json": b'{"model": {}}', "tokenizer_config.json": b"[]",
        "onnx/model_quantized.onnx": Generated(300_000, "onnx")}
PARTS = {f"model-{n:05}-of-00003.gguf": Generated(100_000, f"gguf {n}") for n in (1, 2, 3)}


class Sequence:
    """A repo, what its one commit changes, and a user who does the same every time.

    Who never asks about what he has already (`asks_again=False`) sees no change: then it is
    somebody else who comes after the move."""

    def __init__(self, repo, changes: dict, use, asks_again=True):
        self.repo, self.changes, self.use, self.asks_again = repo, changes, use, asks_again


def snapshot(scene, name):
    repo = scene.hub.add_repo("model", "org/thirty", THIRTY)
    changes = {"weights/00.bin": Generated(100_000, "changed"), "added.txt": b"added"}

    def use(user):
        expect_snapshot(user.do({"call": "snapshot", "repo_id": repo.id})[0], repo)
    return Sequence(repo, changes, use)


def one_file(scene, name):
    repo = scene.hub.add_repo("model", "org/one", THIRTY)
    path = "weights/00.bin"
    changes = {path: Generated(100_000, "changed"), "added.txt": b"added"}

    def use(user):
        expect_file(user.do({"call": "file", "repo_id": repo.id, "filename": path})[0], repo,
                    "main", path)
    return Sequence(repo, changes, use)


def one_file_of_a_commit(scene, name):
    repo = scene.hub.add_repo("model", "org/pinned", THIRTY)
    path, commit = "part 03/note-3.txt", repo.head
    job = {"call": "file", "repo_id": repo.id, "filename": path, "revision": commit}

    def use(user):
        expect_file(user.do(job)[0], repo, commit, path)
    return Sequence(repo, {path: b"changed"}, use)


def model(scene, name):
    repo = scene.hub.add_real_model()
    content = repo.find("main").entries["tokenizer.json"].content
    tokenizer = Tokenizer.from_str(content.bytes().decode())
    expected = {"ids": tokenizer.encode(TEXT).ids, "size": tokenizer.get_vocab_size(),
                "model_type": "bert",
                "weights": repo.find("main").entries["model.safetensors"].size}

    def use(user):
        assert user.run("load_model.py", {"repo": repo.id, "text": TEXT}) == expected
    return Sequence(repo, {"special_tokens_map.json": b'{"unk_token": "[UNK]"}',
                           "generation_config.json": b"{}"}, use)


def table(streaming):
    def make(scene, name):
        repo = scene.hub.add_real_dataset("parquet")
        lines = repo.find("main").entries["jsonl/train.jsonl"].content.bytes().splitlines()
        rows = [json.loads(it) for it in lines]

        def use(user):
            job = {"repo": repo.id, "config": "parquet", "streaming": streaming}
            assert user.run("load_data.py", job)["rows"] == rows
        card = repo.find("main").entries["README.md"].content.bytes()
        return Sequence(repo, {"README.md": card + b"changed\n", "added.txt": b""}, use)
    return make


def rust_files(scene, name):
    repo = scene.hub.add_repo("model", "org/rust", PAGE)
    mode = name.removeprefix("rust-")

    def use(user):
        for path, (verdict, place) in zip(PAGE, run_rust(scene, mode, repo, "main", *PAGE,
                                                         user=user), strict=True):
            assert verdict == "ok", f"{path}: {place}"
            assert sha256(place) == repo.find("main").entries[path].content.sha256
    return Sequence(repo, {"config.json": b"changed"}, use, asks_again=False)


def javascript(scene, name):
    repo = scene.hub.add_repo("model", "org/js", PAGE)

    def use(user):
        job = {"hubUrl": user.endpoint, "call": "snapshot", "repo": {"type": "model",
                                                                     "name": repo.id}}
        expected = {it.path: it.content.sha256 for it in repo.find("main").entries.values()}
        assert js.run_jobs(user.home, [job]) == [{"files": expected}]
    return Sequence(repo, {"config.json": b"changed", "added.txt": b"added"}, use)


def script(run, files, wanted):
    def make(scene, name):
        repo = scene.hub.add_repo("model", "org/scripted", files)

        def use(user):
            entries = repo.find("main").entries
            expected = {path: it.content.bytes() for path, it in entries.items() if wanted(path)}
            found = run(user.endpoint, repo.id)
            assert found.keys() == expected.keys()
            assert [path for path in found if found[path] != expected[path]] == []
        changes = {next(reversed(files)): Generated(90_000, "changed")}
        return Sequence(repo, changes, use)
    return make


SEQUENCES = {
    "snapshot of 30 files": (snapshot, VERSIONS),
    "one file": (one_file, VERSIONS),
    "one file of a commit": (one_file_of_a_commit, VERSIONS),
    "model and tokenizer": (model, ("transformers",)),
    "parquet table": (table(streaming=False), ("datasets",)),
    "parquet table, streamed": (table(streaming=True), ("datasets",)),
    "files by the crate": (rust_files, ("rust-sync", "rust-tokio")),
    "snapshot in JavaScript": (javascript, ("js",)),
    "parts of a gguf": (script(scripts.llama_cpp, {"README.md": b"#\n"} | PARTS,
                               lambda path: path.endswith(".gguf")), ("llama.cpp",)),
    "files of a page": (script(scripts.transformers_js, PAGE, lambda path: True),
                        ("transformers.js",)),
    "all files in pieces": (script(scripts.hfd, PAGE, lambda path: True), ("hfd.sh",)),
}
CASES = [(sequence, client) for sequence, (_, clients) in SEQUENCES.items() for client in clients]


class Visit:
    """One state of one user: the client at a recorded address, and what came of it."""

    def __init__(self, scene, name, home, recording):
        self.endpoint, self.home = recording.url, home
        self._scene, self._name = scene, name

    def _client(self):
        return self._scene.client(self._name, self.endpoint, home=self.home)

    def do(self, *jobs):
        return self._client().do(*jobs)

    def run(self, program, job):
        return self._client().run(program, job)


@pytest.mark.parametrize(("name", "client"), CASES, ids=lambda it: it.replace(" ", "-"))
def test_sequence(scene, request, name, client):
    make, _ = SEQUENCES[name]
    scene.start(revisions_ttl=f"{TTL_SECONDS}s")
    sequence = make(scene, client)
    homes = {state: scene.home() for state in STATES}
    homes["again"] = homes["cold"]
    if sequence.asks_again:
        homes["moved"] = homes["cold"]
    seen = {}
    for state in STATES:
        if state == "moved":
            sequence.repo.commit(sequence.changes)
            scene.daemon.age(TTL_SECONDS)
        if state == "offline":
            scene.go_offline()
        with Recording(scene.hub, scene.daemon) as recording:
            sequence.use(Visit(scene, client, homes[state], recording))
            seen[state] = {"client": recording.client(), "hub": recording.hub()}
        expect_the_hubs_bytes(sequence.repo, homes[state])
        if state == "moved":
            changed = [sequence.repo.find("main").entries[it] for it in sequence.changes]
            allowed = {it.etag for it in changed} | {quote(it.path, safe="") for it in changed}
            assert transferred(scene.hub) <= allowed
        elif state != "cold":
            assert seen[state]["hub"] == {}, f"{state}: the Hub was asked"
    compare(request, name, client, seen)


def expect_the_hubs_bytes(repo, home) -> None:
    """Every file in the client's own cache is what its commit holds."""
    for path in home.glob("hf/hub/*/snapshots/*/**/*"):
        if path.is_file():
            commit, _, name = str(path).partition("/snapshots/")[2].partition("/")
            assert sha256(path) == repo.commits[commit].entries[name].content.sha256, path


def compare(request, name, client, seen) -> None:
    known = read_table()
    if request.config.getoption("--update-sequences"):
        write_table(known | {name: known.get(name, {}) | {client: seen}})
        return
    expected = known.get(name, {}).get(client, {})
    differing = [f"{state}: {expected.get(state)} became {seen[state]}" for state in STATES
                 if expected.get(state) != seen[state]]
    assert not differing, "other requests than in clients/sequences.json:\n" + "\n".join(differing)


def test_the_table_has_a_test_for_every_row(request):
    known = read_table()
    rows = [(name, client) for name, clients in known.items() for client in clients]
    if request.config.getoption("--update-sequences"):
        write_table({name: {client: known[name][client] for client in clients
                            if (name, client) in CASES}
                     for name, (_, clients) in SEQUENCES.items() if name in known})
        return
    assert sorted(rows) == sorted(CASES)
