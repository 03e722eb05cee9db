r"""Is an encoder good enough to be the default? Its figures in both languages, in one table.

    python -m benchmarks.default_encoder --encoder minilm --encoder models/ko-en-3 \
        --data DATA --cache DIR [--only miracl_ko] [--final] [--window 256] [--width 128]

Without `--final` only rows for choosing are measured. Every figure is kept in the cache by the
encoder's fingerprint and the data, and so is every batch of vectors: a run that was stopped goes
on where it was, and one that is done costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks import record
from benchmarks.encoder_costs import measure_speed, measure_tokens, speed_texts
from benchmarks.encoder_data import PARTS, load_part
from benchmarks.encoder_parts import key_of, measure
from benchmarks.encoder_table import Row, page, rows_of, show
from benchmarks.kept_vectors import KeptEncoder, Progress, open_encoder
from embeddings.load import Runtime, load_encoder
from indexing.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.encoder_data import Part
    from embeddings.types import Encoder

COSTS = ("speed", "tokens")
NAMES = tuple(dict.fromkeys((*COSTS, *(part.name for part in PARTS))))


def main(
    encoder: Annotated[
        list[str] | None, typer.Option(metavar="E", help="Name or folder; may be repeated.")
    ] = None,
    *,
    data: Annotated[Path, typer.Option(metavar="DIR", help="Holds the data sets.")],
    cache: Annotated[Path, typer.Option(metavar="DIR", help="Keeps vectors and figures.")],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="SET", help=f"In the order given: {', '.join(NAMES)}."),
    ] = None,
    final: Annotated[bool, typer.Option("--final", help="Rows for reporting as well.")] = False,
    window: Annotated[
        int | None, typer.Option(metavar="N", help="Tokens read of a text. [default: its own]")
    ] = None,
    width: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Also with so many numbers a vector.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="Measure anew, from the vectors.")] = False,
    reference: Annotated[str, typer.Option(metavar="E", help="Speed is compared with.")] = "minilm",
    device: Annotated[str, typer.Option(metavar="D", help="Where encoders compute.")] = "cpu",
    runtime: Annotated[
        Runtime, typer.Option(metavar="R", help="torch, or auto as the service has it.")
    ] = "torch",
    page_file: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write the table there, too.")
    ] = None,
) -> None:
    """Measure, print one line a figure, and save under `benchmarks/results`."""
    unknown = [name for name in only or () if name not in NAMES]
    if unknown:
        message = f"{unknown[0]!r} is none; there are {', '.join(NAMES)}"
        raise typer.BadParameter(message, param_hint="--only")
    columns: dict[str, list[Row]] = {}
    for name in encoder or ["minilm"]:
        candidate = Candidate(
            open_encoder(name, cache / "windows", window=window, device=device, runtime=runtime),
            stem=Path(name).name.replace(":", "_") + ("" if window is None else f"_{window}"),
            reference=reference,
            data=data,
            cache=cache,
            device=device,
            again=again,
        )
        columns[candidate.stem] = candidate.judge(only or NAMES, final=final, widths=width or ())
    table = page(columns)
    print(f"\n{table}", end="")
    if page_file is not None:
        page_file.write_text(table, encoding="utf-8")


@dataclass
class Candidate:
    """An encoder to be judged.

    Attributes:
        encoder: it.
        stem: of its results' file, and heading of its column.
        reference: name of the encoder that speed is compared with.
        data: folder of the data sets.
        cache: folder of vectors and figures.
        device: where the reference computes.
        again: measure what is kept, too.
    """

    encoder: Encoder
    stem: str
    reference: str
    data: Path
    cache: Path
    device: str
    again: bool = False

    @cached_property
    def kept(self) -> KeptEncoder:
        """The encoder with its vectors on disk."""
        return KeptEncoder(self.encoder, self.cache / "vectors")

    def judge(self, only: Sequence[str], *, final: bool, widths: Sequence[int]) -> list[Row]:
        """All rows of the sets of those names, in that order; each is saved as soon as known.

        Args:
            only: names of sets.
            final: also what is for reporting.
            widths: of vectors, beside the encoder's own.
        """
        card = self.encoder.card
        print(f"{self.stem}: {card.dim} numbers, {card.max_tokens} tokens, {card.fingerprint[:16]}")
        rows: list[Row] = []
        for name in dict.fromkeys(only):
            if name in COSTS:
                rows += self._tell(name, self._cost(name))
            for part in PARTS:
                if part.name == name and (final or not part.final):
                    rows += self._tell(name, self._part(part, widths))
        return rows

    def _tell(self, name: str, found: list[dict[str, Any]]) -> list[Row]:
        save_results(self.stem, self.encoder, found)
        rows = rows_of(found)
        for row in rows:
            print(f"{self.stem}: {show(row)}", flush=True)
        if not rows:
            print(f"{self.stem}: {name} has nothing to show")
        return rows

    def _part(self, part: Part, widths: Sequence[int]) -> list[dict[str, Any]]:
        data = load_part(part, self.data)
        found = []
        for width in (None, *widths) if part.cut else (None,):
            label = f"{part.title} {part.split} {part.form}" + (f" {width}" if width else "")

            def made(width: int | None = width, label: str = label) -> dict[str, Any]:
                progress = Progress(f"{self.stem}, {label}")
                return measure(part, data, self.kept, width=width, progress=progress)

            told = self._measured(key_of(part, data, self.kept, width), made)
            facts = {"set": part.name, "title": part.title, "split": part.split}
            found.append({**facts, "form": part.form, "width": width, **told})
        return found

    def _cost(self, name: str) -> list[dict[str, Any]]:
        key = {"form": name, "encoder": self.encoder.card.fingerprint}
        if name == "tokens":
            told = self._measured(key, lambda: measure_tokens(self.encoder, self.data))
        else:
            told = self._measured(key | {"reference": self.reference}, self._speed)
        title = {"tokens": "Korean tokens per word", "speed": "encoding"}[name]
        facts = {"set": name, "title": title, "split": "", "form": name, "width": None}
        return [{**facts, **told}]

    def _speed(self) -> dict[str, Any]:
        reference = load_encoder(self.reference, device=self.device, runtime="torch")
        return measure_speed(self.encoder, reference, speed_texts(self.data))

    def _measured(self, key: dict[str, Any], made: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is kept under the key, or measured now and kept."""
        dtype = self.encoder.card.dtype
        if dtype != "float32":
            key = {**key, "dtype": dtype}
        digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        path = self.cache / "figures" / f"{digest[:32]}.json"
        if path.is_file() and not self.again:
            kept: dict[str, Any] = json.loads(path.read_bytes())["found"]
            return kept
        started = time.perf_counter()
        found = made()
        found["seconds"] = round(time.perf_counter() - started, 1)
        found["dtype"] = dtype
        found["measured"] = time.strftime("%Y-%m-%d", time.gmtime())
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({**key, "found": found}, indent=1).encode())
        return found


def save_results(stem: str, encoder: Encoder, found: list[dict[str, Any]]) -> Path:
    """Put what was found among what is saved of the same encoder, in the place of the same rows."""
    name = f"default_encoder_{stem}"
    path = record.RESULTS / f"{name}.json"
    parts: dict[str, dict[str, Any]] = {}
    if path.is_file():
        before = json.loads(path.read_bytes())
        if before["encoder"]["fingerprint"] == encoder.card.fingerprint:
            parts = {_place(part): part for part in before["parts"]}
    parts |= {_place(part): part for part in found}
    card = {**encoder.card.to_json(), "name": stem}
    return record.save(name, {"encoder": card, "parts": list(parts.values())})


def _place(part: dict[str, Any]) -> str:
    return "\0".join(str(part[key]) for key in ("set", "split", "form", "width"))


if __name__ == "__main__":
    typer.run(main)
