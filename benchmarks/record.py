"""Keeping a benchmark's figures with the machine, versions and commit they were seen on."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from eval.provenance import Provenance

RESULTS = Path(__file__).parent / "results"


def save(name: str, result: dict[str, Any]) -> Path:
    """Write `results/NAME.json`, replacing the last one; returns its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    record = {"benchmark": name, **result, "provenance": Provenance.now().to_json(), **_commit()}
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return path


def _commit() -> dict[str, str]:
    git = shutil.which("git")
    if git is None:
        return {}
    command = [git, "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {"commit": done.stdout.strip()} if done.returncode == 0 else {}
