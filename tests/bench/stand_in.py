"""The Hub of a bench run: the stand-in answers for the Hub, nginx delivers for the CDN.

`python stand_in.py FILE CDN_URL` serves FILE as big.bin, and a small config.json, of the model
bench/big, and another small file of bench/gated, which TOKEN alone opens; the signed URL of its redirect points at nginx, because Python would be the slowest link
of every transfer. Prints one line of JSON with its URL, the commits and the digest, and lives until
SIGTERM.
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


def main() -> None:
    path, cdn_url = sys.argv[1:]
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    with StandInHub() as hub:
        big = OnDisk(path)
        repo = hub.add_repo("model", "bench/big", {"big.bin": big, "config.json": CONFIG})
        gated = hub.add_repo("model", "bench/gated", {"config.json": GATED}, gated="manual")
        hub.add_token(TOKEN, [gated])
        signed = hub.cdn.sign
        hub.cdn.sign = lambda base, *what: signed(cdn_url, *what)
        print(json.dumps({"url": hub.url, "commit": repo.head, "sha256": big.sha256,
                          "gated_commit": gated.head, "token": TOKEN}), flush=True)
        signal.sigwait(signals)


main()
