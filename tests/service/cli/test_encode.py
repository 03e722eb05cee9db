"""`meari encode`, `similarity` and `encoders`: vectors, cosines and cards."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from embeddings.hashing import HashEncoder
from service.cli.errors import FAILED, MISUSE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.cli.conftest import Meari

TEXTS = ["배송은 얼마나 걸리나요?", "when will it arrive"]


def test_a_line_of_json_each_text(meari: Meari) -> None:
    ran = meari.done("encode", *TEXTS)
    lines = [json.loads(line) for line in ran.out.splitlines()]
    encoding = HashEncoder(64).encode(TEXTS, role="document")
    assert [line["index"] for line in lines] == [0, 1]
    assert [line["tokens"] for line in lines] == encoding.tokens.tolist()
    assert [line["truncated"] for line in lines] == [False, False]
    vectors = np.array([line["vector"] for line in lines], dtype=np.float32)
    np.testing.assert_array_equal(vectors, encoding.vectors)


def test_the_lines_of_a_file_are_texts_in_order_over_batches(meari: Meari, tmp_path: Path) -> None:
    source = tmp_path / "lines.txt"
    texts = [f"text {number}\u2028still {number}" for number in range(150)]
    source.write_text("\n".join(texts) + "\n", encoding="utf-8")
    lines = meari.done("encode", "--file", source).out.splitlines()
    assert [json.loads(line)["index"] for line in lines] == list(range(150))
    last = HashEncoder(64).encode(texts[-1:], role="document").vectors[0]
    assert json.loads(lines[-1])["vector"] == last.tolist()


def test_stdin_gives_lines_too(meari: Meari) -> None:
    piped = meari.done("encode", "-", stdin="\n".join(TEXTS)).out
    assert piped == meari.done("encode", *TEXTS).out


def test_vectors_go_into_a_file_with_a_summary(meari: Meari, tmp_path: Path) -> None:
    out = tmp_path / "vectors.npy"
    summary = meari.done("encode", *TEXTS, "--out", out, "--json").json
    assert (summary["texts"], summary["dim"], summary["truncated"]) == (2, 64, 0)
    assert summary["bytes"] == out.stat().st_size
    vectors = np.load(out)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, HashEncoder(64).encode(TEXTS, role="document").vectors)


def test_no_lines_give_no_vectors(meari: Meari, tmp_path: Path) -> None:
    assert meari.done("encode", "-", stdin="").out == ""
    out = tmp_path / "none.npy"
    meari.done("encode", "-", "--out", out, stdin="")
    assert np.load(out).shape == (0, 64)


def test_a_cut_text_is_warned_of(meari: Meari, tmp_path: Path) -> None:
    ran = meari.done("encode", "word " * 300, "--out", tmp_path / "v.npy")
    assert ran.err == (
        "warning: 1 text longer than the encoder's 256 tokens; "
        "what stands behind them is not in the vector\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "error: give either texts, or --file FILE, or - for lines from stdin\n"),
        (["a", "--file", "b"], "error: give either texts, or --file FILE"),
        (["a", " "], "error: input 1 is empty or blank; there is nothing to encode\n"),
        (["a", "--out", "v.bin"], "error: --out v.bin does not end in .npy"),
        (["a", "--role", "title"], "error: invalid value for '--role': 'title' is not one of"),
    ],
)
def test_misuse(meari: Meari, arguments: list[str], line: str) -> None:
    ran = meari("encode", *arguments)
    assert ran.status == MISUSE
    assert ran.err.startswith(line)


def test_a_blank_line_far_behind_is_named(meari: Meari, tmp_path: Path) -> None:
    ran = meari("encode", "-", stdin="text\n" * 100 + "\n")
    assert (ran.status, ran.out) == (MISUSE, "")
    assert ran.err == "error: stdin:101: the line is blank; there is nothing to encode\n"
    (tmp_path / "lines.txt").write_text("text\n  \n")
    told = meari("encode", "--file", tmp_path / "lines.txt").err
    assert told.startswith(f"error: {tmp_path}/lines.txt:2: the line is blank")


def test_a_byte_order_mark_is_no_token(meari: Meari, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes("\ufeff사과\r\n배\r\n".encode())
    assert meari.done("encode", "--file", path).out == meari.done("encode", "사과", "배").out
    piped = meari.done("encode", "-", stdin="\ufeff사과\n배\n").out
    assert piped == meari.done("encode", "사과", "배").out


def test_lines_in_another_encoding_are_named(meari: Meari, tmp_path: Path) -> None:
    path = tmp_path / "lines.txt"
    path.write_bytes(b"good\n" + "사과를 먹었다\n".encode("cp949"))
    ran = meari("encode", "--file", path)
    assert (ran.status, ran.out) == (FAILED, "")
    assert ran.err.startswith(f"error: {path}:2: not valid utf-8 at character ")
    assert "it would be valid cp949" in ran.err


def test_a_full_disk_leaves_the_old_file(
    meari: Meari, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    out = tmp_path / "v.npy"
    meari.done("encode", "사과", "--out", out)
    before = out.read_bytes()
    monkeypatch.setattr("numpy.save", save)
    ran = meari("encode", "배", "--out", out)
    assert ran.status == FAILED
    assert ran.err.startswith(f"error: no space to write v.npy in {tmp_path}")
    assert out.read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--file", "/no/such"], "error: /no/such: no such file or directory\n"),
        (["a", "--encoder", "nope"], "error: encoder 'nope' is neither a folder nor one of"),
        (["a", "--out", "/no/such/v.npy"], "error: /no/such/v.npy: no such file or directory\n"),
    ],
)
def test_failures(meari: Meari, arguments: list[str], line: str) -> None:
    ran = meari("encode", *arguments)
    assert ran.status == FAILED
    assert ran.err.startswith(line)


def test_similarity_is_the_cosine_with_its_receipt(meari: Meari) -> None:
    first, second = HashEncoder(64).encode(["a b", "b c"], role="query").vectors
    answer = meari.done("similarity", "a b", "b c", "--json").json
    assert answer["scores"] == [pytest.approx(float(first @ second), abs=1e-6)]
    assert answer["receipt"]["tokens"] == 4
    assert answer["receipt"]["encoder"]["name"] == "hash:64"
    score, receipt = meari.done("similarity", "a b", "b c").out.splitlines()
    assert score == f"{answer['scores'][0]:.4f}"
    assert receipt == "cosine · hash:64 · 4 tokens"


def test_similarity_of_a_text_with_itself_is_1(meari: Meari) -> None:
    assert meari.done("similarity", "사과", "사과").out.startswith("1.0000\n")


@pytest.mark.parametrize(("a", "b", "name"), [("", "x", "A"), ("x", " ", "B")])
def test_nothing_cannot_be_compared(meari: Meari, a: str, b: str, name: str) -> None:
    ran = meari("similarity", a, b)
    assert ran.status == MISUSE
    assert ran.err == f"error: {name} is empty; there is nothing to compare\n"


def test_similarity_warns_of_what_was_not_read(meari: Meari) -> None:
    ran = meari.done("similarity", "short", "word " * 300)
    assert ran.err == "warning: the encoder did not read B to its end\n"


def test_encoders_list_marks_the_default(meari: Meari) -> None:
    known = meari.done("encoders", "list", "--json").json["encoders"]
    assert {each["name"]: each["default"] for each in known} == {
        "hash:64": True,
        "meari-ko-en": False,
        "meari-static": False,
        "minilm": False,
        "hash": False,
    }
    first = meari.done("encoders", "list").out.splitlines()[2]
    assert first.split() == ["hash:64", "default"]


def test_a_card_is_shown_whole(meari: Meari) -> None:
    card = HashEncoder(64).card
    assert meari.done("encoders", "show", "hash:64", "--json").json == card.to_json()
    shown = meari.done("encoders", "show", "hash:64").out
    assert card.fingerprint in shown
    assert "dimensions   64" in shown


def test_an_encoder_that_is_not_there_fails(meari: Meari) -> None:
    ran = meari("encoders", "show", "hash:many")
    assert ran.status == FAILED
    assert "hash:DIM" in ran.err
