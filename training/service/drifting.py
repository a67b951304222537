"""Adopted tools under watch while the service scores: figures and findings of `tools.drift`, for `/metrics`.

Batches are kept as they come and counted when somebody looks, or when many have come: counting costs more than the
score of a plain number.
"""

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ravelar.tools.adopted.build import Adopted
from ravelar.tools.drift import Expected, Finding, LiveStatistics, drift
from ravelar.tools.reward import Reward, RewardTool

_GROUP = 8  # ours: completions of one prompt come together and fail together
_KEPT_ROWS = 4096  # ours: rewards kept uncounted


class DriftWatch(Collector):
    """Live statistics of the adopted tools that score; built-in ones are not watched. Used on one event loop."""

    def __init__(self) -> None:
        self._expected: dict[str, Expected] = {}
        self._live: dict[str, LiveStatistics] = {}
        self._versions: dict[str, str] = {}
        self._kept: dict[str, list[tuple[list[Reward], float | None]]] = {}
        self._rows = 0

    def batch(self, tool: RewardTool, rewards: Sequence[Reward], seconds: float | None) -> None:
        """Keep a batch of an adopted tool; a new version of it begins anew. No time leaves its latency unwatched."""
        if not isinstance(tool, Adopted):
            return
        name = tool.card.name
        if self._versions.get(name) != tool.entry.version:
            self._versions[name] = tool.entry.version
            self._expected[name] = Expected.of_trial(tool.entry.trial, card=tool.card)
            self._live[name] = LiveStatistics()
            self._kept[name] = []
        self._kept[name].append((list(rewards), seconds))
        self._rows += len(rewards)
        if self._rows >= _KEPT_ROWS:
            self._count()

    def live(self) -> dict[str, LiveStatistics]:
        """Return what each adopted tool did since it was first used here."""
        self._count()
        return dict(self._live)

    def findings(self) -> dict[str, list[Finding]]:
        """Return in what each differs from its evidence."""
        return {name: drift(live, self._expected[name], group=_GROUP) for name, live in self.live().items()}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the figures for Prometheus."""
        found = self._family("drift_findings", "Findings of drift: 1 each, by code.", "code")
        share = self._family("drift_unscored_share", "Share left unscored since first used.")
        outside = self._family("drift_outside_share", "Share of raw scores outside the expected range.")
        least = self._family("drift_raw_least", "Least raw score seen.")
        greatest = self._family("drift_raw_greatest", "Greatest raw score seen.")
        findings = self.findings()
        for name, live in self._live.items():
            for finding in findings[name]:
                found.add_metric([name, finding.code], 1.0)
            share.add_metric([name], live.unscored / max(1, live.n))
            outside.add_metric([name], live.outside / max(1, live.raw_n))
            if live.raw_least is not None and live.raw_greatest is not None:
                least.add_metric([name], live.raw_least)
                greatest.add_metric([name], live.raw_greatest)
        yield from (found, share, outside, least, greatest)

    @staticmethod
    def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"ravelar_{name}", text, labels=["tool", *labels])

    def _count(self) -> None:
        for name, batches in self._kept.items():
            for rewards, seconds in batches:
                self._live[name] = self._live[name].observing(rewards, seconds=seconds, expected=self._expected[name])
            batches.clear()
        self._rows = 0
