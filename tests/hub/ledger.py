"""What the origins saw: one record per request, kept until `reset`.

The server's thread writes (a record appears when its request line and headers are read, and its
status and bytes grow while the answer leaves); tests read from their own thread at any time.
"""
import dataclasses
import re
import threading

TOKEN_TEXT = re.compile(r"hf_[A-Za-z0-9]{8,}")
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")


@dataclasses.dataclass
class Record:
    origin: str
    method: str
    path: str
    query: str
    headers: dict[str, str]
    connection: int
    status: int | None = None
    bytes_sent: int = 0
    done: bool = False
    fault: str | None = None

    def header(self, name: str) -> str | None:
        return self.headers.get(name.lower())

    @property
    def carries_secret(self) -> bool:
        text = " ".join([self.path, self.query, *self.headers.values()])
        return any(name in self.headers for name in CREDENTIALS) or bool(TOKEN_TEXT.search(text))


class Ledger:
    def __init__(self):
        self._lock = threading.Lock()
        self._records: list[Record] = []
        self._connections = {}
        self._resumed = {}

    def connected(self, origin: str) -> int:
        with self._lock:
            self._connections[origin] = self._connections.get(origin, 0) + 1
            return sum(self._connections.values())

    def resumed(self, origin: str, session_reused: bool | None = None) -> int:
        """Connections whose TLS handshake took up an earlier session."""
        with self._lock:
            self._resumed[origin] = self._resumed.get(origin, 0) + bool(session_reused)
            return self._resumed[origin]

    def connections(self, origin: str | None = None) -> int:
        with self._lock:
            return sum(n for name, n in self._connections.items() if origin in (None, name))

    def add(self, record: Record) -> None:
        with self._lock:
            self._records.append(record)

    def records(self, origin=None, method=None, path=None) -> list[Record]:
        pattern = re.compile(path) if path else None
        with self._lock:
            return [it for it in self._records
                    if origin in (None, it.origin) and method in (None, it.method)
                    and (pattern is None or pattern.search(it.path))]

    def bytes_sent(self, origin=None, path=None) -> int:
        return sum(it.bytes_sent for it in self.records(origin, path=path))

    def leaks(self, trusted: str = "hub") -> list[Record]:
        """Requests that carried a credential, or the text of a token, to any other origin."""
        return [it for it in self.records() if it.origin != trusted and it.carries_secret]

    def reset(self) -> None:
        with self._lock:
            self._records.clear()
            self._connections.clear()
            self._resumed.clear()
