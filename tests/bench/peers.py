"""Varnish, Squid and Olah as a bench starts them: a cache before a server, on the servers' core.

Varnish and Squid stand before hubkeep and keep its answers, headers included; Olah stands before
the stand-in Hub. What a default would make slower without being asked for is turned off.
"""
import os
import pathlib
import shutil
import subprocess

from machine import SERVER_CORE, Missing, Server, free_port, pinned, program

VCL = """
vcl 4.1;
backend default {{ .host = "127.0.0.1"; .port = "{port}"; }}
sub vcl_recv {{ return (hash); }}
sub vcl_backend_response {{
  unset beresp.http.Set-Cookie;
  set beresp.ttl = 1d;
  return (deliver);
}}
"""


def varnish(bench, upstream_port: int) -> Server:
    """Its log is its shared memory, as it always is."""
    found = program("varnishd")
    folder = bench.fresh("varnish")
    folder.mkdir(parents=True)
    (folder / "default.vcl").write_text(VCL.format(port=upstream_port))
    port = free_port()
    command = [found, "-F", "-n", str(folder / "state"), "-j", "none", "-a", f"127.0.0.1:{port}",
               "-f", str(folder / "default.vcl"), "-s", f"malloc,{4 * bench.size}", "-p",
               "thread_pools=1"]
    return Server("Varnish", command, SERVER_CORE, folder / "log", port).wait_for_port()


SQUID = """
http_port 127.0.0.1:{port} accel defaultsite=127.0.0.1 no-vhost
cache_peer 127.0.0.1 parent {upstream} 0 no-query no-digest originserver
http_access allow all
cache_dir aufs {folder}/cache {megabytes} 16 256
maximum_object_size {megabytes} MB
refresh_pattern . 1440 100% 1440 override-expire override-lastmod ignore-no-store ignore-private
collapsed_forwarding on
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
pid_filename {folder}/pid
coredump_dir {folder}
pinger_enable off
icp_port 0
shutdown_lifetime 0 seconds
{user}
"""


def squid(bench, upstream_port: int) -> Server:
    found = program("squid")
    folder = bench.fresh("squid")
    folder.mkdir(parents=True)
    port = free_port()
    as_root = os.geteuid() == 0  # then it insists on another user, who has to reach its folder
    (folder / "squid.conf").write_text(SQUID.format(
        port=port, upstream=upstream_port, folder=folder, megabytes=4 * (bench.size >> 20),
        user="cache_effective_user proxy" if as_root else ""))
    if as_root:
        bench.folder.chmod(0o711)
        shutil.chown(folder, "proxy", "proxy")
    command = [found, "-N", "-f", str(folder / "squid.conf")]
    subprocess.run([*command, "-z"], check=True, capture_output=True,
                   preexec_fn=pinned(SERVER_CORE))
    return Server("Squid", command, SERVER_CORE, folder / "log", port).wait_for_port()


def olah(bench, origin) -> Server:
    if bench.smoke:
        raise Missing("Olah takes seconds for an answer and is left out of smoke runs")
    found = bench.venv / "bin/olah-cli"
    if not os.access(found, os.X_OK):
        raise Missing(f"{found} is not there; tests/bench/run makes it")
    folder: pathlib.Path = bench.fresh("olah")
    folder.mkdir(parents=True)
    port = free_port()
    hub, here = origin.url.partition("//")[2], f"127.0.0.1:{port}"
    command = [str(found), "--host", "127.0.0.1", "--port", str(port), "--hf-scheme", "http",
               "--hf-netloc", hub, "--hf-lfs-netloc", f"127.0.0.1:{origin.cdn_port}",
               "--mirror-netloc", here, "--mirror-lfs-netloc", here, "--repos-path",
               str(folder / "repos"), "--log-path", str(folder / "logs")]
    return Server("Olah", command, SERVER_CORE, folder / "log", port).wait_for_port()
