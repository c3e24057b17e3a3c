"""Canaries: a service token, a token of a client and one that opens nothing, after much went wrong.

The `hubkeep` fixture looks for every token in the log, the database, the other files, the pages and
what the system shows of the process, at the end of every test. Here many things fail first, with
the log at its loudest, and we look into the answers, a crash and the memory as well.
"""
import base64
import http.client
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys

import pytest

from fault.support import (MIB, ask, clients_of, exchange, expect_file, file_path, is_sanitized,
                           wait_until)
from hub import Generated
from support.canary import Canaries, memory
from support.daemon import new_token

NOISE = {"log_level": "trace", "revisions_ttl": "0s", "access_sharing": "verify",
         "upstream_connect_timeout": "1s", "upstream_stall_timeout": "1s"}
CONTENT = Generated(2 * MIB, "canary")
BAD_TOKEN = "Invalid credentials in Authorization header"


class Scene:
    def __init__(self, hub, hubkeep, **options):
        self.hub = hub
        self.service, self.client, self.bad = new_token(), new_token(), new_token()
        self.tokens = [self.service, self.client, self.bad]
        self.canaries = Canaries(self.tokens)
        files = {f"{number}.bin": CONTENT for number in range(len(FAULTS))}
        self.repo = hub.add_repo("model", "org/private", files | {"c.json": b"{}"}, private=True)
        hub.add_token(self.service)
        hub.add_token(self.client, [self.repo])
        self.daemon = hubkeep(hub, **NOISE | {"token": self.service} | options)
        self.found = []

    def ask(self, path, method="GET", token=None, **fields):
        fields = {"authorization": f"Bearer {token or self.client}"} | fields
        answer = ask(self.daemon, path, method, **fields)
        self._look(f"{method} {path}", str(answer.headers).encode() + answer.body)
        return answer

    def send(self, data: bytes):
        received, _ = exchange(self.daemon, data, timeout=3)
        self._look(repr(data[:40]), received)

    def _look(self, what, text):
        self.found += self.canaries.places([(f"the answer to {what}", text)])

    def works(self):
        """It was no accident that nothing was found: the tokens do open the repo."""
        return self.ask(file_path(self.repo, "c.json")).body == b"{}"


def head(code, message="", **fields):
    fields = {name.replace("_", "-"): value for name, value in fields.items()}
    return {"code": code, "headers": ({"X-Error-Message": message} if message else {}) | fields}


# Of the Hub unless another origin is named. {service} and the like are filled in.
FAULTS = [
    ("status", head(400, "bad request of {service}")), ("status", head(401, BAD_TOKEN)),
    ("status", head(401, "", WWW_Authenticate='Bearer realm="{other}/t",service="{client}"')),
    ("status", head(403, "{service} may not read this", X_Error_Code="GatedRepo")),
    ("status", head(403, "Bearer {client} was refused")),
    ("status", head(404, "", X_Error_Code="EntryNotFound")),
    ("status", head(404, "no repo for {service}", X_Error_Code="RepoNotFound")),
    ("status", head(404, "Invalid rev id: {client}", X_Error_Code="RevisionNotFound")),
    ("status", head(407, "Basic {basic}")), ("status", head(408)), ("status", head(418, "{service}")),
    ("status", head(429, "", Retry_After="0")), ("status", head(500, "{service}")),
    ("status", head(503, "{client}")), ("status", head(530, "Bearer {service} failed")),
    ("html", {}), ("header_bomb", {}), ("many_headers", {}), ("early_close", {}), ("switch", {}),
    ("interim", {"count": 20}), ("raw", {"data": b"HTTP/1.1 200 {service}\r\n\r\n"}),
    ("raw", {"data": b"SSH-2.0 {client}\r\n"}),
    ("redirect", {"location": "{other}/x?token={service}&Signature={client}"}),
    ("redirect", {"location": "http://user:{service}@127.0.0.1:1/x"}),
    ("redirect", {"location": "gopher://{client}/"}), ("redirect", {"location": "{same}"}),
    ("other_etag", {}), ("gzip", {}),
    ("cdn", "expired", {}), ("cdn", "cut", {"at": MIB}), ("cdn", "wrong_byte", {"at": 9}),
    ("cdn", "short", {}), ("cdn", "extra_bytes", {"data": b"HTTP/1.1 200 {client}\r\n\r\n"}),
    ("cdn", "chunked", {"at": MIB}), ("cdn", "stall", {"at": 1000, "seconds": 2}),
    ("cdn", "early_close", {}), ("cdn", "status", head(403, "{service}")),
]


