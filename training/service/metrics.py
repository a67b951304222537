"""What the service counts, for Prometheus. A registry per application, so that two in one process do not mix."""

from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from ravelar.tools.reward import Reward, RewardTool, Triple
from ravelar.training.service.drifting import DriftWatch

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """Counters of one application. Names of tools come from the library, never from requests.

    Attributes:
        registry: Where all of them are.
        drift: The watch over adopted tools.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.drift = DriftWatch()
        self.registry.register(self.drift)
        self._requests = self._counter("http_requests", "Requests answered.", "route", "status")
        self._request_s = self._histogram("http_request_seconds", "Time to answer.", _SECONDS, "route")
        self._completions = self._counter("completions", "Completions, scored or not.", "tool", "outcome")
        self._batch_s = self._histogram("batch_seconds", "Wall time of a tool's batch.", _SECONDS, "tool")
        self._batch_rows = self._histogram("batch_completions", "Completions in a tool's batch.", _ROWS, "tool")
        self._open = self._gauge("open_requests", "Requests being answered.")
        self._held = self._gauge("held_bytes", "Request bodies in memory.")
        self._waiting = self._gauge("waiting_completions", "Completions that wait for a tool or are in it.", "tool")
        self._stuck = self._gauge("stuck_calls", "Calls of a tool that passed their time limit and still run.", "tool")
        self._restarts = self._gauge("worker_restarts", "Worker processes that died and were replaced.")
        self._children: dict[tuple[object, ...], Any] = {}

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._child(self._requests, route, str(status)).inc()
        self._child(self._request_s, route).observe(seconds)

    def scored(self, rewards: Sequence[Reward]) -> None:
        """Count completions by tool and outcome; `none` is the tool of those that no tool fits."""
        counts = Tally((one.tool or "none", "unscored" if one.value is None else "scored") for one in rewards)
        for (tool, outcome), count in counts.items():
            self._child(self._completions, tool, outcome).inc(count)

    def batch(self, tool: RewardTool, triples: Sequence[Triple], rewards: Sequence[Reward], seconds: float) -> None:
        """Count a tool's batch, as a lane tells of it; an `OnBatch`."""
        self._count_batch(tool, len(triples), seconds)
        self.drift.batch(tool, rewards, seconds)

    def part(self, tool: RewardTool, triples: Sequence[Triple], rewards: Sequence[Reward], seconds: float) -> None:
        """Count a part of a request that a worker process scored, its waiting included; an `OnBatch`."""
        self._count_batch(tool, len(triples), seconds)
        self.drift.batch(tool, rewards, None)

    def _count_batch(self, tool: RewardTool, rows: int, seconds: float) -> None:
        self._child(self._batch_s, tool.card.name).observe(seconds)
        self._child(self._batch_rows, tool.card.name).observe(rows)

    def text(self, *, open_requests: int, held_bytes: int, health: Mapping[str, Any]) -> bytes:
        """Render everything, with what is so at this moment."""
        self._open.set(open_requests)
        self._held.set(held_bytes)
        self._restarts.set(health.get("restarts", 0))
        for gauge, name in ((self._waiting, "waiting"), (self._stuck, "stuck")):
            gauge.clear()
            for tool, count in health.get(name, {}).items():
                gauge.labels(tool).set(count)
        return generate_latest(self.registry)

    def _child(self, metric: Any, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(*labels)
        return child

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"ravelar_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"ravelar_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"ravelar_{name}", text, labels, registry=self.registry, buckets=buckets)
