"""What can go wrong while judging; each message names the value, the limit and the remedy."""


class EvalError(Exception):
    """Base of this floor's errors."""


class DatasetError(EvalError, ValueError):
    """A data set that cannot be read; the message names file and line where there is one."""


class MeasureError(EvalError, ValueError):
    """An unknown measure, or rankings it cannot judge."""


class ChoiceError(EvalError, ValueError):
    """Choices that contradict each other, or one outside what is possible."""


class TargetError(EvalError):
    """What was to be evaluated cannot be: it cannot be reached, or its answers are not valid."""


class ComparisonError(EvalError, ValueError):
    """Two results that must not be compared; the message names what differs."""
