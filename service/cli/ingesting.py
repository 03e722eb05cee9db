"""Indexing as the command line does it: a meter, and a word on what is safe if it stops."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

import typer

from service.cli.errors import STOPPED
from service.cli.output import counted, note
from service.cli.progress import Amount, metered, waiting
from service.cli.store import connect, settings
from service.cli.target import find_in_folder, find_on_server, look_in_folder, look_on_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from indexing.data_folder import DataFolder
    from indexing.ingest import IngestOptions, IngestPlan, IngestReport, Progress
    from service.cli.target import Target, Wish
    from service.client import JsonObject

_BEHIND = 0.05
"""Share of rows outside the index that a search may compare one by one."""


@contextmanager
def opened_target(
    wish: Wish, options: IngestOptions, data: Path | None, url: str | None
) -> Iterator[Target]:
    """The collection to write to, made if missing; one made in vain is taken back.

    Raises:
        InvalidRequestError: chunks that are impossible with its encoder; nothing is made then.
    """
    with ExitStack() as stack:
        if url is not None:
            target = find_on_server(stack.enter_context(connect(url)), wish, options)
        else:
            target = find_in_folder(stack.enter_context(_folder(data, "write")), wish, options)
        try:
            yield target
        except Exception:
            target.abandon()
            raise


def ingested(
    sources: list[str], target: Target, options: IngestOptions, *, resume: bool
) -> IngestReport:
    """Index with a meter running; what is safe is told if it stops half-way."""
    from indexing.ingest import ingest

    last: Progress | None = None

    def progress(now: Progress) -> None:
        nonlocal last
        last = now
        tell(Amount(now.read, now.total, now.rate, now.eta_s, now.rejected))

    try:
        with metered("document") as tell:
            return ingest(
                sources,
                target.collection,
                target.encoder,
                options,
                resume=resume,
                progress=progress,
            )
    except KeyboardInterrupt as error:
        note(_what_is_safe(last, sources, target))
        raise typer.Exit(STOPPED) from error
    except Exception:
        if last is not None and last.written:
            note(_what_is_safe(last, sources, target))
        raise


def _what_is_safe(last: Progress | None, sources: list[str], target: Target) -> str:
    """What of a run that stopped is indexed, what is not, and what goes on."""
    written = 0 if last is None else last.written
    told = f"{counted(written, 'document')} of this run {_are(written)} indexed and safe"
    if written == 0:
        told = "nothing of this run is indexed yet"
    again = "what stands there is not encoded again"
    if "-" in sources:
        lost = 0 if last is None else last.lost
        behind = f"; {counted(lost, 'document')} read behind them {_are(lost)} not" if lost else ""
        return f"{told}{behind}; pipe everything in again: {again}"
    resumable = hasattr(target.collection, "folder")
    how = "the same command with --resume goes on" if resumable else "the same command goes on"
    return f"{told}; {how}: {again}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def optimized(target: Target) -> JsonObject:
    """The collection, its search index built again if too many rows stand outside it."""
    status = target.store.collection(target.name)
    behind = status["rows"] - status["indexed_rows"]
    if behind <= status["rows"] * _BEHIND:
        return status
    with waiting("building the search index"):
        return target.store.optimize(target.name)


def planned(
    sources: list[str], wish: Wish, options: IngestOptions, data: Path | None, url: str | None
) -> IngestPlan:
    """What indexing would do; nothing is made or written."""
    from indexing.ingest import plan

    with ExitStack() as stack, waiting("reading the sources"):
        if url is not None:
            target, encoder = look_on_server(stack.enter_context(connect(url)), wish)
        else:
            is_there = settings(data=data).data.expanduser().is_dir()
            folder = stack.enter_context(_folder(data, "read")) if is_there else None
            target, encoder = look_in_folder(folder, wish)
        return plan(sources, target, encoder, options)


def _folder(data: Path | None, mode: Literal["read", "write"]) -> DataFolder:
    from indexing.data_folder import DataFolder

    chosen = settings(data=data)
    return DataFolder.open(
        chosen.data,
        mode=mode,
        owner="meari index",
        device=chosen.device,
        default_encoder=chosen.encoder,
        disk_floor=chosen.disk_floor,
        maintain=False,  # `optimized` does what is due, once everything is in
    )
