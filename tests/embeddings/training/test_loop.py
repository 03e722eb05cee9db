"""Folders of runs: which checkpoint is whole, what may be gone on with, what is in the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from embeddings.training.errors import TrainingError
from embeddings.training.loop import (
    CHECKPOINTS,
    begin_run,
    check_folder_is_free,
    finish,
    is_out_of_memory,
    last_checkpoint,
    write_whole,
)
from embeddings.training.options import Running
from embeddings.training.precision import choose_place

if TYPE_CHECKING:
    from pathlib import Path


def checkpoint(out: Path, step: int, state: str | None = None) -> Path:
    folder = out / CHECKPOINTS / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    text = f'{{"global_step": {step}}}' if state is None else state
    (folder / "trainer_state.json").write_text(text, encoding="utf-8")
    return folder


def test_the_last_whole_checkpoint_is_found(tmp_path: Path) -> None:
    folder = tmp_path / CHECKPOINTS
    assert last_checkpoint(folder) is None
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    checkpoint(tmp_path, 11, '{"global_st')
    (folder / "checkpoint-12").mkdir()
    assert last_checkpoint(folder) == newest


def test_a_run_is_gone_on_with_only_as_it_was(tmp_path: Path) -> None:
    assert begin_run(tmp_path, "a = 1\nb = 2\n", resume=True) is None
    (tmp_path / CHECKPOINTS / "start").mkdir()
    # The same recipe again keeps what it made; another one begins with an empty folder.
    assert begin_run(tmp_path, "a = 1\nb = 2\n", resume=False) is None
    assert (tmp_path / CHECKPOINTS / "start").is_dir()
    assert begin_run(tmp_path, "a = 1\nb = 3\n", resume=False) is None
    assert not (tmp_path / CHECKPOINTS / "start").exists()
    stopped = checkpoint(tmp_path, 4)
    assert begin_run(tmp_path, "a = 1\nb = 3\n", resume=True) == stopped
    with pytest.raises(TrainingError, match="stopped at step 4; go on with --resume"):
        begin_run(tmp_path, "a = 1\nb = 3\n", resume=False)
    with pytest.raises(TrainingError, match=r"another recipe \(`b = 3` then, `b = 4` now\)"):
        begin_run(tmp_path, "a = 1\nb = 4\n", resume=True)
    with pytest.raises(TrainingError, match="keys were added or left out"):
        begin_run(tmp_path, "a = 1\nb = 3\nc = 4\n", resume=True)
    assert stopped.is_dir()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    check_folder_is_free(tmp_path / "new")
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(TrainingError, match="holds a model already"):
        check_folder_is_free(tmp_path)
    with pytest.raises(TrainingError, match="is a file; --out names a folder"):
        check_folder_is_free(tmp_path / "modules.json")
    # A run that was stopped while it wrote its model may be gone on with.
    checkpoint(tmp_path, 1)
    check_folder_is_free(tmp_path)
    finish(tmp_path)
    assert not (tmp_path / CHECKPOINTS).exists()


def test_a_folder_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        folder.mkdir()
        message = "disk is full"
        raise OSError(message)

    with pytest.raises(OSError, match="disk is full"):
        write_whole(tmp_path / "a" / "b", fails)
    assert not (tmp_path / "a" / "b").exists()
    write_whole(tmp_path / "a" / "b", lambda folder: folder.mkdir())
    assert (tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory."), False),
    ],
)
def test_memory_that_ended_is_known_from_other_errors(error: Exception, is_memory: bool) -> None:
    assert is_out_of_memory(error) is is_memory


def test_a_processor_computes_in_32_bits_unless_told() -> None:
    place = choose_place(Running(device="cpu"))
    assert (place.device, place.precision, place.workers) == ("cpu", "fp32", 0)
    assert place.name
    assert choose_place(Running(device="cpu", precision="bf16", workers=2)).workers == 2
    with pytest.raises(TrainingError, match="fp16, which cpu cannot train in; use fp32 or bf16"):
        choose_place(Running(device="cpu", precision="fp16"))
