"""`meari train tokenizer` and `meari train pretrain`: what they print, leave and refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import typer
from transformers import AutoTokenizer
from typer.testing import CliRunner

from embeddings.load import load_encoder
from service.cli.command import Meari
from service.cli.train import verbs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

LINES = [
    f"{noun}{ending} {word} {number}."
    for number in range(20)
    for noun in ("학교", "나무", "바다", "사람")
    for ending in ("에서", "까지", "으로")
    for word in ("school", "trees", "ocean")
]
SMALL = [
    "size.width=16",
    "size.layers=1",
    "size.heads=2",
    "max_tokens=24",
    "heldout=0.1",
    "run.batch=8",
    "run.most_steps=6",
    "run.evaluations=2",
    "run.device=cpu",
]


@pytest.fixture
def train() -> Callable[..., Result]:
    """Runs `meari train ARGUMENTS`."""
    root = typer.Typer(cls=Meari, rich_markup_mode=None, pretty_exceptions_enable=False)
    root.callback()(lambda: None)
    root.add_typer(verbs(), name="train")

    def run(*arguments: object) -> Result:
        runner = CliRunner(env={"NO_COLOR": "1"})
        return runner.invoke(root, ["train", *map(str, arguments)], prog_name="meari")

    return run


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """720 lines."""
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES), encoding="utf-8")
    return path


def sets(*given: str) -> list[str]:
    """`--set` for each."""
    return [part for each in given for part in ("--set", each)]


def test_a_tokenizer_then_a_model_then_the_same_again(
    train: Callable[..., Result], corpus: Path, tmp_path: Path
) -> None:
    folder, out = tmp_path / "pieces", tmp_path / "model"
    ran = train("tokenizer", corpus, "--out", folder, *sets("vocabulary=90"))
    assert ran.exit_code == 0, ran.stderr
    assert "ko tokens_per_word" in ran.stdout
    assert len(AutoTokenizer.from_pretrained(str(folder))) == 90
    source = [f'train=[{{path="{corpus}"}}]', f"tokenizer={folder}"]
    ran = train("pretrain", "--out", out, *sets(*source, *SMALL))
    assert ran.exit_code == 0, ran.stderr
    receipt = json.loads((out / "training.json").read_bytes())
    assert f"{receipt['scores']['dev after']['perplexity']:.4g}" in ran.stdout
    assert "step 0 of 6: perplexity" in ran.stderr
    assert load_encoder(out).dim == 16
    again = train("pretrain", "--out", out, *sets(*source, *SMALL))
    assert again.exit_code == 1
    assert "holds a model already" in again.stderr


def test_an_extension_as_json(
    train: Callable[..., Result], transformer_body: Path, corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "extended"
    chosen = sets("pieces=30", "syllables=seen")
    ran = train("tokenizer", corpus, "--extend", transformer_body, "--out", out, "--json", *chosen)
    assert ran.exit_code == 0, ran.stderr
    printed = json.loads(ran.stdout)
    assert printed["folder"] == str(out)
    extra = printed["training"]["extra"]
    assert extra["vocabulary"] - extra["vocabulary_before"] == 30
    assert extra["unchanged"]["changed"] == 0
    assert load_encoder(out).dim == 16


def test_an_extension_is_renewed(
    train: Callable[..., Result], transformer_body: Path, corpus: Path, tmp_path: Path
) -> None:
    first, out = tmp_path / "extended", tmp_path / "renewed"
    chosen = sets("pieces=30", "syllables=seen")
    train("tokenizer", corpus, "--extend", transformer_body, "--out", first, *chosen)
    ran = train("tokenizer", "--renew", first, "--out", out, "--json")
    assert ran.exit_code == 0, ran.stderr
    assert "other forms" in json.loads(ran.stdout)["normaliser"]
    assert load_encoder(out).dim == 16
    again = train("tokenizer", "--renew", first, "--out", out)
    assert again.exit_code == 1
    both = train("tokenizer", corpus, "--renew", first, "--out", tmp_path / "other")
    assert both.exit_code == 2
    assert "--renew takes no sources" in both.stderr


@pytest.fixture
def transformer_body(train: Callable[..., Result], tmp_path: Path) -> Path:
    """A model of six steps over English letters."""
    text = tmp_path / "english.txt"
    text.write_text("\n".join(line.split(maxsplit=1)[1] for line in LINES), encoding="utf-8")
    pieces, out = tmp_path / "english-pieces", tmp_path / "english"
    train("tokenizer", text, "--out", pieces, *sets("vocabulary=50"))
    source = [f'train=[{{path="{text}"}}]', f"tokenizer={pieces}"]
    ran = train("pretrain", "--out", out, *sets(*source, *SMALL))
    assert ran.exit_code == 0, ran.stderr
    return out


def test_misspelt_keys_and_impossible_sizes(
    train: Callable[..., Result], corpus: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ran = train("tokenizer", corpus, "--out", out, *sets("vocabluary=90"))
    assert ran.exit_code == 2
    assert "did you mean 'vocabulary'" in ran.stderr
    ran = train("tokenizer", corpus, "--extend", "minilm", "--out", out, *sets("peices=90"))
    assert ran.exit_code == 2
    assert "did you mean 'pieces'" in ran.stderr
    ran = train("tokenizer", corpus, "--out", out, *sets("vocabulary=60000"))
    assert ran.exit_code == 1
    assert "Ask for at most" in ran.stderr
    ran = train("pretrain", "--out", out, *sets("objectiv=masked"))
    assert ran.exit_code == 2
    assert "did you mean 'objective'" in ran.stderr
    ran = train("pretrain", "--out", out)
    assert ran.exit_code == 2
    assert "'train' is missing" in ran.stderr
    assert not out.exists()
