"""The Hub's quota: requests granted per bucket and fixed window (docs: rate limits).

Lives on the server's loop; a test replaces whole objects, so nothing is shared halfway.
"""
import time

WINDOW_SECONDS = 300
PLENTY = 3000
BUCKETS = ("api", "resolvers", "pages")


def bucket_of(path: str) -> str:
    if path.startswith("/api/resolve-cache/") or "/resolve/" in path:
        return "resolvers"
    return "api" if path.startswith("/api/") else "pages"


class Quota:
    """`requests` per window, the first of which ends after `window` seconds; None is no limit."""

    def __init__(self, requests: int | None, window: float = WINDOW_SECONDS, used: int = 0):
        self.requests, self.window, self.used = requests, window, used
        self.ends = time.monotonic() + window

    def take(self) -> bool:
        """Counts a request; False when it is one too many."""
        now = time.monotonic()
        if self.requests is None:
            return True
        while now >= self.ends:
            self.ends += self.window
            self.used = 0
        self.used += 1
        return self.used <= self.requests

    def headers(self, bucket: str) -> list[tuple[str, str]]:
        quota = PLENTY if self.requests is None else self.requests
        left = PLENTY if self.requests is None else max(0, quota - self.used)
        seconds = max(1, -int(-(self.ends - time.monotonic()) // 1))
        return [("RateLimit", f'"{bucket}";r={left};t={seconds}'),
                ("RateLimit-Policy",
                 f'"fixed window";"{bucket}";q={quota};w={round(self.window)}')]
