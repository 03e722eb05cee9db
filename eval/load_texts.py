"""Questions to load a server with: built-in ones that never repeat, or the lines of a file."""

from __future__ import annotations

from itertools import count, cycle
from typing import TYPE_CHECKING

from eval.errors import DatasetError
from eval.lines import read_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_TEXTS = 1_000_000

_KOREAN = (
    "주문 {}의 배송은 언제 도착하나요?",
    "{}번 주문을 취소하고 환불받고 싶어요",
    "송장 번호 {}로 배송 조회가 되지 않습니다",
    "회원 번호 {}의 비밀번호를 잊어버렸어요",
    "{}번 상품이 파손된 채로 왔는데 교환할 수 있나요?",
    "예약 {}의 날짜를 다음 주로 바꾸려면 어떻게 하나요?",
    "영수증 {}을 다시 발급받을 수 있을까요?",
    "계약서 {}의 해지 조건을 알려 주세요",
)
_ENGLISH = (
    "When will order {} arrive?",
    "How do I cancel order {} and get my money back?",
    "Tracking number {} shows no result, where is my parcel?",
    "I forgot the password of account {}",
    "Item {} arrived damaged; can I exchange it?",
    "How can I move booking {} to next week?",
    "Please send me invoice {} once more",
    "What are the cancellation terms of contract {}?",
)


class Questions:
    """An endless supply of questions.

    Args:
        texts: asked in turn, again and again; None for the built-in ones, Korean and English in
            turn, each with a number of its own, so that no cache has seen one before.
    """

    def __init__(self, texts: tuple[str, ...] | None = None) -> None:
        self.distinct = None if texts is None else len(set(texts))
        self._next = _built_in() if texts is None else cycle(texts)

    def take(self, n: int) -> list[str]:
        """The next `n`."""
        return [next(self._next) for _ in range(n)]


def read_questions(path: Path | None) -> Questions:
    """The lines of a text file, plain or packed; None for the built-in questions.

    Raises:
        DatasetError: it cannot be read, has no line with text, or more lines than a run can ask.
    """
    if path is None:
        return Questions()
    texts = []
    for number, line in read_lines(path):
        if number > MAX_TEXTS:
            message = f"{path}: more than {MAX_TEXTS:,} lines; a sample of them will do"
            raise DatasetError(message)
        texts.append(line.strip())
    if not texts:
        message = f"{path}: no line with text; one question a line is needed"
        raise DatasetError(message)
    return Questions(tuple(texts))


def _built_in() -> Iterator[str]:
    patterns = [each for pair in zip(_KOREAN, _ENGLISH, strict=True) for each in pair]
    return (patterns[n % len(patterns)].format(10_000 + n) for n in count())