def filled(value, words):
    if isinstance(value, dict):
        return {name: filled(it, words) for name, it in value.items()}
    for name, word in words.items():
        if isinstance(value, str):
            value = value.replace("{" + name + "}", word)
        elif isinstance(value, bytes):
            value = value.replace(b"{" + name.encode() + b"}", word.encode())
    return value


def upstream_errors(scene):
    for number, fault in enumerate(FAULTS):
        *origin, kind, options = fault
        path = file_path(scene.repo, f"{number}.bin")
        words = {"service": scene.service, "client": scene.client, "other": scene.hub.other_url,
                 "same": path,
                 "basic": base64.b64encode(f"user:{scene.client}".encode()).decode()}
        for method in ("HEAD", "GET"):
            scene.hub.fault(None if origin else f"/{number}.bin$", kind, origin=(origin or ["hub"])[0],
                            **filled(options, words))
            scene.ask(path, method)
            scene.hub.clear_faults()
            assert scene.works(), fault     # and the breaker is closed again


def client_errors(scene):
    """What a client can do wrong, with its token in it."""
    token, path = scene.client.encode(), file_path(scene.repo, "c.json").encode()
    basic = base64.b64encode(b"user:" + token)
    field = b"Authorization: Bearer " + token
    for data in (
            b"GET %s HTTP/1.1\r\n%s\r\n\r\n" % (path, field),                     # no Host
            b"GET %s HTTP/1.1\r\nHost: h\r\n%s\x01\r\n\r\n" % (path, field),
            b"GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n folded\r\n\r\n" % (path, field),
            b"GET %s HTTP/1.1\r\nHost: h\r\n%s\r\nX: %s\r\n\r\n" % (path, field, b"x" * 17000),
            b"GET %s HTTP/3.0\r\nHost: h\r\n%s\r\n\r\n" % (path, field),
            b"GET %s HTTP/1.1\r\nHost: h\r\n%s\r\nContent-Length: 5\r\n\r\n" % (path, field),
            b"GET %s HTTP/1.1\r\nHost: h\nAuthorization: Basic %s\r\n\r\n" % (path, basic),
            b"%s\r\n\r\n" % field, token * 500,
            b"GET /%s HTTP/1.1\r\nHost: h\r\n%s" % (b"x" * 9000, field),
            b"BREW %s HTTP/1.1\r\nHost: h\r\n%s\r\nConnection: close\r\n\r\n" % (path, field)):
        scene.send(data)
    there = path.decode()
    scene.ask(there, authorization=f"Basic {basic.decode()}")
    scene.ask(there, authorization="Basic %%%")
    scene.ask(there, authorization=scene.client)
    scene.ask(there, token=scene.bad)
    scene.ask(f"{there}?token={scene.client}&sig={scene.bad}")
    scene.ask(there, user_agent=f"curl {scene.client}", cookie=f"token={scene.client}")
    scene.ask("/-/webhook", "POST", x_webhook_secret=scene.client)
    for method, target in (("GET", "/api/whoami-v2"), ("POST", "/api/repos/create"), ("OPTIONS", "/"),
                           ("GET", "/org/none/resolve/main/x"), ("GET", "/"), ("GET", "/%2e%2e/x"),
                           ("GET", "/api/models?search=s"), ("GET", "/api/models/org/private"),
                           ("GET", "/api/models/org/private/tree/main"),
                           ("GET", "/api/models/org/private/auth-check"),
                           ("GET", "/api/models/org/private/xet-read-token/main")):
        for token in (scene.client, scene.bad):
            scene.ask(target, method, token=token)


