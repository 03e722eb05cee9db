"""The command line `meari`.

Importing this package loads neither torch nor faiss nor the web framework, so that `--help` and
everything that only reads the data folder answer at once; a verb imports what it needs.
"""

from __future__ import annotations

_TRAINING = ("train", "tune")
"""Verbs whose whole work is to train, in a process of their own."""


def main() -> None:
    """Run the verb named on the command line and leave with its exit status.

    0 done, 1 failed, 2 misuse, 130 stopped by Ctrl-C.
    """
    import os
    import sys

    try:
        from service.cli.app import command

        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:  # closed by the caller: nobody reads it
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
            elif hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        if next((word for word in sys.argv[1:] if word[:1] != "-"), None) in _TRAINING:
            from embeddings.training.memory import keep_freed_memory

            keep_freed_memory()
        command().main(prog_name="meari")
    except KeyboardInterrupt:  # before a verb could take care of it
        sys.exit(130)
