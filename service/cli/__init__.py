"""The command line `meari`.

Importing this package loads neither torch nor faiss nor the web framework, so that `--help` and
everything that only reads the data folder answer at once; a verb imports what it needs.
"""

from __future__ import annotations


def main() -> None:
    """Run the verb named on the command line and leave with its exit status.

    0 done, 1 failed, 2 misuse, 130 stopped by Ctrl-C.
    """
    import sys

    from service.cli.app import command

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    command().main(prog_name="meari")
