"""How the service is spread over a cluster; every number is here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ravelar.tools.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """How many replicas of a deployment there may be, and what each takes.

    Attributes:
        fewest: How many run when nothing is to be done; 2 or more survive the loss of one without a wait.
        most: How many run under load.
        cpus: Cores that one reserves.
        gpus: GPUs that one reserves; a fraction lets several share one. None means a whole one for a reward model
            that runs in the replica, if the cluster has GPUs at all.
        busy: Calls at one replica at one time, above which another is started.
    """

    fewest: int = 1
    most: int = 4
    cpus: float = 1.0
    gpus: float | None = 0.0
    busy: float = 8.0

    def __post_init__(self) -> None:
        if not 1 <= self.fewest <= self.most:
            raise InputError(f"replicas: fewest is {self.fewest} and most is {self.most}; needed: 1 <= fewest <= most")
        for name in ("cpus", "gpus", "busy"):
            if (getattr(self, name) or 0) < 0:
                raise InputError(f"replicas: {name} is {getattr(self, name)}; it can't be below 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """How the service is spread over a cluster.

    Attributes:
        address: A running cluster's, such as "10.0.0.5:6379", or "auto" for the one of this machine; None starts Ray
            on this machine alone, on the loopback.
        local_cpus: Cores that a Ray started here may reserve; None means all.
        app: The name of the Serve application; a service of that name that runs already is joined, not replaced.
        keep: Whether deployments stay in a cluster that was there before when the service ends.
        routing: The replicas that choose tools and gather rewards.
        verifiers: The replicas that hold all verifiers and metrics.
        models: The replicas of each other tool: reward models, judges and composites, one deployment each.
        alone: Replicas of tools, by name, that differ from these; a verifier named here gets a deployment of its own.
        time_limit_s: How long a call may take in all, further tries included.
        deaths: After how many deaths of replicas under the same triples these are given up.
        max_rows_waiting: Triples that one service process holds at one time; beyond it the service answers 429.
        start_limit_s: How long the deployments may take to be ready.
    """

    address: str | None = None
    local_cpus: float | None = None
    app: str = "ravelar"
    keep: bool = False
    routing: Replicas = field(default_factory=lambda: Replicas(fewest=1, most=2, cpus=0.5, busy=16))
    verifiers: Replicas = field(default_factory=Replicas)
    models: Replicas = field(default_factory=lambda: Replicas(gpus=None, busy=16))
    alone: Mapping[str, Replicas] = field(default_factory=dict)
    time_limit_s: float = 120.0
    deaths: int = 4
    max_rows_waiting: int = 16_384
    start_limit_s: float = 300.0

    def __post_init__(self) -> None:
        for name in ("time_limit_s", "deaths", "max_rows_waiting", "start_limit_s"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; it must be above 0")
        if self.address is not None and self.address.startswith("ray://"):
            raise InputError(
                f"{self.address!r} is the address of a Ray client, which Serve does not support well; run the service "
                "on a node of the cluster and give HOST:PORT or 'auto'"
            )
