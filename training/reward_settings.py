"""What a `RoutedReward` is made of, checked when it is made: a wrong setting is told before training begins."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ravelar.tools.columns import Columns
from ravelar.tools.errors import InputError
from ravelar.tools.library import Library
from ravelar.tools.routing import Router
from ravelar.training.acquisition import Acquirer, AcquisitionLimits
from ravelar.training.library_in_step import LibrarySource, RouterSource
from ravelar.training.trainer_rows import check_roles
from ravelar.training.watching import RewardWatch

ON_UNKNOWN = ("abstain", "acquire", "fallback:<tool>")


@dataclass(frozen=True, slots=True)
class RewardSettings:
    """The arguments of `RoutedReward`, under whose names they are explained.

    Raises:
        InputError: if one can't be used, or the settings are to be pickled and hold tools.
    """

    library: Library | LibrarySource
    router: Router | RouterSource | None = None
    columns: Columns = field(default_factory=Columns)
    on_unknown: str = "abstain"
    acquirer: Acquirer | None = None
    acquisition: AcquisitionLimits = field(default_factory=AcquisitionLimits)
    time_limit_s: float = 120.0
    watches: Sequence[RewardWatch] = ()
    name: str = "routed_reward"

    def __post_init__(self) -> None:
        check_roles(self.columns)
        self._check_unknown()
        if not isinstance(self.acquisition, AcquisitionLimits):
            raise InputError(f"acquisition is {type(self.acquisition).__name__}; AcquisitionLimits are needed")
        for watch in self.watches:
            if not isinstance(watch, RewardWatch):
                raise InputError(f"{type(watch).__name__} is no watch: a method `see` is needed")
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"name is {self.name!r}; a text is needed, under which the trainer logs")

    @property
    def acquires(self) -> bool:
        """Whether unknown tasks get a tool."""
        return self.on_unknown == "acquire"

    @property
    def fallback(self) -> str | None:
        """The tool of queries that no other fits."""
        kind, _, tool = self.on_unknown.partition(":")
        return tool if kind == "fallback" else None

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle the values, not the tools.

        Raises: InputError: if the library was given as a value.
        """
        if isinstance(self.library, Library):
            raise InputError(
                "a RoutedReward over a Library can't be sent to another process; give library= as a callable "
                "that opens it there, such as ravelar.default_library"
            )
        return RewardSettings, tuple(getattr(self, name) for name in self.__slots__)

    def _check_unknown(self) -> None:
        known = isinstance(self.on_unknown, str) and (self.on_unknown in ON_UNKNOWN[:2] or bool(self.fallback))
        if not known or "<" in self.on_unknown:
            raise InputError(f"on_unknown is {self.on_unknown!r}; allowed: {', '.join(ON_UNKNOWN)}")
        if self.acquires and not callable(self.acquirer):
            raise InputError("on_unknown='acquire' needs an acquirer, such as ravelar.acquirer.RlarAcquirer()")
