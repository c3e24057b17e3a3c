"""hubkeep and nginx as a bench starts them: the defaults, an access log, one core."""
import os
import pathlib
import subprocess
import time

from machine import SERVER_CORE, BenchError, Server, free_port, program

PUBLISH_SECONDS = 60
CIPHER = "TLS_AES_128_GCM_SHA256"  # as client.cpp insists; TLS 1.3 has its own list of ciphers


class Hubkeep(Server):
    """With its defaults, but one thread for the one core, and a ttl that outlives a run."""

    def __init__(self, bench, folder: pathlib.Path, hub_url: str, **more):
        folder.mkdir(parents=True, exist_ok=True)
        self.data = folder / "data"
        port = free_port()
        flags = {"listen": f"127.0.0.1:{port}", "admin-listen": f"127.0.0.1:{free_port()}",
                 "data-dir": str(self.data), "upstream-endpoint": hub_url, "threads": "1",
                 "revisions-ttl": "1h"} | {key.replace("_", "-"): it for key, it in more.items()}
        (folder / "empty.yaml").write_text("")
        command = [bench.binary, "serve", "--config", str(folder / "empty.yaml")]
        for name, value in flags.items():
            command += ["--" + name, value]
        self._profile = bench.profiler.watch("hubkeep")
        super().__init__("hubkeep", command, SERVER_CORE, folder / "log", port, self._profile.env)
        self.wait_for_port()
        self._profile.begin(self.process.pid)

    def blob(self, digest: str) -> pathlib.Path:
        return self.data / "blobs/sha256" / digest[:2] / digest

    def wait_for_blob(self, digest: str) -> pathlib.Path:
        """As soon as it has its final name a miss has cost all it costs."""
        deadline = time.monotonic() + PUBLISH_SECONDS
        while not self.blob(digest).exists():
            if time.monotonic() > deadline:
                raise BenchError("hubkeep has not published the file after a minute")
            time.sleep(0.002)
        return self.blob(digest)

    def stop(self) -> None:
        super().stop()
        self._profile.end()


def certificate(folder: pathlib.Path) -> dict[str, str]:
    """A key and a certificate of a day: what hubkeep is told, nginx is told too."""
    folder.mkdir(parents=True, exist_ok=True)
    key, cert = folder / "key.pem", folder / "cert.pem"
    if not cert.exists():
        subprocess.run([program("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1", "-subj",
                        "/CN=localhost", "-keyout", str(key), "-out", str(cert)],
                       check=True, capture_output=True)
        key.chmod(0o600)
    return {"tls_cert": str(cert), "tls_key": str(key)}


NGINX = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 16384; }}
http {{
  access_log {folder}/access.log combined;
  sendfile on;
  tcp_nopush on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  default_type application/octet-stream;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
{http}
  server {{
    listen 127.0.0.1:{port} backlog=1024{tls};
{locations}
  }}
}}
"""


class Nginx(Server):
    def __init__(self, name: str, folder: pathlib.Path, locations: str, http="", tls=None):
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        if tls:
            locations += (f"\n    ssl_certificate {tls['tls_cert']};\n"
                          f"    ssl_certificate_key {tls['tls_key']};\n"
                          "    ssl_protocols TLSv1.3;\n    ssl_session_cache shared:tls:8m;")
        (folder / "nginx.conf").write_text(NGINX.format(
            user=user, folder=folder, port=port, locations=locations, http=http,
            tls=" ssl" if tls else ""))
        command = [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"),
                   "-e", str(folder / "error.log")]
        super().__init__(name, command, SERVER_CORE, folder / "log", port)
        self.wait_for_port()


def file_location(path: str, file: pathlib.Path, headers: dict[str, str]) -> str:
    """One file with headers of its own."""
    lines = [f"location = {path} {{", f"  alias {file};", "  etag off;"]
    for name, value in headers.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'  add_header {name} "{escaped}";')
    return "\n".join(f"    {line}" for line in [*lines, "}"])


def nginx_cache(folder: pathlib.Path, upstream_port: int, lock=False, tls=None) -> Server:
    """nginx as a caching proxy before a server, whose headers it keeps and repeats."""
    store = (f"  proxy_cache_path {folder}/cache levels=1:2 keys_zone=bench:16m inactive=1d "
             "use_temp_path=off;\n"
             f"  upstream behind {{ server 127.0.0.1:{upstream_port}; keepalive 16; }}")
    location = f"""    location / {{
      proxy_pass http://behind;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host 127.0.0.1:{upstream_port};
      proxy_cache bench;
      proxy_cache_key $uri;
      proxy_cache_valid 200 1d;
      proxy_cache_lock {"on" if lock else "off"};
      proxy_cache_lock_timeout 1h;
      proxy_cache_lock_age 1h;
      proxy_ignore_headers Cache-Control Expires Vary Set-Cookie X-Accel-Expires;
    }}"""
    return Nginx("nginx proxy_cache", folder, location, http=store, tls=tls)
