"""`meari train`: a verb for each kind of model, a file for each verb."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import typer

from service.cli.command import Verb

VERBS = ("words", "tokenizer", "pretrain", "siamese", "bridge", "classifier", "images")
"""The verbs in the order they are listed; `words` is the function `words` in `words.py`."""


def verbs() -> typer.Typer:
    """The group `train`."""
    made = typer.Typer(
        help="Make models: word vectors, encoders, classifiers.",
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    for name in VERBS:
        if find_spec(f"{__name__}.{name}") is not None:
            made.command(name, cls=Verb)(getattr(import_module(f"{__name__}.{name}"), name))
    return made
