"""The verbs, in one table."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from service.cli import (
    backups,
    check,
    classify,
    clustering,
    collections,
    detection,
    doctor,
    encode,
    encoders,
    evaluate,
    export,
    index,
    jobs,
    keys,
    ladder,
    load,
    maps,
    recommend,
    reembed,
    search,
    serve,
    similarity,
    structure,
    train,
    tune,
    words,
)
from service.cli.api_key import keyed_by
from service.cli.command import Meari, Verb

Debug = Annotated[
    bool, typer.Option("--debug", help="Show log lines, and the traceback of an error.")
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--api-key-file",
        metavar="FILE",
        help="Holds the API key for --url. [default: $MEARI_API_KEY_FILE, or $MEARI_API_KEY]",
    ),
]
Version = Annotated[bool, typer.Option("--version", help="Show the version and exit.")]


def command() -> TyperGroup:
    """The verbs as one runnable command."""
    made = typer.main.get_command(app())
    if not isinstance(made, TyperGroup):
        message = f"the root command is {type(made).__name__}, not a group of verbs"
        raise TypeError(message)
    return made


def app() -> typer.Typer:
    """The verbs, in the order `meari --help` lists them."""
    root = _group("Semantic search for Korean and English: index, search, measure.", cls=Meari)
    root.callback(invoke_without_command=True)(_root)
    root.command("serve", cls=Verb)(serve.serve)
    root.command("index", cls=Verb)(index.index)
    root.command("search", cls=Verb)(search.search)
    root.command("recommend", cls=Verb)(recommend.recommend)
    root.add_typer(_collections(), name="collections")
    root.add_typer(_backups(), name="backups")
    root.command("cluster", cls=Verb)(structure.cluster)
    root.command("outliers", cls=Verb)(structure.outliers)
    root.command("duplicates", cls=Verb)(structure.duplicates)
    root.command("map", cls=Verb)(maps.map_)
    root.command("drift", cls=Verb)(structure.drift)
    root.add_typer(_jobs(), name="jobs")
    root.add_typer(_keys(), name="keys")
    root.command("encode", cls=Verb)(encode.encode)
    root.command("similarity", cls=Verb)(similarity.similarity)
    root.add_typer(_encoders(), name="encoders")
    root.add_typer(_words(), name="words")
    root.command("classify", cls=Verb)(classify.classify)
    root.add_typer(train.verbs(), name="train")
    root.command("check", cls=Verb)(check.check)
    root.command("tune", cls=Verb)(tune.tune)
    root.command("doctor", cls=Verb)(doctor.doctor)
    root.add_typer(_evaluations(), name="eval")
    return root


def _collections() -> typer.Typer:
    group = _group("Care for collections.")
    group.command("list", cls=Verb)(collections.list_)
    group.command("show", cls=Verb)(collections.show)
    group.command("drop", cls=Verb)(collections.drop)
    group.command("optimize", cls=Verb)(collections.optimize)
    group.command("reembed", cls=Verb)(reembed.reembed)
    group.command("verify", cls=Verb)(collections.verify)
    group.command("backup", cls=Verb)(backups.backup)
    group.command("restore", cls=Verb)(backups.restore)
    group.command("drill", cls=Verb)(backups.drill)
    group.command("export", cls=Verb)(export.export)
    return group


def _backups() -> typer.Typer:
    group = _group("Backups: what there is, and letting old ones go.")
    group.command("list", cls=Verb)(backups.list_)
    group.command("prune", cls=Verb)(backups.prune)
    return group


def _jobs() -> typer.Typer:
    group = _group("Long work: how far it is, and stopping it.")
    group.command("list", cls=Verb)(jobs.list_)
    group.command("show", cls=Verb)(jobs.show)
    group.command("cancel", cls=Verb)(jobs.cancel)
    group.command("resume", cls=Verb)(jobs.resume)
    return group


def _keys() -> typer.Typer:
    group = _group("API keys: who may use a server, and for what.")
    group.command("create", cls=Verb)(keys.create)
    group.command("list", cls=Verb)(keys.list_)
    group.command("revoke", cls=Verb)(keys.revoke)
    return group


def _encoders() -> typer.Typer:
    group = _group("The encoders known here.")
    group.command("list", cls=Verb)(encoders.list_)
    group.command("show", cls=Verb)(encoders.show)
    group.command("pack", cls=Verb)(encoders.pack)
    group.command("average", cls=Verb)(encoders.average)
    group.command("unpack", cls=Verb)(encoders.unpack)
    return group


def _words() -> typer.Typer:
    group = _group("Ask word vectors; bring them in and out.")
    group.command("neighbours", cls=Verb)(words.neighbours)
    group.command("analogy", cls=Verb)(words.analogy)
    group.command("similarity", cls=Verb)(words.similarity)
    group.command("import", cls=Verb)(words.import_)
    group.command("export", cls=Verb)(words.export)
    group.command("encoder", cls=Verb)(words.encoder)
    return group


def _evaluations() -> typer.Typer:
    group = _group("Measure answers against judged data.")
    group.command("retrieval", cls=Verb)(evaluate.retrieval)
    group.command("similarity", cls=Verb)(evaluate.similarity)
    group.command("translations", cls=Verb)(evaluate.translations)
    group.command("words", cls=Verb)(evaluate.words)
    group.command("clustering", cls=Verb)(clustering.clustering)
    group.command("outliers", cls=Verb)(detection.outliers)
    group.command("encoders", cls=Verb)(ladder.encoders)
    group.command("compare", cls=Verb)(evaluate.compare)
    group.command("load", cls=Verb)(load.load)
    return group


def _group(help_text: str, cls: type[TyperGroup] = TyperGroup) -> typer.Typer:
    return typer.Typer(
        cls=cls,
        help=help_text,
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def _root(
    context: typer.Context,
    debug: Debug = False,
    api_key_file: KeyFile = None,
    version: Version = False,
) -> None:
    root = context.find_root().command
    if debug and isinstance(root, Meari):
        root.start_debugging()
    if isinstance(root, Meari):
        root.ending.enter_context(keyed_by(api_key_file))
    if version:
        from importlib.metadata import version as installed

        sys.stdout.write(f"meari {installed('meari')}\n")
        raise typer.Exit
    if context.invoked_subcommand is None:
        sys.stdout.write(context.get_help() + "\n")
        raise typer.Exit(2)
