"""One target under libFuzzer: `python -m benchmarks.reliability.fuzzing TARGET FOLDER OPTION...`.

The folder is for its files; options are libFuzzer's own.
"""

from __future__ import annotations

import sys
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Instrument what is imported, and try inputs until libFuzzer ends the process."""
    import atheris

    from benchmarks.reliability.fuzzing.table import TARGETS

    name, folder, *options = arguments
    target = TARGETS[name]
    with atheris.instrument_imports(include=list(target.modules), enable_loader_override=False):
        one = target.make(Path(folder))
    atheris.Setup([name, *options], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
