"""The process fixture against small programs in the daemon's place: it must see what goes wrong."""
import os
import signal
import sys
import textwrap

import pytest

from support.daemon import Daemon, new_token

PROGRAM = """
    #!{python}
    import http.server, json, os, signal, sys
    flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
        def log_message(self, *_):
            print(json.dumps({{"msg": "request", "path": self.path, "status": 200}}),
                  file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: os._exit({exit_code}))
    host, port = flags["--listen"].split(":")
    {extra}
    http.server.HTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    def make(extra="pass", exit_code=0, **options) -> Daemon:
        path = tmp_path / "program"
        path.write_text(textwrap.dedent(PROGRAM).lstrip().format(
            python=sys.executable, extra=extra, exit_code=exit_code))
        path.chmod(0o755)
        monkeypatch.setenv("HUBKEEP_BIN", str(path))
        return Daemon(tmp_path / "run", options.pop("flags", {}), **options)
    return make


def test_life_of_a_good_one(program):
    daemon = program(flags={"offline": True, "revisions_ttl": "0s"}).start()
    daemon.data_dir.mkdir()
    os.mkfifo(daemon.data_dir / "pipe")
    assert daemon.running and daemon.access_log(path="/-/readyz")[0]["status"] == 200
    assert daemon.peak_memory() > 2**20 and daemon.open_files() > 2
    first = daemon.pid, daemon.url
    daemon.restart(offline=None)
    assert daemon.pid != first[0] and daemon.url == first[1]
    daemon.kill()
    assert not daemon.running
    daemon.restart()
    assert daemon.stop() == 0 and daemon.verdict() == []


@pytest.mark.parametrize("trouble, said", [
    ({"exit_code": 3}, "exit code 3"),
    ({"extra": "print('x: runtime error: shift', file=sys.stderr)"}, "a sanitizer reported"),
    ({}, "plain, is in /proc/PID/environ"),
    ({"extra": "print(os.environ['HF_TOKEN'])"}, "plain, is in the log"),
    ({"extra": "import base64; print(base64.b64encode(b'u:' + os.environb[b'HF_TOKEN']))"},
     "is in the log"),
    ({"extra": "os.makedirs(flags['--data-dir']); "
      "open(flags['--data-dir'] + '/index.db', 'w').write('x' + os.environ['HF_TOKEN'])"},
     "index.db")])
def test_verdict_names_the_trouble(program, trouble, said):
    token = new_token()
    daemon = program(env={"HF_TOKEN": token}, secrets_kept=[token], **trouble).start()
    found = daemon.verdict()[:-1]       # the last is the output
    assert any(said in it for it in found)
    assert not daemon.running


def test_a_death_nobody_asked_for_is_noticed(program):
    daemon = program().start()
    daemon.signal(signal.SIGSEGV)
    daemon._process.wait(10)
    assert "ended by itself with -11" in daemon.verdict()[0]


def test_one_that_does_not_start_shows_its_output(program):
    daemon = program(extra="sys.exit('data_dir: no such folder')")
    with pytest.raises(RuntimeError, match="data_dir: no such folder"):
        daemon.start()


def test_the_environment_of_the_person_stays_outside(program, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_personalpersonal")
    monkeypatch.setenv("HUBKEEP_OFFLINE", "true")
    daemon = program(extra="print(sorted(os.environ))").start()
    assert daemon.stop() == 0
    assert "HF_TOKEN" not in daemon.output() and "HUBKEEP_OFFLINE" not in daemon.output()
