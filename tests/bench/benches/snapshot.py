"""warm snapshot_download of 30 files by the newest huggingface_hub: CPU of the server"""
import json
import os
import subprocess

from bench import BenchError
from machine import CLIENT_CORE, Missing, clean_env, pinned
from benches.common import warm

DOWNLOADS = 8  # in a round, each into an empty folder
SCRIPT = """
import json, sys, time, huggingface_hub
folder, count = sys.argv[1], int(sys.argv[2])
began = time.monotonic()
for it in range(count):
    huggingface_hub.snapshot_download("bench/small", cache_dir=f"{folder}/{it}")
print(json.dumps({"seconds": time.monotonic() - began, "version": huggingface_hub.__version__}))
"""


def download(bench, server, count: int) -> dict:
    folder = bench.fresh("snapshot")
    env = clean_env(HF_ENDPOINT=f"http://127.0.0.1:{server.port}", HF_HOME=str(folder),
                    HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HUB_DISABLE_TELEMETRY="1")
    before = server.cpu_seconds()
    ended = subprocess.run([str(bench.hf_python), "-c", SCRIPT, str(folder), str(count)], env=env,
                           preexec_fn=pinned(CLIENT_CORE), text=True, capture_output=True)
    used = server.cpu_seconds() - before
    if ended.returncode != 0:
        raise BenchError(f"snapshot_download failed: {ended.stderr.strip()[-500:]}")
    return json.loads(ended.stdout) | {"server_cpu": used, "ms_each": 1000 * used / count,
                                       "downloads": count}


def measure(bench) -> list[dict]:
    if not os.access(bench.hf_python, os.X_OK):
        bench.skipped.append(str(Missing(f"{bench.hf_python} is not there; tests/run makes it")))
        return []
    with warm(bench, bench.files(1, 2**20)) as (_origin, ours):
        download(bench, ours, 1)  # not measured: what is small and cold comes into the store
        count = 1 if bench.smoke else DOWNLOADS
        return [bench.row("30 files", "snapshot",
                          {"hubkeep": lambda: download(bench, ours, count)})]
