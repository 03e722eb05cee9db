"""Importing the trainers loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

SCRIPT = """
import importlib, json, pkgutil, sys
import embeddings.training, service.cli.train
for package in (embeddings.training, service.cli.train):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(module.name)
print(json.dumps(sorted(sys.modules)))
"""
HEAVY = {
    *("torch", "transformers", "sentence_transformers", "tokenizers", "datasets", "accelerate"),
    *("gensim", "matplotlib", "tensorboard", "optuna", "scipy", "sklearn", "pyarrow", "faiss"),
}


def test_importing_every_trainer_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded & HEAVY == set()
    assert "embeddings" in loaded
