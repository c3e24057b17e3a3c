"""An index of many entries, and the files of its blobs, made without asking anybody for them.

The daemon makes the tables; `fill` puts the rows in by SQL, as many as told. Their shape is that of
a cache used by many: three entries in ten belong to models (two commits of sixteen entries each),
the others to datasets of 20,000 entries in folders of 400. Listings told most of them: one file in
ten was downloaded. Blobs are sparse files of the size that their row tells, so the scan finds them,
they are served, and they can leave.

One dataset is the same whatever the size, and comes on top: WIDE, with a folder of 10,000 files and
one of 20, listed completely.
"""
import json
import os
import pathlib
import random
import sqlite3
import time

from support.daemon import Daemon

WIDE, WIDE_COMMIT = "bench/wide", "ab" * 20
WIDE_FILES, SMALL_FILES = 10_000, 20
MODEL_ENTRIES, DATASET_ENTRIES = 32, 20_000
DOWNLOADED_OF = 10
BLOB_BYTES = 64 * 2**20     # on average
USED_DAYS = 90
PICKED = 20_000

COMMIT = "printf('%08x%032x', (s * 2654435761 + c * 40503) % 4294967296, s)"
SHA256 = "CAST(x'00' || randomblob(32) AS BLOB)"
SHA1 = "CAST(x'01' || randomblob(20) AS BLOB)"
LARGE = f"{BLOB_BYTES} / 2 + abs(random()) % {BLOB_BYTES}"

# Numbers of entries become rows: scope s, commit c, position f. The order is that of the table.
NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i+1 < :count) "
MODELS = NUMBERS + f"""
, e AS (SELECT :first + i / {MODEL_ENTRIES} AS s, i / 16 % 2 AS c, i % 16 AS f FROM n)
INSERT INTO entry (scope, commit_id, path, kind, digest, size, oid, pointer_size, xet_hash, opened)
SELECT s, {COMMIT},
    CASE WHEN f = 0 THEN 'README.md' WHEN f < 5 THEN printf('config-%02d.json', f)
         ELSE printf('model-%05d-of-00011.safetensors', f - 4) END,
    0, CASE WHEN f < 5 THEN {SHA1} ELSE {SHA256} END,
    CASE WHEN f < 5 THEN 200 + abs(random()) % 8000 ELSE {LARGE} END,
    CASE WHEN f < 5 THEN NULL ELSE {SHA1} END, CASE WHEN f < 5 THEN 0 ELSE 135 END,
    CASE WHEN f < 5 THEN '' ELSE lower(hex(randomblob(32))) END, f = 0
FROM e ORDER BY 1, 2, 3"""
DATASETS = NUMBERS + f"""
, e AS (SELECT :first + i / {DATASET_ENTRIES} AS s, 0 AS c, i % {DATASET_ENTRIES} AS f FROM n)
INSERT INTO entry (scope, commit_id, path, kind, digest, size, oid, pointer_size, xet_hash, opened)
SELECT s, {COMMIT},
    CASE WHEN f % 400 = 0 THEN printf('data/%04d', f / 400)
         ELSE printf('data/%04d/part-%07d.parquet', f / 400, f) END,
    CASE WHEN f % 400 = 0 THEN 2 ELSE 0 END,
    CASE WHEN f % 400 = 0 THEN NULL ELSE {SHA256} END,
    CASE WHEN f % 400 = 0 THEN 0 ELSE {LARGE} END,
    {SHA1}, CASE WHEN f % 400 = 0 THEN 0 ELSE 135 END,
    CASE WHEN f % 400 = 0 THEN '' ELSE lower(hex(randomblob(32))) END, 0
FROM e"""
BLOBS = f"""
INSERT INTO blob (digest, size, last_used)
SELECT digest, size, :now - abs(random()) % {USED_DAYS * 86400} FROM entry
WHERE kind = 0 AND size > 0 AND abs(random()) % {DOWNLOADED_OF} = 0 GROUP BY digest"""


def info(name: str, commit: str) -> str:
    return json.dumps({"_id": "0" * 24, "id": name, "private": False, "gated": False,
                       "disabled": False, "sha": commit, "lastModified": "2026-01-01T00:00:00.000Z",
                       "tags": [f"tag:{it}" for it in range(20)], "siblings": []})


def add_scopes(index: sqlite3.Connection, first: int, count: int, kind: str, prefix: str, now: int):
    names = f"printf('{prefix}%07d', s)"
    scopes = NUMBERS + ", e AS (SELECT :first + i AS s, 0 AS c FROM n) "
    values = {"first": first, "count": count, "now": now, "kind": kind, "info": info("N", "C")}
    for insert in (
            f"INSERT INTO scope SELECT s, :kind, {names}, '' FROM e",
            "INSERT INTO repo SELECT s, 0, 1 FROM e",
            f"INSERT INTO revision SELECT s, 'main', {COMMIT}, :now FROM e",
            "INSERT INTO listing (scope, key, status, content_type, body, link, error_code,"
            " error_message, commit_id, fetched_at)"
            f" SELECT s, 'info' || char(10) || {COMMIT} || char(10), 200, 'application/json',"
            f" CAST(replace(replace(:info, '\"N\"', '\"' || {names} || '\"'), '\"C\"',"
            f" '\"' || {COMMIT} || '\"') AS BLOB), '', '', '', {COMMIT}, :now FROM e",
            f"INSERT INTO tree SELECT s, {COMMIT}, '', 1, 'recursive=true' || char(10), 1, ''"
            " FROM e"):
        index.execute(scopes + insert, values)
    index.execute("INSERT OR IGNORE INTO known_commit SELECT DISTINCT scope, commit_id, :now"
                  " FROM entry WHERE scope >= :first AND scope < :first + :count", values)


