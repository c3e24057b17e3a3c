"""The newest huggingface_hub straight against the stand-in: it must not tell it from the Hub.

The client reads its environment when it is imported, so each test runs it in a process of its own.
"""
import json
import subprocess
import sys

import pytest

from hub import Generated
from support.daemon import clean_env

from .samples import BIG, FILES

PREFACE = """
import json, pathlib, sys
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
def tried(run):
    try:
        return str(run())
    except Exception as error:
        return type(error).__name__
"""


@pytest.fixture
def client(hub, tmp_path):
    """Runs Python text with the client in it; what it prints last is its result, as JSON."""
    def run(text, **env):
        env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"),
               "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"} | env
        done = subprocess.run([sys.executable, "-c", PREFACE + text], env=clean_env(env),
                              capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])
    return run


def test_every_kind_of_file(hub, repo, client):
    names = json.dumps(list(FILES))
    found = client(f"print(json.dumps([hf_hub_download('org/name', it) for it in {names}]))")
    for name, path in zip(FILES, found, strict=True):
        assert path.endswith(f"/snapshots/{repo.head}/{name}")
        content = repo.commits[repo.head].entries[name].content
        assert open(path, "rb").read() == content.bytes(), name
    assert hub.bytes_sent("cdn") == BIG and hub.leaks == []


def test_snapshot_follows_all_pages_and_is_quiet_when_warm(hub, client):
    files = {f"part {n:02}/f.txt": b"%d" % n for n in range(30)} | {"w.bin": Generated(50_000, 3)}
    repo = hub.add_repo("dataset", "org/many", files)
    hub.tree_page_size = 7
    text = "print(json.dumps(snapshot_download('org/many', repo_type='dataset')))"
    folder = client(text)
    for name, entry in repo.commits[repo.head].entries.items():
        assert open(f"{folder}/{name}", "rb").read() == entry.content.bytes()
    hub.reset_counts()
    assert client(text) == folder
    paths = [it.path for it in hub.requests if "agent-harnesses" not in it.path]
    assert paths == ["/api/datasets/org/many/revision/main"]


def test_errors_arrive_as_the_right_exceptions(hub, repo, client, tmp_path):
    hub.add_repo("model", "org/gated", {"a.json": b"{}"}, gated="auto")
    hub.add_token("hf_readerreaderreader")
    found = client("""
print(json.dumps([tried(lambda: hf_hub_download(*it)) for it in (
    ("org/name", "none.txt"), ("org/gated", "a.json"), ("org/none", "a.json"))]
  + [tried(lambda: hf_hub_download("org/name", "config.json", revision="none"))]))
""", HF_TOKEN="hf_readerreaderreader")
    assert found[0] == "RemoteEntryNotFoundError" and found[3] == "RevisionNotFoundError"
    assert found[1].endswith("a.json") and found[2] == "RepositoryNotFoundError"
    anonymous = client("print(json.dumps(tried(lambda: hf_hub_download('org/gated', 'a.json'))))",
                       HF_HOME=str(tmp_path / "other"))
    assert anonymous == "GatedRepoError"


def test_api_calls_parse(hub, repo, client):
    repo.tag("v1")
    found = client("""
api = HfApi()
tree = list(api.list_repo_tree("org/name", recursive=True, expand=True))
print(json.dumps({
    "files": api.list_repo_files("org/name"), "sha": api.model_info("org/name").sha,
    "tree": [it.path for it in tree],
    "tags": [it.name for it in api.list_repo_refs("org/name").tags],
    "paths": [it.path for it in api.get_paths_info("org/name", ["config.json", "deep"])],
    "commits": len(api.list_repo_commits("org/name")),
    "security": next(it for it in tree if it.path == "config.json").security.safe,
    "search": [it.id for it in api.list_models(search="name")]}))
""")
    assert sorted(found.pop("files")) == sorted(FILES)
    assert set(FILES) < set(found.pop("tree"))
    assert found == {"sha": repo.head, "tags": ["v1"], "paths": ["config.json", "deep"],
                     "commits": 1, "security": True, "search": ["org/name"]}


def test_real_model_and_dataset_are_real(hub, client):
    model, data = hub.add_real_model(), hub.add_real_dataset()
    assert {it.lfs for it in model.commits[model.head].entries.values()} == {True, False}
    found = client("""
import pyarrow.parquet
from safetensors import safe_open
from tokenizers import Tokenizer
model = snapshot_download("stand-in/tiny-bert")
data = snapshot_download("stand-in/tiny-parquet", repo_type="dataset")
ids = Tokenizer.from_file(model + "/tokenizer.json").encode("the hub keeps every file").ids
with safe_open(model + "/model.safetensors", "numpy") as weights:
    shape = list(weights.get_tensor("embeddings.word_embeddings.weight").shape)
rows = pyarrow.parquet.read_table(data + "/parquet/train.parquet").num_rows
lines = len(open(data + "/jsonl/train.jsonl").readlines())
print(json.dumps([len(ids), shape, rows, lines]))
""")
    assert found[0] == 7 and found[1][1] == 32 and found[2:] == [400, 400]
    assert data.kind == "dataset"
