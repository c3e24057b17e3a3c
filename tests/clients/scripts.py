"""Clients that are written here, request by request, as the real ones send them.

llama.cpp, transformers.js in a page, and scripts around `curl` have no library to install; what
they ask, and in which order, is theirs (see each). All of them return path -> bytes.
"""
import json
import urllib.error
import urllib.parse
import urllib.request

PIECES = 4


class Answer:
    def __init__(self, reply):
        self.status, self.headers, self.body = reply.status, reply.headers, reply.read()

    def json(self):
        return json.loads(self.body)


def ask(url: str, method="GET", **headers) -> Answer:
    request = urllib.request.Request(url, method=method, headers={
        name.replace("_", "-"): value for name, value in headers.items()})
    try:
        return Answer(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request))
    except urllib.error.HTTPError as refusal:
        return Answer(refusal)


def expect(status: int, answer: Answer) -> Answer:
    assert answer.status == status, (answer.status, answer.headers.items(), answer.body[:200])
    return answer


def quoted(path: str) -> str:
    return urllib.parse.quote(path)


def llama_cpp(endpoint: str, repo: str) -> dict[str, bytes]:
    """common/hf-cache.cpp: the commit from the refs, the first page of the tree, then each part."""
    fields = {"user_agent": "llama-cpp/b6000", "accept": "application/json"}
    refs = expect(200, ask(f"{endpoint}/api/models/{repo}/refs", **fields)).json()
    commit = next(it["targetCommit"] for it in refs["branches"] if it["name"] == "main")
    tree = expect(200, ask(f"{endpoint}/api/models/{repo}/tree/{commit}?recursive=true", **fields))
    found = {}
    for row in tree.json():
        if row["path"].endswith(".gguf"):
            url = f"{endpoint}/{repo}/resolve/{commit}/{quoted(row['path'])}"
            head = expect(200, ask(url, "HEAD", user_agent="llama-cpp/b6000"))
            assert head.headers["ETag"].startswith('"') and head.headers["Accept-Ranges"] == "bytes"
            found[row["path"]] = expect(200, ask(url, user_agent="llama-cpp/b6000")).body
            assert int(head.headers["Content-Length"]) == len(found[row["path"]])
    return found


def transformers_js(endpoint: str, repo: str) -> dict[str, bytes]:
    """A page: for each file first its size by `bytes=0-0`, then the whole; no token."""
    fields = {"origin": "https://app.example", "sec_fetch_mode": "cors"}
    found = {}
    for path in ("config.json", "tokenizer.json", "tokenizer_config.json",
                 "onnx/model_quantized.onnx", "generation_config.json"):
        url = f"{endpoint}/{repo}/resolve/main/{quoted(path)}"
        probe = ask(url, range="bytes=0-0", cache_control="no-store", **fields)
        assert probe.headers["Access-Control-Allow-Origin"] in ("*", fields["origin"])
        assert "content-range" in probe.headers["Access-Control-Expose-Headers"].lower()
        if probe.status == 404:
            assert probe.headers["X-Error-Code"] == "EntryNotFound"
            continue
        size = int(expect(206, probe).headers["Content-Range"].rpartition("/")[2])
        found[path] = expect(200, ask(url, **fields)).body
        assert len(found[path]) == size
    return found


def hfd(endpoint: str, repo: str) -> dict[str, bytes]:
    """hfd.sh: the names from the description, each file in pieces, as `aria2c -x` fetches it."""
    info = expect(200, ask(f"{endpoint}/api/models/{repo}", user_agent="curl/8.0")).json()
    assert info["gated"] is False
    found = {}
    for name in (it["rfilename"] for it in info["siblings"]):
        url = f"{endpoint}/{repo}/resolve/main/{quoted(name)}"
        size = int(expect(200, ask(url, "HEAD")).headers["Content-Length"])
        edges = [size * n // PIECES for n in range(PIECES + 1)]
        spans = [it for it in zip(edges, edges[1:]) if it[0] < it[1]]
        found[name] = b"".join(
            expect(206, ask(url, range=f"bytes={first}-{stop - 1}")).body for first, stop in spans)
    return found
