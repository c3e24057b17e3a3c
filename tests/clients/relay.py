"""A wire between a client and the daemon that lets a test act at a chosen request.

Copies bytes both ways, on one thread per direction, and calls `on_request(first_line)` before a
request goes on. Only for clients that do not pipeline and send their small bodies with or after
the head: a piece from the client that begins with a method is a request.
"""
import contextlib
import socket
import threading
import time

METHODS = (b"GET ", b"HEAD ", b"POST ")


class Relay:
    def __init__(self, target_url: str, on_request, listener: socket.socket | None = None):
        """Listens on a socket of its own, or on one that was opened elsewhere."""
        host, port = target_url.removeprefix("http://").rstrip("/").split(":")
        self._target = (host, int(port))
        self._on_request = on_request
        self._closed = False
        self._listener = listener or socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = "http://127.0.0.1:%d" % self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._closed = True
        self._listener.shutdown(socket.SHUT_RDWR)   # else the thread that accepts would hold it
        self._listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = self._connect()
            if server is None:
                return
            for source, sink, watch in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._copy, args=(source, sink, watch), daemon=True).start()

    def _connect(self):
        """Waits for a daemon that is down: what was accepted cannot be refused any more, and to be
        closed without a word is another trouble than that, with which hf_xet 1.5 hangs."""
        while not self._closed:
            with contextlib.suppress(OSError):
                return socket.create_connection(self._target)
            time.sleep(0.02)
        return None

    def _copy(self, source, sink, watch):
        try:
            while piece := source.recv(65536):
                if watch and piece.startswith(METHODS):
                    self._on_request(piece.split(b"\r\n", 1)[0].decode("latin-1"))
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            # Closing alone would tell the peer nothing while the other thread still reads from it.
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
