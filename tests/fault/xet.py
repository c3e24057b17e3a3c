"""A plain Xet client: asks what a file is made of, reads the parts, and looks at every byte of them.

As hf_xet does it (Xet Protocol Specification 1.1.0), but without its repeats, and with all the
checks that it leaves out.
"""
import urllib.parse

from fault.support import MIB, Answer, ask

CAS = "/-/xet"
TERM, CHUNK, HEADER = 8 * MIB, 128 * 1024, 8


class Xet:
    """Somebody with a Xet token of one commit of a repo."""

    def __init__(self, daemon, repo, revision=None, **headers):
        self.daemon, self.repo = daemon, repo
        self.answer = ask(daemon, token_path(repo, revision or repo.head), **headers)
        assert self.answer.status == 200, self.answer
        self.told = self.answer.json()
        self.token = self.told["accessToken"]

    def ask(self, path: str, method="GET", **headers) -> Answer:
        return ask(self.daemon, CAS + path, method,
                   **{"authorization": f"Bearer {self.token}"} | headers)

    def plan(self, content, form="v2", first=None, last=None) -> dict:
        """The document for the whole file, or for a range of it, both ends in it."""
        headers = {} if first is None else {"range": f"bytes={first}-{last}"}
        answer = self.ask(f"/{form}/reconstructions/{content.xet_hash}", **headers)
        assert answer.status == 200, answer
        return answer.json()

    def read(self, content, form="v2", first=None, last=None) -> bytes:
        plan = self.plan(content, form, first, last)
        whole = b"".join(self.read_term(plan, it) for it in plan["terms"])
        skip = plan["offset_into_first_range"]
        return whole[skip:] if last is None else whole[skip:skip + last - first + 1]

    def read_term(self, plan: dict, term: dict) -> bytes:
        url, chunks, (first, last) = place_of(plan, term["hash"])
        assert chunks == term["range"]
        answer = fetch(self.daemon, url, range=f"bytes={first}-{last}")
        assert answer.status == 206 and answer.complete, answer
        data = chunks_of(answer.body)
        assert len(data) == chunks["end"] - chunks["start"]
        assert sum(map(len, data)) == term["unpacked_length"]
        return b"".join(data)


def token_path(repo, revision: str) -> str:
    return f"/api/{repo.plural}/{repo.id}/xet-read-token/{urllib.parse.quote(revision, safe='')}"


def place_of(plan: dict, xorb: str):
    """URL, chunks and bytes of the only stretch of a xorb, in a document of either form."""
    if "xorbs" in plan:
        (entry,), = [it["ranges"] for it in plan["xorbs"][xorb]]
        url, chunks, span = plan["xorbs"][xorb][0]["url"], entry["chunks"], entry["bytes"]
    else:
        entry, = plan["fetch_info"][xorb]
        url, chunks, span = entry["url"], entry["range"], entry["url_range"]
    return url, chunks, (span["start"], span["end"])


def fetch(daemon, url: str, method="GET", **headers) -> Answer:
    """What an address of a plan leads to, at this daemon and with no credential of its own."""
    assert url.startswith(daemon.url + CAS), url
    return ask(daemon, url.removeprefix(daemon.url), method, **headers)


def chunks_of(data: bytes) -> list[bytes]:
    """The data of each chunk, whose headers must be those of unpacked chunks without a gap."""
    found = []
    while data:
        version, size, scheme, raw = (data[0], int.from_bytes(data[1:4], "little"), data[4],
                                      int.from_bytes(data[5:8], "little"))
        assert (version, scheme) == (0, 0) and size == raw and 0 < raw <= CHUNK
        assert len(data) >= HEADER + size, "the last chunk is cut"
        found.append(data[HEADER:HEADER + size])
        data = data[HEADER + size:]
    return found


def xorb_bytes(content, number: int) -> bytes:
    """A whole xorb as it has to be."""
    begin = number * TERM
    end = min(content.size, begin + TERM)
    parts = []
    for at in range(begin, end, CHUNK):
        data = content.read(at, min(CHUNK, end - at))
        size = len(data).to_bytes(3, "little")
        parts += [b"\0", size, b"\0", size, data]
    return b"".join(parts)
