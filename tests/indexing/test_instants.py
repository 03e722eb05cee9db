from __future__ import annotations

import pytest

from indexing.instants import Instant, parse_instant

DAY = 86_400
APRIL = 739_343 * DAY  # 2025-04-02 is day 739,343 when 0001-01-01 is day 1


@pytest.mark.parametrize(
    ("text", "seconds", "fraction"),
    [
        ("2025-04-02", APRIL, ""),
        ("2025-04-02T00:00:00Z", APRIL, ""),
        ("2025-04-02t00:00:00z", APRIL, ""),
        ("2025-04-02 00:00:00Z", APRIL, ""),
        ("2025-04-02T09:30:15+09:00", APRIL + 30 * 60 + 15, ""),
        ("2025-04-01T19:00:00-05:00", APRIL, ""),
        ("2025-04-02T00:00:00-00:00", APRIL, ""),
        ("2025-04-02T10:00:00", APRIL + 36_000, ""),
        ("2025-04-02T10:00", APRIL + 36_000, ""),
        ("2025-04-02T00:00:00.500Z", APRIL, "5"),
        ("2025-04-02T00:00:00.000Z", APRIL, ""),
        ("2025-04-02T00:00:00.123456789+00:00", APRIL, "123456789"),
        ("2024-02-29", 738_945 * DAY, ""),
        ("0001-01-01", DAY, ""),
        ("0001-01-01T00:00:00+09:00", DAY - 9 * 3600, ""),
        ("9999-12-31T23:59:59-23:59", 3_652_059 * DAY + 2 * DAY - 61, ""),
        ("2016-12-31T23:59:60Z", 736_330 * DAY, ""),
        ("2017-01-01T08:59:60+09:00", 736_330 * DAY, ""),
    ],
)
def test_times_become_utc_seconds(text: str, seconds: int, fraction: str) -> None:
    assert parse_instant(text) == Instant(seconds, fraction)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2025",
        "2025-04",
        "2025-4-2",
        "2025/04/02",
        "2025.04.02",
        "2025년 4월 2일",
        "20250402",
        "2025-02-29",
        "2025-13-01",
        "0000-01-01",
        "2025-04-02T",
        "2025-04-02T24:00:00Z",
        "2025-04-02T10:60:00Z",
        "2025-04-02T10:00:61Z",
        "2025-04-02T10:00:60Z",
        "2016-12-31T23:59:60+09:00",
        "2025-04-02T10:00:00+0900",
        "2025-04-02T10:00:00+24:00",
        "2025-04-02T10:00:00+09:60",
        "2025-04-02T10:00:00.Z",
        "2025-04-02T10:00:00,5Z",
        "2025-04-02Z",
        " 2025-04-02",
        "2025-04-02\n",
        "２０２５-04-02",
        "2025-04-02T10:00:00." + "1" * 60 + "Z",
    ],
)
def test_anything_else_is_not_a_time(text: str) -> None:
    assert parse_instant(text) is None


def test_instants_compare_to_the_last_digit() -> None:
    texts = [
        "2025-04-02T00:00:00Z",
        "2025-04-02T00:00:00.0000000001Z",
        "2025-04-02T00:00:00.049Z",
        "2025-04-02T00:00:00.49Z",
        "2025-04-02T00:00:00.5Z",
        "2025-04-02T00:00:01Z",
    ]
    instants = [parse_instant(text) for text in texts]
    assert instants == sorted(instants, key=lambda instant: instant or Instant(0, ""))
    assert len(set(instants)) == len(texts)
