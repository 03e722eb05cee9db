"""Training what a ladder's rows need; what was trained from the same recipe and data is kept."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embeddings.fingerprint import hash_file
from embeddings.training.recipe import read_recipe
from embeddings.training.toml_text import plain
from embeddings.training.trainer import Listener
from eval.errors import DatasetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eval.ladder import Ladder, Model
    from eval.target import Progress

STAMP = "ladder.json"
"""In a model's folder once it is whole: what it was made of."""
RECEIPT = "training.json"
CORPORA = "corpora"
"""Beside the models: corpora cut into words, shared by the models that learn from them."""


@dataclass(slots=True)
class Workshop:
    """Where models of a ladder are made and found.

    Attributes:
        ladder: which.
        given: folders that stand for models, by name; nothing is trained for them.
        progress: told of steps.
        note: told of what is trained.
        hashes: of files, by path.
    """

    ladder: Ladder
    given: Mapping[str, Path]
    progress: Progress
    note: Callable[[str], None]
    hashes: dict[Path, str] = field(default_factory=dict)

    def folder(self, name: str) -> str:
        """The folder of a model, trained if it is not there; of no model, the name itself.

        Raises:
            EmbeddingError: training refused or failed.
        """
        if name in self.given:
            return str(self.given[name])
        model = self.ladder.find(name)
        if model is None:
            return name
        facts = self._facts(model)
        key = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
        folder = Path(self.ladder.models) / f"{name}-{key[:12]}"
        if not (folder / STAMP).is_file():
            self.note(f"training {name} into {folder}")
            folder.parent.mkdir(parents=True, exist_ok=True)
            if not _can_resume(folder):
                # Without its stamp it may be half written.
                shutil.rmtree(folder, ignore_errors=True)
            _MAKERS[model.kind](self, model, folder)
            stamp = json.dumps({"key": key, **facts}, ensure_ascii=False, indent=2)
            (folder / STAMP).write_text(stamp + "\n", encoding="utf-8")
        return str(folder)

    def seconds(self, folder: str) -> float | None:
        """What training took, the models it was made from not counted; None if nobody knows."""
        try:
            receipt = json.loads((Path(folder) / RECEIPT).read_bytes())
        except (OSError, ValueError):
            return None
        return float(receipt["seconds"])

    def listener(self) -> Listener:
        """What trainers tell."""
        return Listener(progress=self.progress)

    def data(self, path: str) -> Path:
        """A file of the ladder's data.

        Raises:
            DatasetError: it is not there.
        """
        found = Path(self.ladder.data) / path
        if not found.exists():
            message = f'{found} is not there; say where the data are (--set data="FOLDER")'
            raise DatasetError(message)
        return found

    def recipe(self, kind: type, model: Model) -> Any:  # noqa: ANN401 - of several kinds
        """The model's recipe, with the models it names put in and its data under `data`."""
        overrides = []
        for text in model.set:
            key, _, value = text.partition("=")
            found = value.strip()
            if found.startswith("@"):
                value = json.dumps(str(Path(self.folder(found[1:])).resolve()))
            overrides.append(f"{key}={value}")
        path = None if model.recipe is None else Path(model.recipe)
        recipe: Any = read_recipe(kind, path, overrides)
        return recipe if path is None else self._with_data(recipe, path.parent)

    def _with_data(self, recipe: Any, folder: Path) -> Any:  # noqa: ANN401 - of several kinds
        """The recipe with files of its data sources, meant from its folder, under `data`."""
        changed = {}
        for part in ("train", "dev", "test"):
            sources = getattr(recipe, part, None)
            if isinstance(sources, tuple):
                changed[part] = tuple(
                    replace(source, path=str(self.data(_inside(source.path, folder))))
                    for source in sources
                )
        return replace(recipe, **changed)

    def _facts(self, model: Model) -> dict[str, Any]:
        """All that a model is made of, without any path."""
        from embeddings.training.words.recipe import WordRecipe

        facts: dict[str, Any] = {"kind": model.kind, "needs": {}}
        for name in model.needs:
            facts["needs"][name] = self._identity(name)
        if model.kind in {"siamese", "pretrain", "words", "tokenizer"}:
            kinds = {"words": WordRecipe}
            recipe: Any = self.recipe(kinds.get(model.kind) or _recipe_kind(model.kind), model)
            facts["recipe"] = _without_paths(plain(recipe))
            files = [
                source.path
                for part in ("train", "dev", "test")
                for source in getattr(recipe, part, None) or ()
            ]
            facts["data"] = [self._hash(Path(path)) for path in files]
        else:
            facts["options"] = [model.source, model.pooling, model.vocabulary, model.most]
        facts["sources"] = [self._hash(self.data(path)) for path in model.sources]
        return facts

    def _identity(self, name: str) -> str:
        """What stands for a model in the key of another: its folder's name, or its stamp's key."""
        if name in self.given:
            receipt = self.given[name] / RECEIPT
            return self._hash(receipt) if receipt.is_file() else self.given[name].name
        return Path(self.folder(name)).name

    def _hash(self, path: Path) -> str:
        """sha256 of a file, or of all files of a folder."""
        if path not in self.hashes:
            files = sorted(each for each in path.rglob("*") if each.is_file())
            if path.is_dir():
                parts = [f"{file.relative_to(path)}\0{hash_file(file)}" for file in files]
                self.hashes[path] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
            else:
                self.hashes[path] = hash_file(path)
        return self.hashes[path]