@pytest.mark.parametrize("sharing", ("shared", "verify"))
def test_no_token_is_in_anything_that_can_be_read(hub, hubkeep, sharing):
    scene = Scene(hub, hubkeep, access_sharing=sharing)
    assert scene.works()
    upstream_errors(scene)
    client_errors(scene)
    expect_file(scene.ask(file_path(scene.repo, "0.bin")), CONTENT)
    hub.revoke_token(scene.service)
    scene.ask(file_path(scene.repo, "1.bin", scene.repo.head))
    hub.down()
    client_errors(scene)
    scene.daemon.restart(offline=True)
    client_errors(scene)
    used = {it.header("authorization") for it in hub.requests}
    wanted = [scene.service] + [scene.client] * (sharing == "verify")
    assert {f"Bearer {it}" for it in wanted} <= used
    assert scene.found == []
    # The fixture looks at the rest, for the tokens that the Hub knew; and for this one here.
    assert Canaries([scene.bad]).places([*scene.daemon.shown(), *scene.daemon.written()]) == []
    hops = [it for it in scene.daemon.log_lines() if it["msg"] == "asked another server"]
    assert len(hops) > 2 * len(FAULTS) and {"origin", "path", "status", "time_ms"} <= set(hops[0])
    assert "Authorization: " not in json.dumps(scene.daemon.log_lines())


def test_the_canaries_would_be_found(tmp_path):
    """In each form, also in the middle of something longer."""
    token = new_token()
    texts = {"plain": f"x{token}x", "percent": "".join(f"%{ord(it):02x}" for it in token),
             "hex": f"user:{token}".encode().hex().upper()}
    texts |= {f"base64 {n}": base64.b64encode(b"u" * n + b":" + token.encode()).decode()
              for n in range(4)}
    for name, text in texts.items():
        assert Canaries([new_token(), token]).places([("here", text.encode())]), name
    assert not Canaries([new_token()]).places([(name, it.encode()) for name, it in texts.items()])


# A crash

UNLIMITED = ("sh", "-c", 'cd "$0" && ulimit -c unlimited && exec "$@"')


def leaves_a_core(command, folder) -> bool:
    folder.mkdir()
    subprocess.run([*UNLIMITED, folder, *command], stderr=subprocess.DEVNULL, check=False)
    return any(folder.iterdir())


def test_a_crash_leaves_no_core(hub, hubkeep, tmp_path):
    if is_sanitized():
        pytest.skip("the sanitizer decides about cores")
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 or not leaves_a_core(
            [sys.executable, "-c", "import os; os.abort()"], tmp_path / "control"):
        pytest.skip("no process leaves a core in its folder here")
    folder = tmp_path / "crash"
    folder.mkdir()
    scene = Scene(hub, hubkeep, prefix=[*UNLIMITED, str(folder)])
    assert scene.works()
    limits = pathlib.Path(f"/proc/{scene.daemon.pid}/limits").read_text()
    core = next(it for it in limits.splitlines() if it.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"], core
    assert scene.daemon.kill(signal.SIGABRT) == -signal.SIGABRT
    assert list(folder.iterdir()) == []


# The memory

@pytest.mark.parametrize("source", ("file", "environment"))
def test_no_token_stays_in_memory_outside_the_guarded_part(hub, hubkeep, source):
    if os.geteuid() != 0:
        pytest.skip("only root may look")
    if is_sanitized():
        pytest.skip("a sanitizer keeps freed memory to find later uses of it")
    if source == "file":
        scene = Scene(hub, hubkeep)
    else:
        token = new_token()
        scene = Scene(hub, hubkeep, token=None, env={"HF_TOKEN": token})
        hub.add_token(token)
        scene.service = token
    for number in range(3):
        expect_file(scene.ask(file_path(scene.repo, f"{number}.bin")), CONTENT)
        scene.ask(file_path(scene.repo, f"{number}.bin"), token=scene.bad)
        basic = base64.b64encode(f"user:{scene.client}".encode()).decode()
        scene.ask(file_path(scene.repo, f"{number}.bin"), authorization=f"Basic {basic}")
    assert {scene.service, scene.client} == {
        it.header("authorization").removeprefix("Bearer ") for it in hub.requests
        if it.header("authorization")} - {scene.bad}
    link = http.client.HTTPConnection("127.0.0.1", scene.daemon.port, timeout=10)
    link.request("GET", file_path(scene.repo, "c.json"),
                 headers={"Authorization": f"Bearer {scene.client}"})
    assert link.getresponse().read() == b"{}"
    wait_until(lambda: clients_of(scene.daemon) == 1, "one client stays, and is idle")
    pid, address = scene.daemon.pid, hub.url.removeprefix("http://").encode()
    assert Canaries([scene.service]).places(memory(pid, guarded=True)), "where is it kept?"
    assert any(address in text for _, text in memory(pid)), "is this the memory in use?"
    assert Canaries([scene.service, scene.client, scene.bad]).places(memory(pid)) == []
    link.close()
