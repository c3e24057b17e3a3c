"""The rules of the tree that a reader relies on, as tests: who may include whom, sizes, bans."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = {  # folder -> the folders that it may include besides itself
    "common": set(),
    "config": {"common"},
    "server/net": {"common"},
    "server/http": {"common", "server/net"},
    "server/store": {"common"},
    "server/hub": {"common"},
    "server/proxy": {"common", "config", "server/net", "server/http", "server/store", "server/hub"},
    "server/xet": {"common", "config", "server/net", "server/http", "server/store", "server/hub",
                   "server/proxy"},
    "server/admin": {"common", "config", "server/net", "server/http", "server/store", "server/hub",
                     "server/proxy"},
    "server/cli": {"common", "config"},
}
MAX_LINES, MAX_COLUMNS, MAX_FUNCTION = 400, 100, 70
BANS = [  # what, where it is allowed, what to use instead
    (r"\bstd::regex\b", (), "a hand-written parser: std::regex is not linear"),
    (r"\bassert\(", (), "CHECK, which is on in every build"),
    (r"#include <sqlite3\.h>", ("server/store/sqlite.cpp",), "server/store/sqlite.hpp"),
    (r"(?<![\w>])::(open|pread|pwrite|unlink|mkdir|renameat2|fdatasync|fsync|statvfs|fallocate)\(",
     ("common/file.cpp",), "common/file.hpp, where faults have one place to come from"),
    (r"\b(if|while|switch) \((?:[^()]|\((?:[^()]|\([^()]*\))*\))*co_await", (), "a named result: one co_await per statement"),
    (r"return [^;]*co_await", (), "a named result: one co_await per statement"),
    (r"io_context::stop|context_?\.stop\(\)", (), "draining: stop() leaves frames behind"),
    (r"[^:]\b(std::)?(stoi|stoul|atoi|strtol)\(", (), "parse_u64, which is strict"),
]


def sources():
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
                            capture_output=True, check=True).stdout.split()
    return [ROOT / it for it in listed if it.endswith((".cpp", ".hpp")) and (ROOT / it).exists()]


def name(path):
    return str(path.relative_to(ROOT))


def product():
    return [it for it in sources() if not name(it).startswith("tests/")]


def code(path):
    """The text without comments and string literals, lines kept."""
    text = re.sub(r'R"\((.|\n)*?\)"', lambda m: "\n" * m[0].count("\n"), path.read_text())
    text = re.sub(r'"(\\.|[^"\\\n])*"', '""', text)
    return re.sub(r"//[^\n]*", "", text)


def test_there_is_something_to_check():
    assert len(product()) > 80


@pytest.mark.parametrize("folder", LAYERS)
def test_layers_include_only_what_stands_left_of_them(folder):
    wrong = []
    for path in product():
        if str(pathlib.Path(name(path)).parent) != folder:
            continue
        for included in re.findall(r'^#include "(.+)/[^/]+"', path.read_text(), re.MULTILINE):
            if included != folder and included not in LAYERS[folder]:
                wrong.append(f"{name(path)} includes {included}")
    assert not wrong


def test_every_folder_of_the_product_is_a_layer():
    folders = {str(pathlib.Path(name(it)).parent) for it in product()}
    assert folders <= set(LAYERS) | {"server"}


def test_files_fit_a_reader():
    wrong = []
    for path in sources():
        lines = path.read_text().splitlines()
        if len(lines) > MAX_LINES:
            wrong.append(f"{name(path)}: {len(lines)} lines")
        wrong += [f"{name(path)}:{number}: {len(line)} columns"
                  for number, line in enumerate(lines, 1) if len(line) > MAX_COLUMNS]
    assert not wrong


def test_functions_fit_a_screen():
    wrong = []
    for path in product():
        begin = None
        for number, line in enumerate(code(path).splitlines(), 1):
            if re.match(r"[A-Za-z].*\{$", line) and not re.match(
                    r"(namespace|class|struct|enum|union|extern)\b", line):
                begin = number
            elif line.startswith("}") and begin:
                if number - begin > MAX_FUNCTION:
                    wrong.append(f"{name(path)}:{begin}: {number - begin} lines")
                begin = None
    assert not wrong


def test_headers_begin_with_their_story():
    wrong = [name(it) for it in product() if it.suffix == ".hpp"
             and not re.match(r"#pragma once\n(// .+\n)", it.read_text())]
    assert not wrong


@pytest.mark.parametrize("ban", BANS, ids=[it[2].split(":")[0].split(",")[0] for it in BANS])
def test_bans(ban):
    pattern, allowed, instead = ban
    wrong = []
    for path in product():
        if name(path) in allowed:
            continue
        for number, line in enumerate(code(path).splitlines(), 1):
            if re.search(pattern, line):
                wrong.append(f"{name(path)}:{number}: use {instead}")
    assert not wrong
