"""The bytes of a file, wherever they come from.

A content has a size and can be read at any offset; nothing here holds a whole file unless the
test gave it as `bytes`. Digests are computed once, by streaming, and kept. Immutable, so it is
shared freely between the test's thread and the server's.
"""
import functools
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CHUNK = 256 * 1024


class Content:
    """Base of all contents: `size` and `read(start, length)` come from the subclass."""

    size: int

    def read(self, start: int, length: int) -> bytes:
        raise NotImplementedError

    def chunks(self, start: int = 0, stop: int | None = None, step: int = CHUNK):
        stop = self.size if stop is None else stop
        for at in range(start, stop, step):
            yield self.read(at, min(step, stop - at))

    def bytes(self) -> bytes:
        return b"".join(self.chunks())

    @functools.cached_property
    def sha256(self) -> str:
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()

    @functools.cached_property
    def git_sha1(self) -> str:
        digest = hashlib.sha1(b"blob %d\0" % self.size)
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()

    @functools.cached_property
    def xet_hash(self) -> str:
        # Only its traits matter here: 64 hex digits, a function of the content, not its SHA-256.
        return hashlib.blake2s(self.sha256.encode(), person=b"xet").hexdigest()


class Bytes(Content):
    def __init__(self, data: bytes):
        self.data = data
        self.size = len(data)

    def read(self, start: int, length: int) -> bytes:
        return self.data[start:start + length]


class Generated(Content):
    """Pseudo-random bytes that depend on the seed alone: an AES-CTR stream, read at any offset."""

    def __init__(self, size: int, seed: int | str):
        self.size = size
        self.seed = seed
        self._key = hashlib.sha256(f"hub content {seed}".encode()).digest()[:16]

    def __repr__(self):
        return f"Generated({self.size}, {self.seed!r})"

    def read(self, start: int, length: int) -> bytes:
        length = max(0, min(length, self.size - start))
        block, skip = divmod(start, 16)
        stream = Cipher(algorithms.AES(self._key), modes.CTR(block.to_bytes(16))).encryptor()
        return stream.update(bytes(skip + length))[skip:]


class Vast(Generated):
    """Larger than anybody reads to its end, who would find that its digest is made up."""

    @functools.cached_property
    def sha256(self) -> str:
        return hashlib.sha256(f"vast {self.size} {self.seed}".encode()).hexdigest()


class OnDisk(Content):
    """A file that the stand-in may send with sendfile. The caller removes it."""

    def __init__(self, path: str):
        self.path = path
        self.size = os.path.getsize(path)

    def read(self, start: int, length: int) -> bytes:
        with open(self.path, "rb") as file:
            file.seek(start)
            return file.read(length)


def content(value: "Content | bytes | str") -> Content:
    if isinstance(value, Content):
        return value
    return Bytes(value.encode() if isinstance(value, str) else value)


def lfs_pointer(of: Content) -> bytes:
    """What git holds in place of an LFS file (git-lfs, docs/spec.md)."""
    return (f"version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{of.sha256}\nsize {of.size}\n").encode()
