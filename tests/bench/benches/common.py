"""What several benches do: hits, and nginx with the headers of our answers."""
import contextlib
import http.client
import pathlib
import ssl

from bench import BenchError, check_content
from machine import Server
from origin import MAIN, Origin
from servers import Hubkeep, Nginx, file_location

SMALL, BIG = "config.json", "big.bin"
# nginx writes these itself; the others of our answer it gets word for word.
NGINX_OWN = {"date", "server", "connection", "content-length", "content-type", "accept-ranges"}


def connection(port: int, tls=False) -> http.client.HTTPConnection:
    if not tls:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    unverified = ssl._create_unverified_context()  # servers.certificate() signs for itself
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=unverified)


def head(port: int, path: str, tls=False) -> http.client.HTTPResponse:
    link = connection(port, tls)
    try:
        link.request("HEAD", path)
        return link.getresponse()
    finally:
        link.close()


@contextlib.contextmanager
def warm(bench, files=None, **settings):
    """(origin, hubkeep with the large file in its store)"""
    with Origin(bench, files or {BIG: bench.big}) as origin, \
            Hubkeep(bench, bench.fresh("warm"), origin.url, **settings) as ours:
        if not settings.get("tls_cert"):
            for name in files or {BIG: bench.big}:
                bench.ask(ours, "GET", MAIN + name, requests=1)
                ours.wait_for_blob(origin.sha256[name])
                check_content(ours, MAIN + name, origin.sha256[name])
        yield origin, ours


def headers_of(server: Server, path: str) -> dict[str, str]:
    answer = head(server.port, path)
    if answer.status != 200:
        raise BenchError(f"{server.name} answered HEAD {path} with {answer.status}")
    found = {name: value for name, value in answer.getheaders() if name.lower() not in NGINX_OWN}
    return found | {"X-Request-Id": "$request_id"}


def nginx_static(bench, ours: Hubkeep, files: dict[str, pathlib.Path], tls=None) -> Server:
    """Files as static ones, with the headers that hubkeep answers with."""
    locations = [file_location(path, file, headers_of(ours, path)) for path, file in files.items()]
    return Nginx("nginx static", bench.fresh("static"), "\n".join(locations), tls=tls)
