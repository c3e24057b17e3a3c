"""The Hub of a bench run: the stand-in answers for the Hub, another server delivers for the CDN.

`python stand_in.py CDN_URL MANIFEST` serves the model bench/big with the files of the manifest
(JSON: path in the repo to [path on disk, SHA-256]) and a config.json of 1 KiB, the model
bench/small with 30 small files, and a config.json of bench/gated, which TOKEN alone opens. The
signed URLs of its redirects point at CDN_URL, because Python would be the slowest link of every
transfer. Prints one line of JSON with its URL and what it serves, and lives until SIGTERM.
"""
import json
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from hub import OnDisk, StandInHub  # noqa: E402

CONFIG = json.dumps({"model_type": "bench", "filler": "x" * 960}).encode()
GATED = CONFIG.replace(b"bench", b"gated")
TOKEN = "hf_" + "b" * 34
SMALL_FILES = 30


def on_disk(path: str, sha256: str) -> OnDisk:
    content = OnDisk(path)
    vars(content)["sha256"] = sha256  # known already: a run has many Hubs and the file is large
    return content


def main() -> None:
    cdn_url, manifest = sys.argv[1:]
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    files = {path: on_disk(*it) for path, it in json.loads(pathlib.Path(manifest).read_text()).items()}
    small = {f"part-{it:02}.json": CONFIG + b"%d" % it for it in range(SMALL_FILES)}
    with StandInHub() as hub:
        big = hub.add_repo("model", "bench/big", {**files, "config.json": CONFIG},
                           lfs=lambda _path, of: isinstance(of, OnDisk))
        many = hub.add_repo("model", "bench/small", small)
        gated = hub.add_repo("model", "bench/gated", {"config.json": GATED}, gated="manual")
        hub.add_token(TOKEN, [gated])
        signed = hub.cdn.sign
        hub.cdn.sign = lambda base, *what: signed(cdn_url, *what)
        print(json.dumps({"url": hub.url, "commit": big.head, "small_commit": many.head,
                          "gated_commit": gated.head, "token": TOKEN}), flush=True)
        signal.sigwait(signals)


main()
