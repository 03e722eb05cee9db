"""Results in folders: a JSON file for programs and a Markdown page for people."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

from eval.errors import EvalError
from indexing.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path


class Told(Protocol):
    """What every evaluation gives."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""

    def to_markdown(self) -> str:
        """A page for people."""


def make_folder(folder: Path) -> None:
    """Make a folder for results, and those above it; done before long work, not after it.

    Raises:
        EvalError: it cannot be made, or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"results cannot go to {folder}: {error.strerror}; name another folder"
        raise EvalError(message) from error


def write_report(report: Told, folder: Path, stem: str) -> None:
    """Put `STEM.json` and `STEM.md` into `folder`, made if missing.

    Raises:
        EvalError: the folder cannot be made.
    """
    make_folder(folder)
    content = json.dumps(report.to_json(), ensure_ascii=False, indent=2) + "\n"
    write_atomically(folder / f"{stem}.json", content.encode())
    write_atomically(folder / f"{stem}.md", report.to_markdown().encode())
