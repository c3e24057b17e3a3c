"""What caches fetch from: the stand-in Hub, and native/origin.cpp as its CDN."""
import http.client
import json
import os
import pathlib
import signal
import subprocess

from machine import CLIENT_CORE, STOP_SECONDS, BenchError, clean_env, pinned

MAIN = "/bench/big/resolve/main/"


class Origin:
    """`files`: path in the repo to path on disk. Rates are bytes per second: `rate` of each
    connection, `line` of all together; `latency_ms` is the round trip of the line."""

    def __init__(self, bench, files: dict[str, pathlib.Path], rate=0, line=0, latency_ms=0):
        folder = bench.fresh("origin")
        (folder / "cdn").mkdir(parents=True)
        self.sha256 = {name: bench.digest(path) for name, path in files.items()}
        for name, path in files.items():
            link = folder / "cdn" / self.sha256[name]
            if not link.exists():
                link.symlink_to(path)
        manifest = folder / "manifest.json"
        manifest.write_text(json.dumps({name: [str(path), self.sha256[name]]
                                        for name, path in files.items()}))
        self._processes: list[subprocess.Popen] = []
        try:
            cdn = self._start([str(bench.native("origin")), str(folder / "cdn"), "--rate",
                               str(rate), "--line", str(line), "--latency-ms", str(latency_ms)])
            self.cdn_port = cdn["port"]
            hub = self._start([bench.python, str(pathlib.Path(__file__).with_name("stand_in.py")),
                               f"http://127.0.0.1:{self.cdn_port}", str(manifest)])
        except BaseException:  # above all the exit that a signal asks for
            self.stop()
            raise
        self.url, self.commit, self.small_commit = hub["url"], hub["commit"], hub["small_commit"]
        self.gated_commit, self.token = hub["gated_commit"], hub["token"]
        self._seen = 0

    def _start(self, command: list[str]) -> dict:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=clean_env(),
                                   preexec_fn=pinned(CLIENT_CORE))
        self._processes.append(process)
        about = json.loads(process.stdout.readline() or "{}")
        if not about:
            raise BenchError(f"{os.path.basename(command[-2])} did not start")
        return about

    def at_commit(self, name: str) -> str:
        return f"/bench/big/resolve/{self.commit}/{name}"

    def direct(self, name: str) -> str:
        """The path of a file at the CDN itself."""
        return f"/direct/{self.sha256[name]}"

    def report(self) -> dict:
        link = http.client.HTTPConnection("127.0.0.1", self.cdn_port, timeout=60)
        link.request("GET", "/-/requests")
        found = json.loads(link.getresponse().read())
        link.close()
        return found

    def bytes_sent(self) -> int:
        return self.report()["sent"]

    def requests(self, name: str) -> list[dict]:
        return [it for it in self.report()["requests"] if it["file"] == self.sha256[name]]

    def stop(self) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes:
            process.communicate(timeout=STOP_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
