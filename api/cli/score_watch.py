"""While tools score, see whether adopted ones still behave as their evidence says, and whether a second tool agrees."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import click

from ravelar.tools.adopted.build import Adopted
from ravelar.tools.drift import Expected, Finding, LiveStatistics, drift, should_suspend
from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward, Triple
from ravelar.tools.scoring import one_after_another
from ravelar.training.checks import Checks, checked, drawn
from ravelar.training.watching import ScoredBatch

_GROUP = 8  # ours: completions of one prompt come together and fail together
_CHECKED_SHARE = 1 / 16  # ours: of each tool's rows of a chunk
_CHECKED_LEAST = 4  # ours
_DISAGREEMENT = 0.1  # ours: greatest share on which two tools may differ, as the guards' margin


def parse_checks(given: Sequence[str]) -> dict[str, str]:
    """Read `--check TOOL=CHECK` options.

    Raises:
        InputError: if one has another form, or a tool has two checks.
    """
    checks: dict[str, str] = {}
    for pair in given:
        tool, _, check = pair.partition("=")
        if not tool or not check:
            raise InputError(f"--check {pair!r}: the form is TOOL=CHECK, such as math_answer=normalized")
        if checks.setdefault(tool, check) != check:
            raise InputError(f"--check {pair!r}: {tool} is checked by {checks[tool]!r} already; a tool has one check")
    return checks


class Watch:
    """Live statistics of the adopted tools of a library, and of those that a second tool checks.

    Args:
        library: The tools that score.
        checks: Name of a tool to that of the tool that scores a sample of its completions too.

    Raises:
        UnknownName: if a tool is not in the library.
        InputError: if one is to check itself.
    """

    def __init__(self, library: Library, checks: Mapping[str, str] | None = None) -> None:
        self._checks = Checks(library, checks or {})
        self._checking = self._checks.opened()
        adopted = [tool for tool in library if isinstance(tool, Adopted)]
        self._adopted = {tool.card.name for tool in adopted}
        self._expected = {library[name].card.name: Expected() for name in self._checks.of_tool}
        self._expected |= {tool.card.name: Expected.of_trial(tool.entry.trial, card=tool.card) for tool in adopted}
        for name in self._checks.of_tool:
            self._expected[name] = self._expected[name].model_copy(update={"disagreement": _DISAGREEMENT})
        self._live = {name: LiveStatistics() for name in self._expected}
        self._chunks = 0

    def observe(
        self, triples: Sequence[Triple | None], rewards: Sequence[Reward], timings: Sequence[tuple[str, int, float]]
    ) -> None:
        """Count the rewards of one chunk, with each tool's time for its batch; check a sample of them.

        Args:
            triples: The chunk's rows; None where one could not be read.
            rewards: One for each.
            timings: Tool, rows and seconds of each batch.
        """
        if not self._expected:
            return
        self._chunks += 1
        seconds = {name: taken for name, _, taken in timings}
        of_tool: defaultdict[str, list[int]] = defaultdict(list)
        for i, reward in enumerate(rewards):
            if reward.tool in self._expected:
                of_tool[str(reward.tool)].append(i)
        for name, places in of_tool.items():
            if name in self._adopted:
                theirs, expected = [rewards[i] for i in places], self._expected[name]
                self._live[name] = self._live[name].observing(theirs, seconds=seconds.get(name), expected=expected)
            if self._checks.of(name):
                self._check(name, triples, rewards, places)

    def findings(self) -> dict[str, list[Finding]]:
        """Return what is wrong, by tool; nothing for a tool that behaves."""
        found = {name: drift(self._live[name], expected, group=_GROUP) for name, expected in self._expected.items()}
        return {name: findings for name, findings in found.items() if findings}

    def report(self) -> None:
        """Say on standard error what is wrong, and what to do; and how far the checks agree."""
        for name, check in self._checks.of_tool.items():
            live = self._live[name]
            agreed = f"agrees on {live.compared - live.disagreed:,} of {live.compared:,}"
            said = agreed if live.compared else "could compare none"
            click.echo(f"ravelar: the check {check} of {name} {said} of its completions", err=True)
        for name, findings in self.findings().items():
            for finding in findings:
                click.echo(f"ravelar: {name} is not what its evidence says: {finding.message}", err=True)
            if should_suspend(findings) and name in self._adopted:
                click.echo(f"ravelar: `ravelar library suspend {name}` takes it out of use", err=True)

    def _check(
        self, name: str, triples: Sequence[Triple | None], rewards: Sequence[Reward], places: Sequence[int]
    ) -> None:
        """Have a sample of a tool's completions scored by its check."""
        scored = [(triple, rewards[i]) for i in places if (triple := triples[i]) and rewards[i].value is not None]
        sample = drawn(range(len(scored)), share=_CHECKED_SHARE, least=_CHECKED_LEAST, seed=f"{name} {self._chunks}")
        batch = ScoredBatch(-1, [triple for triple, _ in scored], [reward for _, reward in scored])
        found = checked(batch, sample, self._checks, library=self._checking, run=one_after_another)
        self._live[name] = self._live[name].comparing([one.reward for one in found], [one.check for one in found])
