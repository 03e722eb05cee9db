"""A server of ours in a process of its own, with collections and models to ask about."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from embeddings.classifier import Head, Layer, Rule
from embeddings.classifier_folder import write_classifier
from embeddings.load import load_encoder
from embeddings.words.folder import WordFacts, WordTable, write_table
from embeddings.words.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

ENCODER = "hash:64"
COLLECTIONS = ("animals", "places")
PICTURES = "pictures"
CLASSIFIER, WORDS = "topics", "capitals"
SPOKEN = ("한국", "서울", "일본", "도쿄")
COLOURS = ("red", "blue")
DOCUMENTS: list[dict[str, Any]] = [
    {"id": "cat", "text": "a cat sleeps on the sofa", "metadata": {"lang": "en", "legs": 4}},
    {"id": "dog", "text": "a dog barks in the yard", "metadata": {"lang": "en", "legs": 4}},
    {"id": "bird", "text": "a bird sings in the tree", "metadata": {"lang": "en", "legs": 2}},
    {"id": "고양이", "text": "고양이가 소파에서 잔다", "metadata": {"lang": "ko", "legs": 4}},
    {"id": "a/b", "text": "a path that is an id", "metadata": {"when": "2026-01-02T03:04:05Z"}},
    *({"id": f"sheep-{n}", "text": f"sheep number {n} grazes on hill {n % 3}"} for n in range(8)),
]
_ANSWERING = re.compile(rb"answering at (http://127\.0\.0\.1:\d+)")
_PATIENCE = 120.0
_JOB_PATIENCE = 600.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready.

    Attributes:
        url: where it answers.
        log: the file it writes its log to.
        process: what runs it.
    """

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def faults(self) -> list[str]:
        """Lines of the log that begin a traceback or tell an error."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if "Traceback" in line or " ERROR " in line]


@contextmanager
def served(folder: Path, *more: str, pictures: bool = False) -> Iterator[Served]:
    """Start a server over `folder/data`, wait until it is ready, and end it with the block.

    Its backups go into `folder/backups`.

    Args:
        folder: for its data and its log.
        more: arguments of `meari serve`.
        pictures: make a collection of pictures, and an encoder for it, before the start.

    Raises:
        RuntimeError: it ends by itself or is not ready in time; with the end of its log.
    """
    data, log = folder / "data", folder / "server.log"
    write_models(data / "models")
    if pictures:
        _fill_pictures(folder)
    command = [sys.executable, "-m", "service.cli", "serve", "--data", str(data), "--port", "0"]
    with log.open("wb") as told:
        process = subprocess.Popen(
            [*command, "--encoder", ENCODER, *more],
            stdout=told,
            stderr=told,
            cwd=Path(__file__).parents[2],
            env={
                **os.environ,
                "HF_HUB_OFFLINE": "1",
                "MEARI_JOB_NICENESS": "0",
                "MEARI_BACKUPS": str(folder / "backups"),
            },
        )
    try:
        yield Served(_wait(process, log), log, process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], log: Path) -> str:
    begun = time.monotonic()
    while process.poll() is None and time.monotonic() - begun < _PATIENCE:
        if found := _ANSWERING.search(log.read_bytes()):
            url = found[1].decode()
            if httpx.get(f"{url}/readyz", trust_env=False, timeout=60).status_code == 200:
                return url
        time.sleep(0.05)
    message = f"the server is not ready: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)


def write_models(folder: Path) -> None:
    """A classifier of three classes and word vectors of four words, both tiny."""
    card = load_encoder(ENCODER).card
    random = np.random.default_rng(0)
    weight = random.normal(size=(3, card.dim)).astype(np.float32)
    (folder / CLASSIFIER).mkdir(parents=True, exist_ok=True)
    write_classifier(
        folder / CLASSIFIER,
        labels=("card", "cash", "loan"),
        rule=Rule("single"),
        role="query",
        head=Head((Layer(weight, np.zeros(3, np.float32)),)),
        encoder=card,
    )
    facts = WordFacts(method="cbow", dim=4, analyzer="kiwi")
    words = Vocabulary(list(SPOKEN))
    write_table(WordTable.of(facts, words, np.eye(4, dtype=np.float32)), folder / WORDS)


def fill(client: httpx.Client) -> None:
    """Make the collections that are not there, and put their documents in.

    Others may be dropping them meanwhile.
    """
    for name in COLLECTIONS:
        for _ in range(10):
            made = client.post("/v1/collections", json={"name": name})
            body = {"documents": DOCUMENTS}
            written = client.post(f"/v1/collections/{name}/documents", json=body)
            if written.status_code == 200:
                break
        else:
            message = f"filling {name}: {made.text} {written.text}"
            raise RuntimeError(message)


def _fill_pictures(folder: Path) -> None:
    """A collection of two pictures, by a drawn network of 32 pixels."""
    import io

    from PIL import Image
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize

    from embeddings.images.network import ImageNetwork, NetworkConfig
    from indexing.data_folder import DataFolder
    from indexing.images import describe_image
    from indexing.types import Document

    encoder = folder / "encoder"
    network = ImageNetwork(NetworkConfig("vgg", size=32, width=0.125))
    model = SentenceTransformer(modules=[network, Normalize()], device="cpu")
    model.save(str(encoder), create_model_card=False)
    documents = []
    for name in COLOURS:
        file = io.BytesIO()
        Image.new("RGB", (40, 30), name).save(file, "PNG")
        image = describe_image(file.getvalue(), source=f"{name}.png", kept=False)
        documents.append(Document(name, "", image=image))
    with DataFolder.open(folder / "data", maintain=False) as data:
        data.create(PICTURES, encoder=str(encoder)).add(documents)


def analyse(client: httpx.Client) -> None:
    """Have the first collection backed up, and everything found that analyses find."""
    name, other = COLLECTIONS
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("backups", {}),
        ("clusters", {"k": 2}),
        ("outliers", {}),
        ("duplicates", {}),
        ("duplicates/leakage", {"other": other}),
        ("drift", {"after": {"collection": other}}),
        ("map", {}),
    )
    for kind, body in asked:
        job = client.post(f"/v1/collections/{name}/{kind}", json=body)
        job.raise_for_status()
        place = f"/v1/jobs/{job.json()['id']}"
        begun = time.monotonic()
        while client.get(place).json()["state"] in {"queued", "running"}:
            if time.monotonic() - begun > _JOB_PATIENCE:  # others wait before it
                message = f"the job of {kind} does not end: {client.get(place).text}"
                raise RuntimeError(message)
            time.sleep(0.05)
        if (ended := client.get(place).json())["state"] != "done":
            message = f"the job of {kind} comes to nothing: {ended}"
            raise RuntimeError(message)
