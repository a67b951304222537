"""The rows seen last, each with its judge: a test record is read and rehearsed once, not once per completion."""

import hashlib
import threading
from collections import OrderedDict

from ravelar.tools.errors import RewardToolError, UnusableReference
from ravelar.tools.reward import Triple
from ravelar.tools.verifiers.code.judging import Judge
from ravelar.tools.verifiers.code.plans import make_plan
from ravelar.tools.verifiers.code.records import COLUMNS

_KEPT = 512  # rows; one of TACO's may hold megabytes


class Row:
    """One row's judge, or why it has none.

    Attributes:
        key: Names the row by its content.
        judge: Judges programs; None if the row can't be used.
        error: Why not.
    """

    __slots__ = ("error", "judge", "key")

    def __init__(self, key: str, judge: Judge | None, error: RewardToolError | None = None) -> None:
        self.key, self.judge, self.error = key, judge, error


class Rows:
    """The rows seen last. Safe in threads.

    Args:
        profile: Which libraries programs and test code find.
        fail_fast: Whether the first failure decides.
    """

    def __init__(self, *, profile: str, fail_fast: bool) -> None:
        self._profile, self._fail_fast = profile, fail_fast
        self._kept: OrderedDict[str, Row] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, triple: Triple) -> Row:
        """Return a triple's row."""
        columns = {name: triple.metadata[name] for name in COLUMNS if triple.metadata.get(name) is not None}
        question = triple.question
        shown = repr((question, triple.reference, columns))
        key = hashlib.blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        try:
            plan = make_plan(question, triple.reference, columns)
            row = Row(key, Judge(plan, self._profile, self._fail_fast))
        except UnusableReference as error:
            row = Row(key, None, error)
        with self._lock:
            self._kept[key] = row
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return row
