"""The machine of a bench run: its cores, and servers as processes that are pinned to a core,
measured through the kernel's counters, and ended by their ids.

A server is made and stopped by the bench that uses it; `stop` may be called twice. Times are
seconds, memory is bytes, of the process and all its descendants.
"""
import contextlib
import os
import pathlib
import random
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


class Missing(BenchError):
    """A program that is not installed here."""


def free_port() -> int:
    """Below the ports that Linux gives to clients, so that no connection takes it meanwhile."""
    while True:
        port = random.randrange(10_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port


def program(name: str) -> str:
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if not path:
        raise Missing(f"{name} is not installed; deploy/packages bench installs it")
    return path


def clean_env(**more: str) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not FOREIGN.match(key)} | more


def pinned(core: int, ahead=False):
    """For preexec_fn. `ahead`: before everything else on that core, where the system lets it."""
    def prepare():
        os.sched_setaffinity(0, {core})
        if ahead:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    return prepare


@contextlib.contextmanager
def first_in_line():
    """What root starts in here has the highest weight there is. A real-time priority, as chrt(1)
    gives, is taken back: with that the kernel stops a busy core for 50 ms in every second, and a
    p99 would show nothing else."""
    if os.geteuid() != 0:
        yield
        return
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    weigh(-20)
    try:
        yield
    finally:
        weigh(0)
        os.sched_setscheduler(0, policy, param)


@contextlib.contextmanager
def real_time():
    """What is started in here is never made to wait by other processes, where the system lets it:
    for what keeps no core busy."""
    policy, param = os.sched_getscheduler(0), os.sched_getparam(0)
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, param)


def weigh(nice: int) -> None:
    """Of this process, and of its session where the kernel shares by session (autogroup)."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
        pathlib.Path("/proc/self/autogroup").write_text(str(nice))


def process_clock(pid: int) -> int:
    """clock_getcpuclockid(3), which Python does not have: all threads, also those that ended."""
    return (~pid << 3) | 2


def descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found += map(int, task.read_text().split())
    return found


class Server:
    def __init__(self, name: str, command: list[str], core: int, log: pathlib.Path, port: int,
                 env: dict | None = None):
        self.name, self.port, self.log = name, port, log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                command, env=clean_env(**(env or {})), stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, preexec_fn=pinned(core), cwd=log.parent)

    def wait_for_port(self) -> "Server":
        deadline = time.monotonic() + START_SECONDS
        try:
            while time.monotonic() < deadline and self.process.poll() is None:
                with socket.socket() as sock:
                    if sock.connect_ex(("127.0.0.1", self.port)) == 0:
                        self._share_our_weight()
                        return self
                time.sleep(0.02)
        except BaseException:  # above all the exit that a signal asks for
            self.stop()
            raise
        self.stop()
        raise BenchError(f"{self.name} did not start: {self.log.read_text()[-2000:]}")

    def _share_our_weight(self) -> None:
        """A server that has made a session of its own, as Varnish does, starts it as an ordinary
        one."""
        for pid in self.pids():
            with contextlib.suppress(OSError):
                ours = pathlib.Path("/proc/self/autogroup").read_text().split()
                if ours:  # empty for a process that no session gave a group
                    pathlib.Path(f"/proc/{pid}/autogroup").write_text(ours[-1])

    def pids(self) -> list[int]:
        return descendants(self.process.pid)

    def cpu_seconds(self) -> float:
        total = 0.0
        for pid in self.pids():
            with contextlib.suppress(OSError):
                total += time.clock_gettime(process_clock(pid))
        return total

    def memory(self) -> dict[str, int]:
        """VmHWM is the peak of resident memory; RssAnon leaves out pages of files."""
        total: dict[str, int] = {}
        for pid in self.pids():
            with contextlib.suppress(FileNotFoundError):
                text = pathlib.Path(f"/proc/{pid}/status").read_text()
                for name, kib in re.findall(r"^(VmHWM|VmRSS|RssAnon|RssFile):\s+(\d+) kB$", text,
                                            re.M):
                    total[name] = total.get(name, 0) + int(kib) * 1024
        return total

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise BenchError(f"{self.name} did not end on SIGTERM") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