def _can_resume(folder: Path) -> bool:
    """True if a training was stopped in the folder."""
    from embeddings.training.loop import CHECKPOINTS
    from embeddings.training.words.checkpoint import FOLDER

    return (folder / CHECKPOINTS).is_dir() or (folder / FOLDER).is_dir()


def _recipe_kind(kind: str) -> type:
    if kind == "siamese":
        from embeddings.training.siamese.recipe import SiameseRecipe

        return SiameseRecipe
    if kind == "pretrain":
        from embeddings.training.pretraining.recipe import PretrainRecipe

        return PretrainRecipe
    from embeddings.training.tokenizer.recipe import TokenizerRecipe

    return TokenizerRecipe


def _siamese(shop: Workshop, model: Model, folder: Path) -> None:
    from embeddings.training.siamese.run import train_siamese

    recipe = shop.recipe(_recipe_kind("siamese"), model)
    train_siamese(recipe, folder, resume=_can_resume(folder), listener=shop.listener())


def _pretrain(shop: Workshop, model: Model, folder: Path) -> None:
    from embeddings.training.pretraining.run import pretrain

    recipe = shop.recipe(_recipe_kind("pretrain"), model)
    pretrain(recipe, folder, resume=_can_resume(folder), listener=shop.listener())


def _tokenizer(shop: Workshop, model: Model, folder: Path) -> None:
    from embeddings.training.tokenizer.run import train_tokenizer

    recipe = shop.recipe(_recipe_kind("tokenizer"), model)
    sources = [str(shop.data(path)) for path in model.sources]
    train_tokenizer(sources, recipe, folder, listener=shop.listener())


def _words(shop: Workshop, model: Model, folder: Path) -> None:
    from embeddings.training.words.recipe import WordRecipe
    from embeddings.training.words.running import train_words

    train_words(
        [shop.data(path) for path in model.sources],
        folder,
        shop.recipe(WordRecipe, model),
        resume=_can_resume(folder),
        cache=Path(shop.ladder.models) / CORPORA,
        tell=lambda told: shop.progress(
            "words" if told.stage == "train" else "read", told.done, told.total
        ),
    )


def _repool(shop: Workshop, model: Model, folder: Path) -> None:
    from embeddings.words.pooling import repool

    repool(Path(shop.folder(model.source or "")), folder, model.pooling)


def _bag(shop: Workshop, model: Model, folder: Path) -> None:
    from embeddings.training.bag import write_bag

    texts = _texts([shop.data(path) for path in model.sources], model.most)
    write_bag(texts, folder, vocabulary=model.vocabulary, name=model.name)


def _texts(paths: list[Path], most: int) -> Iterator[str]:
    """The first texts of each file."""
    from itertools import islice

    from embeddings.training.words.texts import find_files, read_texts

    for file in find_files(paths):
        yield from islice(read_texts(file, None, lambda _: None), most)


_MAKERS: dict[str, Callable[[Workshop, Model, Path], None]] = {
    "siamese": _siamese,
    "pretrain": _pretrain,
    "tokenizer": _tokenizer,
    "words": _words,
    "repool": _repool,
    "bag": _bag,
}


def _inside(path: str, folder: Path) -> str:
    """A path as the recipe has it: `read_recipe` put the recipe's folder before it."""
    found = Path(path)
    return str(found.relative_to(folder)) if found.is_relative_to(folder) else path


def _without_paths(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The recipe without the places of its files; their hashes stand elsewhere in the key."""
    if isinstance(value, dict):
        return {
            key: Path(each).name if isinstance(each, str) and Path(each).is_absolute() else each
            for key, each in ((key, _without_paths(each)) for key, each in value.items())
            if key != "path"
        }
    return [_without_paths(each) for each in value] if isinstance(value, list) else value
