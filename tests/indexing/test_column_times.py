from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from indexing.column_times import NO_INSTANT, read_ticks, to_ticks

FIELDS = st.tuples(
    st.sampled_from(
        ["0000", "0001", "1900", "1999", "2000", "2024", "2025", "9999", "20x5", "+025"]
    ),
    st.sampled_from([f"{number:02}" for number in (0, 1, 2, 4, 12, 13)]),
    st.sampled_from([f"{number:02}" for number in (0, 1, 28, 29, 30, 31, 32)]),
    st.sampled_from(["T", "T", "T", "t", " ", "-"]),
    st.sampled_from(["00", "09", "23", "24", "1 "]),
    st.sampled_from(["00", "59", "60"]),
    st.sampled_from(["00", "59", "60", "61"]),
    st.sampled_from(
        ["", "Z", "z", ".000Z", ".123Z", ".12aZ", "+09:00", "-05:30", "+23:59", "+24:00", "*01:00"]
    ),
)
TIMES = FIELDS.map("{0[0]}-{0[1]}-{0[2]}{0[3]}{0[4]}:{0[5]}:{0[6]}{0[7]}".format)
OTHERS = st.sampled_from(["2025-04-02", "soon", "", "２０２５-04-02T09:30:00Z", "2025-04-02T09:30"])


@settings(max_examples=200, deadline=None)
@given(st.lists(TIMES | OTHERS, max_size=20))
def test_many_times_are_read_as_one_is(times: list[str]) -> None:
    many = times * 64  # enough of each form to be read together
    ticks, exact = read_ticks(many)
    assert ticks.dtype == np.int64
    assert ticks.tolist() == [to_ticks(time)[0] for time in many]
    assert exact


def test_ticks_are_tenths_of_microseconds_in_utc() -> None:
    day = 739_343 * 86_400 * 10**7  # date(2025, 4, 2).toordinal() days
    texts = [
        "2025-04-02",
        "2025-04-02T09:00:00+09:00",
        "2025-04-02T00:00:00.0000001Z",
        "2025-04-02T00:00:00.00000019Z",
        "2025-04-31",
    ]
    assert [to_ticks(text) for text in texts] == [
        (day, True),
        (day, True),
        (day + 1, True),
        (day + 1, False),
        (NO_INSTANT, True),
    ]
    ticks, exact = read_ticks(texts * 100)
    assert ticks.tolist() == [day, day, day + 1, day + 1, NO_INSTANT] * 100
    assert not exact
    assert read_ticks([])[0].tolist() == []
