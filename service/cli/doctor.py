"""`meari doctor`: is everything in place, and what to do where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from service.cli.errors import FAILED
from service.cli.output import AsJson, note, write_json, write_table
from service.cli.progress import waiting
from service.cli.store import Data, settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.diagnosis.findings import Finding


def doctor(data: Data = None, as_json: AsJson = False) -> None:
    """Check the installation, the machine and the data folder, and say what to do.

    Nothing is changed. Exit status 1 if something is wrong.
    """
    from service.diagnosis.findings import examine

    with waiting("examining"):
        findings = examine(settings(data=data))
    wrong = [each for each in findings if each.state == "wrong"]
    if as_json:
        write_json({"ok": not wrong, "findings": [each.to_json() for each in findings]})
    else:
        _show(findings)
    if wrong:
        raise typer.Exit(FAILED)


def _show(findings: Sequence[Finding]) -> None:
    rows = [(each.check, each.state, _sentence(each)) for each in findings]
    write_table(("check", "state", "what was found"), rows, folds="what was found")
    counts = {
        state: sum(each.state == state for each in findings) for state in ("wrong", "doubtful")
    }
    told = [f"{count} {state}" for state, count in counts.items() if count]
    note(", ".join(told) if told else "everything is in place")


def _sentence(finding: Finding) -> str:
    return f"{finding.found}: {finding.remedy}" if finding.remedy else finding.found
