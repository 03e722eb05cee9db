"""What all verbs share: help, one line for an error, exit statuses, a quick start."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.cli.command import Meari as Root
from service.cli.errors import FAILED, MISUSE, FailedError, MisuseError, fault_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.service.cli.conftest import Meari

VERBS = [
    "serve",
    "index",
    "search",
    "recommend",
    "cluster",
    "outliers",
    "duplicates",
    "map",
    "drift",
    "encode",
    "similarity",
    "classify",
    "check",
    "tune",
    "doctor",
    "collections",
    "backups",
    "jobs",
    "keys",
    "encoders",
    "words",
    "train",
    "eval",
]


def _run(
    *arguments: str, code: str = "", env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(["-c", code] if code else ["-m", "service.cli"]), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env)


def test_help_lists_every_verb_and_succeeds(meari: Meari) -> None:
    ran = meari("--help")
    assert ran.status == 0
    listed = [line.split()[0] for line in ran.out.partition("Commands:")[2].splitlines() if line]
    assert listed == VERBS


def test_nothing_asked_is_misuse_and_shows_the_help(meari: Meari) -> None:
    ran = meari()
    assert ran.status == MISUSE
    assert ran.out == meari("--help").out


def test_help_may_be_asked_for_with_one_letter(meari: Meari) -> None:
    for verb in ([], ["search"], ["eval", "compare"]):
        assert meari.done(*verb, "-h").out == meari.done(*verb, "--help").out


def test_version(meari: Meari) -> None:
    assert meari.done("--version").out == "meari 0.1.0\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["serch"], "error: no such command 'serch'. Did you mean 'search', 'serve'? See"),
        (["search", "faq"], "error: nothing to ask with is given; name a QUERY or --image FILE"),
        (["search", "faq", "x", "--exakt"], "error: no such option: --exakt"),
        (["search", "faq", "x", "-k", "many"], "error: invalid value for '-k' / '--limit'"),
        (["index", "a", "--into", "b", "--metric", "l2"], "error: invalid value for '--metric': "),
        (["collections", "move"], "error: no such command 'move'"),
        (["index"], "error: missing option '--into'"),
    ],
)
def test_misuse_is_one_line_and_status_2(meari: Meari, arguments: list[str], line: str) -> None:
    ran = meari(*arguments)
    assert ran.status == MISUSE
    assert ran.out == ""
    assert ran.err.startswith(line)
    assert ran.err.count("\n") == 1


def test_a_failure_is_one_line_and_status_1(meari: Meari) -> None:
    ran = meari("collections", "list")
    assert ran.status == FAILED
    assert ran.err == (
        f"error: no data folder {meari.folder}; `meari index` makes one, --data names another\n"
    )


def test_the_traceback_comes_only_when_asked_for(meari: Meari) -> None:
    assert "Traceback" not in meari("collections", "list").err
    told = meari("--debug", "collections", "list").err
    assert told.startswith("Traceback")
    assert told.splitlines()[-1].startswith("error: no data folder")


@pytest.mark.parametrize(
    ("error", "line", "status"),
    [
        (FailedError("the disk\nis full"), "the disk is full", FAILED),
        (MisuseError("not so"), "not so", MISUSE),
        (FileNotFoundError(2, "No such file", "a.txt"), "a.txt: no such file", FAILED),
        (OSError(98, "port 1 is taken"), "port 1 is taken", FAILED),
        (OSError("odd"), "odd", FAILED),
        (
            OSError(28, "No space left on device"),
            "no space left on device; free some and repeat the command",
            FAILED,
        ),
        (
            sqlite3.DatabaseError("database disk image is malformed"),
            "the documents of a collection cannot be read or written: database disk image is "
            "malformed; if its file is damaged, restore it from a backup",
            FAILED,
        ),
        (
            UnicodeDecodeError("utf-8", b"a\xff", 1, 2, "invalid start byte"),
            "the input is not utf-8: invalid start byte at byte 1; convert it first",
            FAILED,
        ),
        (
            ZeroDivisionError("by zero"),
            "internal: ZeroDivisionError: by zero; "
            "`meari --debug ...` shows where, please report it",
            FAILED,
        ),
    ],
)
def test_every_error_has_a_line_and_a_status(error: Exception, line: str, status: int) -> None:
    fault = fault_of(error)
    assert (fault.message, fault.status) == (line, status)


def test_a_setting_of_the_environment_that_cannot_be_is_named(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEARI_PORT", "99999")
    ran = meari("collections", "list")
    assert ran.status == MISUSE
    assert ran.err.startswith("error: MEARI_PORT is '99999'; ")
    ran = meari("serve", "--port", "70000")
    assert ran.status == MISUSE
    assert ran.err.startswith("error: --port is 70,000; ")


def test_ctrl_c_is_told_and_has_its_own_status(
    meari: Meari, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Root, "invoke", stop)
    ran = meari("collections", "list")
    assert ran.status == 130
    assert ran.err == "stopped\n"


LIGHT = """
import sys
sys.argv = ["meari", *sys.argv[1:]]
from service.cli import main
try:
    main()