def add_wide(index: sqlite3.Connection, scope: int, now: int) -> None:
    def row(path, folder=False):
        return (scope, WIDE_COMMIT, path, 2 if folder else 0,
                None if folder else b"\0" + os.urandom(32), 0 if folder else BLOB_BYTES,
                b"\1" + os.urandom(20), 0 if folder else 135, "" if folder else os.urandom(32).hex(),
                0)
    rows = [row("small", True), row("wide", True)]
    rows += [row(f"small/part-{it:07}.parquet") for it in range(SMALL_FILES)]
    rows += [row(f"wide/part-{it:07}.parquet") for it in range(WIDE_FILES)]
    index.executemany("INSERT INTO entry (scope, commit_id, path, kind, digest, size, oid,"
                      " pointer_size, xet_hash, opened) VALUES (?,?,?,?,?,?,?,?,?,?)", rows)
    index.execute("INSERT INTO scope VALUES (?, 'dataset', ?, '')", (scope, WIDE))
    index.execute("INSERT INTO repo VALUES (?, 0, 1)", (scope,))
    index.execute("INSERT INTO known_commit VALUES (?, ?, ?)", (scope, WIDE_COMMIT, now))
    index.execute("INSERT INTO tree VALUES (?, ?, '', 1, 'recursive=true' || char(10), 1, '')",
                  (scope, WIDE_COMMIT))
    body = info(WIDE, WIDE_COMMIT).encode()
    index.execute("INSERT INTO listing (scope, key, status, content_type, body, link, error_code,"
                  " error_message, commit_id, fetched_at) VALUES (?,?,200,'application/json',?,'',"
                  "'','',?,?)", (scope, f"info\n{WIDE_COMMIT}\n", body, WIDE_COMMIT, now))


def fill(path: pathlib.Path, entries: int) -> None:
    """Into the tables of a daemon that is not running. What follows from rows is made at the end."""
    index = sqlite3.connect(path, isolation_level=None)
    later = index.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
                          " AND type IN ('index', 'trigger')").fetchall()
    index.execute("PRAGMA journal_mode=OFF")
    index.execute("PRAGMA synchronous=OFF")
    index.execute("PRAGMA cache_size=-262144")
    index.execute("BEGIN")
    for kind, name, _ in later:
        index.execute(f"DROP {kind} {name}")
    now, models = int(time.time()), entries * 3 // 10
    datasets = entries - models
    n_models = -(-models // MODEL_ENTRIES)
    n_datasets = -(-datasets // DATASET_ENTRIES)
    index.execute(MODELS, {"first": 1, "count": models})
    index.execute(DATASETS, {"first": 1 + n_models, "count": datasets})
    add_scopes(index, 1, n_models, "model", "bench/m", now)
    add_scopes(index, 1 + n_models, n_datasets, "dataset", "bench/d", now)
    add_wide(index, 1 + n_models + n_datasets, now)
    index.execute(BLOBS, {"now": now})
    for _, _, sql in later:
        index.execute(sql)
    index.execute("UPDATE total SET (number, bytes) = (SELECT count(*), sum(size) FROM blob)"
                  " WHERE what = 'blob'")
    index.execute("COMMIT")
    index.execute("PRAGMA journal_mode=WAL")
    index.close()


def make_files(data: pathlib.Path) -> None:
    """The sparse files of all blobs."""
    kinds = ("sha256", "git-sha1")
    for kind in kinds:
        for number in range(256):
            (data / "blobs" / kind / f"{number:02x}").mkdir(parents=True, exist_ok=True)
    index = sqlite3.connect(data / "index.sqlite")
    for digest, size in index.execute("SELECT digest, size FROM blob"):
        name = digest[1:].hex()
        place = os.open(f"{data}/blobs/{kinds[digest[0]]}/{name[:2]}/{name}",
                        os.O_WRONLY | os.O_CREAT, 0o600)
        os.ftruncate(place, size)
        os.close(place)
    index.close()


def make(data: pathlib.Path, entries: int) -> dict:
    """A data folder with that index, and what the bench has to know of it."""
    Daemon(data.parent / "maker", {"data_dir": str(data), "offline": True}).start().stop()
    path = data / "index.sqlite"
    fill(path, entries)
    make_files(data)
    index = sqlite3.connect(path)
    blobs = index.execute("SELECT count(*) FROM blob").fetchone()[0]
    made = {"blobs": blobs, "index_bytes": path.stat().st_size,
            "known": pick(index, entries, ""),
            "stored": pick(index, entries / DOWNLOADED_OF,
                           " AND e.digest IN (SELECT digest FROM blob)")}
    index.close()
    return made


def pick(index: sqlite3.Connection, of: float, which: str) -> list[str]:
    """Some targets of files from all over the index, in no order."""
    rows = index.execute(
        "SELECT s.kind, s.name, e.commit_id, e.path FROM entry e JOIN scope s ON s.id = e.scope"
        f" WHERE e.size > 0 AND s.name <> ? AND abs(random()) % ? = 0{which}",
        (WIDE, max(1, int(of / PICKED)))).fetchall()
    random.shuffle(rows)
    return [f"{'/datasets' if kind == 'dataset' else ''}/{name}/resolve/{commit}/{path}"
            for kind, name, commit, path in rows[:PICKED]]
