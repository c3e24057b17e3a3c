"""`python -m hub`: the stand-in by itself, for benchmarks and for trying things by hand."""
import argparse
import os
import signal
import tempfile

from . import Generated, OnDisk, StandInHub

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def size(value: str) -> int:
    value = value.upper().removesuffix("IB").removesuffix("B")
    unit = value[-1] if value[-1:] in UNITS else ""
    return int(value.removesuffix(unit)) * UNITS[unit]


def big_file(folder: str, length: int) -> OnDisk:
    """Generated once to disk, so that it leaves by sendfile and not through Python."""
    path = os.path.join(folder, "big.bin")
    with open(path, "wb") as file:
        for chunk in Generated(length, "big").chunks(step=2**20):
            file.write(chunk)
    return OnDisk(path)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m hub", description=__doc__)
    parser.add_argument("--port", type=int, default=9090)
    parser.add_argument("--cdn-port", type=int, default=9091)
    parser.add_argument("--tls", action="store_true", help="both origins over TLS, with a made CA")
    parser.add_argument("--rate", type=size, help="bytes per second of the CDN, all together")
    parser.add_argument("--big", type=size, help="size of big.bin in the model repo bench/big")
    parser.add_argument("--real", action="store_true", help="add the real small model and dataset")
    parser.add_argument("--token", help="a token that may read everything")
    options = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    hub = StandInHub(tls=options.tls, port=options.port, cdn_port=options.cdn_port)
    with tempfile.TemporaryDirectory(prefix="hub-") as folder, hub:
        hub.cdn_rate = options.rate
        if options.token:
            hub.add_token(options.token)
        hub.add_repo("model", "bench/small", {"config.json": b'{"model_type": "small"}\n'})
        if options.big:
            hub.add_repo("model", "bench/big", {"big.bin": big_file(folder, options.big)})
        if options.real:
            hub.add_real_model()
            for format in ("csv", "jsonl", "parquet"):
                hub.add_real_dataset(format)
        print(f"hub {hub.url}\ncdn {hub.cdn_url}", flush=True)
        if options.tls:
            print(f"ca  {hub.ca_file}", flush=True)
        signal.sigwait(signals)


main()
