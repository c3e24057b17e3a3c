"""Proxies on loopback for the daemon's way out: HTTP CONNECT and SOCKS5, each counting its tunnels.

One thread per connection; a proxy belongs to one test and takes its tunnels down with it.
"""
import base64
import socket
import socketserver
import struct
import threading


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


class Proxy:
    """`targets` has "host:port" of each tunnel opened; `refused` counts those without the login."""

    def __init__(self, login: str | None = None):
        self.targets: list[str] = []
        self.refused = 0
        self._login, self._open, self._lock = login, [], threading.Lock()
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                target = proxy.shake_hands(self.rfile, self.connection)
                if target:
                    proxy.tunnel(self.connection, target)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        for sock in self._open:
            sock.close()

    url = property(lambda self: f"{self.scheme}://127.0.0.1:{self.port}")

    def tunnel(self, client: socket.socket, target: tuple[str, int]) -> None:
        server = socket.create_connection(target)
        with self._lock:
            self._open += [client, server]
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()

    def note(self, host: str, port: int) -> tuple[str, int]:
        with self._lock:
            self.targets.append(f"{host}:{port}")
        return host, port


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class ConnectProxy(Proxy):
    scheme = "http"

    def shake_hands(self, reader, sock):
        method, where, _ = reader.readline().decode().split(" ")
        headers = {}
        while line := reader.readline().strip().decode():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        wanted = self._login and "Basic " + base64.b64encode(self._login.encode()).decode()
        if method != "CONNECT" or headers.get("proxy-authorization") != wanted:
            self.refused += 1
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return None
        host, _, port = where.rpartition(":")
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return self.note(host, int(port))


class SocksProxy(Proxy):
    scheme = "socks5"

    def shake_hands(self, reader, sock):
        _, count = reader.read(2)
        methods = reader.read(count)
        method = 2 if self._login else 0
        if method not in methods:
            self.refused += 1
            sock.sendall(b"\x05\xff")
            return None
        sock.sendall(bytes([5, method]))
        if self._login:
            user = reader.read(reader.read(2)[1])
            password = reader.read(reader.read(1)[0])
            good = (user + b":" + password).decode() == self._login
            sock.sendall(bytes([1, 0 if good else 1]))
            if not good:
                self.refused += 1
                return None
        _, _, _, kind = reader.read(4)
        if kind == 3:
            host = reader.read(reader.read(1)[0]).decode()
        else:
            host = socket.inet_ntop(*((socket.AF_INET, reader.read(4)) if kind == 1 else
                                      (socket.AF_INET6, reader.read(16))))
        port, = struct.unpack("!H", reader.read(2))
        sock.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        return self.note(host, port)
