"""What a step frees stays with the process, where nobody chose otherwise."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from embeddings.training.memory import keep_freed_memory

PROGRAM = """
import resource
from embeddings.training.memory import keep_freed_memory
kept = keep_freed_memory() if {kept} else None
import numpy as np
np.ones(8 << 20, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(8 << 20, np.uint8)
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library allocates")
def test_the_system_is_asked_for_memory_once() -> None:
    told = {}
    for kept in (False, True):
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM.format(kept=kept)],
            check=True,
            capture_output=True,
            text=True,
            env={key: value for key, value in os.environ.items() if key not in OWN},
        )
        answer, faults = done.stdout.split()
        told[answer] = int(faults)
    assert set(told) == {"None", "True"}
    # 8 MiB are 2,048 pages, or few large ones.
    assert told["True"] < told["None"] / 4 or told["None"] < 100


@pytest.mark.parametrize("name", OWN)
def test_who_chose_an_allocator_keeps_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "1")
    assert keep_freed_memory() is False
