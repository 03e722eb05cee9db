"""Texts that come with the package: what scales are found on, and what parity is measured on."""

from __future__ import annotations

from importlib.resources import files

_PARAGRAPH = 6


def calibration_texts() -> list[str]:
    """Sentences in both languages, code among them, and paragraphs made of neighbouring ones."""
    lines = _lines("calibration.txt")
    starts = range(0, len(lines), _PARAGRAPH // 2)
    return lines + [" ".join(lines[start : start + _PARAGRAPH]) for start in starts]


def probes() -> list[str]:
    """Texts in both languages: short, long, mixed, code, emoji; none is a calibration text."""
    return _lines("probes.txt")


def _lines(name: str) -> list[str]:
    return (files(__package__) / name).read_text(encoding="utf-8").splitlines()
