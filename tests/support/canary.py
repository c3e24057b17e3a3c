"""Canaries: tokens that must not be in anything the daemon gives away, however they are written."""
import base64
import pathlib
import re

PIECE = 1024 * 1024


def forms(token: str) -> dict[str, bytes]:
    """The token as it might stand somewhere: also with its letters turned round, or encoded."""
    found = {"plain": token, "reversed": token[::-1],
             "percent-encoded": "".join(f"%{ord(it):02X}" for it in token),
             "percent-encoded underscore": token.replace("_", "%5F"),
             "hexadecimal": token.encode().hex()}
    for shift in range(3):
        # Within base64 of a longer text, at each of the three alignments, without the edges.
        encoded = base64.b64encode(b"x" * shift + token.encode()).decode()[4:-4]
        found[f"base64 at {shift}"] = encoded
        found[f"base64url at {shift}"] = encoded.replace("+", "-").replace("/", "_")
    return {name: text.encode() for name, text in found.items()}


class Canaries:
    """Some tokens, looked for together and without regard to case: hex and percent have two."""

    def __init__(self, tokens):
        self._forms = {text.lower(): form for token in tokens for form, text in forms(token).items()}
        self._any = re.compile(b"|".join(map(re.escape, self._forms))) if self._forms else None

    def places(self, texts) -> list[str]:
        """Where one of them is, of pairs of a name and the bytes there."""
        if not self._any:
            return []
        return [f"a token, {self._forms[found]}, is in {place}" for place, text in texts
                for found in sorted(set(self._any.findall(text.lower())))]


def memory(pid: int, guarded=False):
    """What is in the memory of a process, in pieces that overlap by what a token may measure.

    Without what the process keeps out of core files, unless that is asked for. Root only (Linux).
    """
    overlap = 512
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for name, begin, end, flags in _mappings(pid):
            if "rd" not in flags or "io" in flags or ("dd" in flags) != guarded:
                continue
            tail = b""
            for at in range(begin, end, PIECE):
                try:
                    file.seek(at)
                    piece = file.read(min(PIECE, end - at))
                except (OSError, ValueError, OverflowError):
                    break       # it went away, or is none that can be read
                if piece.strip(b"\0"):
                    yield f"memory {name} at {at:x}", tail + piece
                tail = piece[-overlap:]


def _mappings(pid: int):
    for block in re.split(r"\n(?=[0-9a-f]+-)", pathlib.Path(f"/proc/{pid}/smaps").read_text()):
        first, *details = block.splitlines()
        begin, end = (int(it, 16) for it in first.split()[0].split("-"))
        flags = next((it.split()[1:] for it in details if it.startswith("VmFlags:")), [])
        yield (first.split()[5:] or ["anonymous"])[0], begin, end, flags
