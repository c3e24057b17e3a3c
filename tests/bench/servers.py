"""The servers of a bench run as processes: pinned to a core, measured through /proc, ended by id.

Each one is made and stopped by the scenario that uses it; `stop` may be called twice. Times are
seconds, memory is bytes, as the kernel counts them for the process and its children.
"""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

SERVER_CORE, CLIENT_CORE = 0, 1
START_SECONDS, STOP_SECONDS = 30, 45
# A proxy or a token of the person who measures must not decide what is measured.
FOREIGN = re.compile(r"^(HF_|HUBKEEP_|HUGGING|https?_proxy$|all_proxy$|no_proxy$)", re.IGNORECASE)


class BenchError(Exception):
    """Something a user can act on; ends the run with this sentence."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def process_clock(pid: int) -> int:
    """clock_getcpuclockid(3), which Python does not have: all threads, also those that ended."""
    return (~pid << 3) | 2


def pinned(core: int):
    return lambda: os.sched_setaffinity(0, {core})


class Server:
    def __init__(self, name: str, command: list[str], core: int, log: pathlib.Path, port: int):
        self.name, self.port, self._log = name, port, log
        env = {key: value for key, value in os.environ.items() if not FOREIGN.match(key)}
        with open(log, "ab") as out:
            self.process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out, preexec_fn=pinned(core))

    def wait_for_port(self) -> "Server":
        deadline = time.monotonic() + START_SECONDS
        try:
            while time.monotonic() < deadline and self.process.poll() is None:
                with socket.socket() as sock:
                    if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                        return self
                time.sleep(0.02)
        except BaseException:  # above all the exit that a signal asks for
            self.stop()
            raise
        self.stop()
        raise BenchError(f"{self.name} did not start: {self._log.read_text()[-2000:]}")

    def pids(self) -> list[int]:
        own = self.process.pid
        children = pathlib.Path(f"/proc/{own}/task/{own}/children").read_text().split()
        return [own, *map(int, children)]

    def cpu_seconds(self) -> float:
        """Of all threads and children so far, in nanoseconds' steps: ticks are 10 ms."""
        return sum(time.clock_gettime(process_clock(pid)) for pid in self.pids())

    def memory(self) -> dict[str, int]:
        """VmHWM is the peak of resident memory; RssAnon leaves out pages of files."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        found = dict(re.findall(r"^(VmHWM|VmRSS|RssAnon|RssFile):\s+(\d+) kB$", text, re.M))
        return {name: int(kib) * 1024 for name, kib in found.items()}

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise BenchError(f"{self.name} did not end on SIGTERM") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def hubkeep(binary: str, folder: pathlib.Path, hub_url: str, core=SERVER_CORE, **more) -> Server:
    """With its defaults, but one thread for the one core, and a ttl that outlives a run."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    flags = {"listen": f"127.0.0.1:{port}", "admin-listen": f"127.0.0.1:{free_port()}",
             "data-dir": str(folder / "data"), "upstream-endpoint": hub_url, "threads": "1",
             "revisions-ttl": "1h"} | {key.replace("_", "-"): value for key, value in more.items()}
    command = [binary, "serve", "--config", str(folder / "empty.yaml")]
    (folder / "empty.yaml").write_text("")
    for name, value in flags.items():
        command += ["--" + name, value]
    return Server("hubkeep", command, core, folder / "log", port).wait_for_port()


NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 4096; }}
http {{
  log_format bytes '$body_bytes_sent';
  access_log {folder}/access.log {format};
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
  server {{
    listen 127.0.0.1:{port} backlog=1024;
{locations}
  }}
}}
"""


def nginx(folder: pathlib.Path, locations: str, core: int, log_format="combined",
          http="") -> Server:
    program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        raise BenchError("nginx is not installed; deploy/packages bench installs it")
    folder.mkdir(parents=True)
    port = free_port()
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(
        user=user, folder=folder, port=port, locations=locations, format=log_format,
        http=http))
    command = [program, "-p", str(folder), "-c", str(folder / "nginx.conf"),
               "-e", str(folder / "error.log")]
    return Server("nginx", command, core, folder / "log", port).wait_for_port()


def file_location(path: str, file: pathlib.Path, headers: dict[str, str]) -> str:
    lines = [f"location = {path} {{", f"  alias {file};", "  etag off;"]
    for name, value in headers.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  add_header {name} "{escaped}";')
    return "\n".join(f"    {line}" for line in [*lines, "}"])


def nginx_cache(folder: pathlib.Path, origin_port: int) -> Server:
    """nginx as a caching proxy before a server, whose headers it keeps and repeats."""
    store = (f"  proxy_cache_path {folder}/cache levels=1:2 keys_zone=bench:16m inactive=1d "
             "use_temp_path=off;")
    location = f"""    location / {{
      proxy_pass http://127.0.0.1:{origin_port};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_cache bench;
      proxy_cache_key $uri;
      proxy_cache_valid 200 1d;
      proxy_ignore_headers Cache-Control Expires Vary Set-Cookie X-Accel-Expires;
      proxy_max_temp_file_size 0;
    }}"""
    return nginx(folder, location, SERVER_CORE, http=store)


class Origin:
    """What hubkeep fetches from: the stand-in Hub, and nginx as its CDN at a chosen rate."""

    def __init__(self, python: str, folder: pathlib.Path, big: pathlib.Path, rate_mib: int | None):
        limit = f"limit_rate {rate_mib}m;" if rate_mib else ""
        # Whatever its URL is, the CDN has one file.
        location = f"    location / {{ {limit} rewrite ^ /{big.name} break; root {big.parent}; }}"
        self.folder = folder
        self.cdn = nginx(folder / "cdn", location, CLIENT_CORE, log_format="bytes")
        script = str(pathlib.Path(__file__).with_name("stand_in.py"))
        cdn_url = f"http://127.0.0.1:{self.cdn.port}"
        self._hub = subprocess.Popen([python, script, str(big), cdn_url], stdout=subprocess.PIPE,
                                     preexec_fn=pinned(CLIENT_CORE), text=True)
        try:
            about = json.loads(self._hub.stdout.readline() or "{}")
        except BaseException:  # above all the exit that a signal asks for
            self.stop()
            raise
        if not about:
            self.stop()
            raise BenchError("the stand-in Hub did not start")
        self.url, self.commit, self.sha256 = about["url"], about["commit"], about["sha256"]
        self.gated_commit, self.token = about["gated_commit"], about["token"]

    def bytes_sent(self) -> int:
        """By the CDN, of all requests that ended."""
        return sum(map(int, (self.folder / "cdn/access.log").read_text().split()))

    def stop(self) -> None:
        self.cdn.stop()
        if self._hub.poll() is None:
            self._hub.send_signal(signal.SIGTERM)
        self._hub.communicate(timeout=STOP_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def head(port: int, path: str) -> http.client.HTTPResponse:
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        link.request("HEAD", path)
        return link.getresponse()
    finally:
        link.close()