finally:
    heavy = {"torch", "faiss", "transformers", "sentence_transformers", "fastapi", "pyarrow"}
    sys.stderr.write("loaded:" + ",".join(sorted(heavy & set(sys.modules))))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["index", "--help"],
        ["collections", "list"],
        ["collections", "show", "faq"],
        ["encoders", "list"],
    ],
)
def test_what_only_reads_starts_without_heavy_libraries(
    indexed: Meari, arguments: list[str]
) -> None:
    ran = _run(*arguments, code=LIGHT, env={**os.environ, "MEARI_DATA": str(indexed.folder)})
    assert ran.returncode == 0
    assert ran.stderr == "loaded:"


def test_a_reader_that_leaves_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "many.txt").write_text("words\n" * 20_000)
    command = f"{sys.executable} -m service.cli encode --file many.txt --encoder hash:64"
    ran = subprocess.run(
        ["/bin/bash", "-c", f"set -o pipefail; {command} | head -1 >first.json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == FAILED
    assert ran.stderr == ""
    assert (tmp_path / "first.json").read_text().startswith('{"index": 0, ')


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_closed_stream_is_no_error(indexed: Meari, closed: str) -> None:
    command = f"{sys.executable} -m service.cli collections list {closed}>&-"
    ran = subprocess.run(
        ["/bin/bash", "-c", command],
        env={**os.environ, "MEARI_DATA": str(indexed.folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0
    assert ran.stderr == ""
    assert ("faq" in ran.stdout) == (closed == "2")


INTERRUPTED = """
import sys
class Finder:
    def find_spec(self, name, *_):
        if name == "service.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
from service.cli import main
main()
"""


def test_ctrl_c_before_a_verb_has_begun_is_no_traceback() -> None:
    ran = _run(code=INTERRUPTED)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


LOGGING = """
import logging, sys
import service.cli.encoders as verbs
list_built_in = verbs._built_in
def log_and_list():
    logging.getLogger("indexing.storage").error("something for the log")
    return list_built_in()
verbs._built_in = log_and_list
sys.argv = ["meari", *sys.argv[1:]]
from service.cli import main
main()
"""


def test_log_lines_do_not_stand_between_those_of_a_verb() -> None:
    ran = _run("encoders", "list", code=LOGGING)
    assert (ran.returncode, ran.stderr) == (0, "")
    told = _run("--debug", "encoders", "list", code=LOGGING)
    assert "ERROR indexing.storage: something for the log" in told.stderr


def test_the_process_leaves_with_the_verbs_status(tmp_path: Path) -> None:
    assert _run("collections", "list", "--data", str(tmp_path / "none")).returncode == FAILED
    assert _run("collections", "nothing").returncode == MISUSE
    assert _run("encoders", "list").returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["collections", "list"],
        ["search", "faq", "x"],
        ["index", "x", "--into", "faq"],
        ["eval", "retrieval", "x"],
    ],
)
def test_a_folder_and_a_server_are_not_both_obeyed(meari: Meari, arguments: list[str]) -> None:
    ran = meari(*arguments, "--data", "here", "--url", "http://there")
    assert ran.status == MISUSE
    assert ran.err == (
        "error: --data here and --url http://there name two places; leave one of them out\n"
    )


@pytest.mark.parametrize("below", ["", "deeper"])
@pytest.mark.parametrize("verb", [["search", "faq", "x"], ["collections", "list"], ["serve"]])
def test_a_data_folder_that_is_a_file_is_told(
    meari: Meari, tmp_path: Path, verb: list[str], below: str
) -> None:
    file = tmp_path / "file"
    file.touch()
    ran = meari(*verb, "--data", file / below)
    assert ran.status == MISUSE
    assert (
        ran.err == f"error: data folder {file / below} cannot be: {file} is a file; name a folder\n"
    )
    assert file.is_file()


def test_a_folder_that_asks_for_code_is_refused_in_one_line(meari: Meari, tmp_path: Path) -> None:
    folder = tmp_path / "evil"
    folder.mkdir()
    (folder / "modules.json").write_text('[{"path": "", "type": "evil.Model"}]')
    (folder / "evil.py").write_text("raise SystemExit('code was run')")
    for verb in (("encoders", "show", folder), ("encode", "a", "--encoder", folder)):
        ran = meari(*verb)
        assert (ran.status, ran.out) == (1, "")
        assert "evil.Model', which is code from elsewhere; refused" in ran.err.replace("\n", " ")
