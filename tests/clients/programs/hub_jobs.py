"""A user of huggingface_hub: does the jobs it reads as JSON and writes what came of each.

Runs in the environment of any huggingface_hub from 0.20 on; its argument is how many jobs may run
at once. Input: a list of
{"call": "file" | "snapshot" | "info" | "tree" | "refs" | "paths" | "lists" | "read" | "whoami" |
"login" | "limit", ...arguments}, where `endpoint` takes the place of HF_ENDPOINT for one job.
Output, on the last line: a list of the same length, with digests and never the bytes; an exception
becomes the names of its classes, so that the test sees what the user's `except` would.
"""
import hashlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import huggingface_hub
from huggingface_hub import HfApi, hf_hub_download, snapshot_download
from huggingface_hub.utils import tqdm


def digest(path):
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
    return sha256.hexdigest()


def commit_of(path):
    """The commit is a part of the path: .../snapshots/{commit}/{file}."""
    parts = path.split(os.sep)
    return parts[parts.index("snapshots") + 1]


def file(**job):
    path = hf_hub_download(**job)
    return {"sha256": digest(path), "size": os.path.getsize(path), "commit": commit_of(path),
            "blob": os.path.basename(os.readlink(path))}


def snapshot(**job):
    top = snapshot_download(**job)
    found = {}
    for folder, _, names in os.walk(top):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = digest(path)
    return {"commit": os.path.basename(top), "files": found}


def info(endpoint=None, **job):
    repo = HfApi(endpoint).repo_info(**job)
    return {"id": repo.id, "sha": repo.sha, "names": sorted(it.rfilename for it in repo.siblings)}


def tree(endpoint=None, **job):
    if job.pop("recursive", True):
        job["recursive"] = True
    return {"names": sorted(it.path for it in HfApi(endpoint).list_repo_tree(**job))}


def refs(endpoint=None, **job):
    found = HfApi(endpoint).list_repo_refs(**job)
    return {"branches": {it.name: it.target_commit for it in found.branches}}


def paths(endpoint=None, **job):
    found = HfApi(endpoint).get_paths_info(**job)
    return {"sizes": {it.path: getattr(it, "size", None) for it in found}}


def lists(search, repo_id, endpoint=None):
    api = HfApi(endpoint)
    return {"models": [it.id for it in api.list_models(search=search)],
            "commits": [it.commit_id for it in api.list_repo_commits(repo_id)],
            "discussions": [it.title for it in api.get_repo_discussions(repo_id)]}


def read(path, start, stop):
    from huggingface_hub import HfFileSystem
    with HfFileSystem().open(path, "rb", block_size=1 << 16) as stream:
        stream.seek(start)
        return {"sha256": hashlib.sha256(stream.read(stop - start)).hexdigest()}


def whoami(**job):
    told = HfApi().whoami(**job)
    return {"name": told["name"], "role": told["auth"]["accessToken"]["role"]}


def login(token):
    """As `hf auth login` does: asks who it is, and stores the token for what follows."""
    huggingface_hub.login(token=token)
    return {"stored": HfApi().token or huggingface_hub.get_token()}


def limit(size):
    """What is larger counts as too large for plain HTTP, as 50 GB do by default."""
    huggingface_hub.constants.MAX_HTTP_DOWNLOAD_SIZE = size
    return {}


CALLS = {it.__name__: it for it in (file, snapshot, info, tree, refs, paths, lists, read, whoami,
                                    login, limit)}


def do(job):
    started = time.monotonic()
    try:
        result = CALLS[job.pop("call")](**job)
    except Exception as error:
        result = {"error": [it.__name__ for it in type(error).__mro__], "message": str(error)}
    result["seconds"] = time.monotonic() - started
    return result


if __name__ == "__main__":
    # Else the end of one snapshot takes away the lock that the progress bars of others hold.
    tqdm.get_lock()
    with ThreadPoolExecutor(int(sys.argv[1])) as pool:
        results = list(pool.map(do, json.load(sys.stdin)))
    print(json.dumps({"version": huggingface_hub.__version__, "results": results}))
