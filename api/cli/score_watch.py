"""While adopted tools score, see whether they still behave as their evidence says."""

from collections import defaultdict
from collections.abc import Sequence

import click

from ravelar.tools.adopted.build import Adopted
from ravelar.tools.drift import Expected, Finding, LiveStatistics, drift, should_suspend
from ravelar.tools.library import Library
from ravelar.tools.reward import Reward

_GROUP = 8  # ours: completions of one prompt come together and fail together


class Watch:
    """Live statistics of the adopted tools of a library; built-in ones are not watched.

    Args:
        library: The tools that score.
    """

    def __init__(self, library: Library) -> None:
        adopted = [tool for tool in library if isinstance(tool, Adopted)]
        self._expected = {tool.card.name: Expected.of_trial(tool.entry.trial, card=tool.card) for tool in adopted}
        self._live = {name: LiveStatistics() for name in self._expected}

    def observe(self, rewards: Sequence[Reward], timings: Sequence[tuple[str, int, float]]) -> None:
        """Count the rewards of one chunk, with each tool's time for its batch."""
        if not self._expected:
            return
        seconds = {name: taken for name, _, taken in timings}
        of_tool: defaultdict[str, list[Reward]] = defaultdict(list)
        for reward in rewards:
            if reward.tool in self._expected:
                of_tool[str(reward.tool)].append(reward)
        for name, theirs in of_tool.items():
            live = self._live[name]
            self._live[name] = live.observing(theirs, seconds=seconds.get(name), expected=self._expected[name])

    def findings(self) -> dict[str, list[Finding]]:
        """Return what is wrong, by tool; nothing for a tool that behaves."""
        found = {name: drift(self._live[name], expected, group=_GROUP) for name, expected in self._expected.items()}
        return {name: findings for name, findings in found.items() if findings}

    def report(self) -> None:
        """Say on standard error what is wrong, and what to do."""
        for name, findings in self.findings().items():
            for finding in findings:
                click.echo(f"ravelar: {name} is not what its evidence says: {finding.message}", err=True)
            if should_suspend(findings):
                click.echo(f"ravelar: `ravelar library suspend {name}` takes it out of use", err=True)
