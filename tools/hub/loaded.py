"""Reward models in memory, within a budget: those that were not used for longest make room for others."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ravelar.tools.adopted.entry import HubRecipe
from ravelar.tools.card import ToolCard
from ravelar.tools.errors import HubError, RepositoryRefused, ToolUnavailable
from ravelar.tools.hub.adapters.choice import choose_adapter
from ravelar.tools.hub.adapters.folder import read_folder
from ravelar.tools.hub.adapters.loading import memory_needed
from ravelar.tools.hub.adapters.options import OptionValue, read_options
from ravelar.tools.hub.reward_model import make_card, open_reward_model
from ravelar.tools.reward import RawScore, Triple

WAIT_S = 600.0  # ours: how long a model waits for others to be let go of


class Loaded(Protocol):
    """A model that is in memory and can be let go of."""

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        """Score n triples."""
        ...

    def close(self) -> None:
        """Free its memory."""
        ...


@dataclass(slots=True)
class _Place:
    needs_bytes: int
    model: Loaded | None = None  # None while it is being loaded
    users: int = 0


class LoadedModels:
    """Models by key, loaded when they are first asked for, under one budget of memory. Threads may share it.

    A model in use is never let go of: who needs its room waits for it. Two threads that ask for the same model
    load it once.

    Args:
        memory_bytes: What all models in memory may take together.
        wait_s: How long to wait for room before giving up.
    """

    def __init__(self, memory_bytes: int, *, wait_s: float = WAIT_S) -> None:
        self.memory_bytes = memory_bytes
        self.wait_s = wait_s
        self._places: OrderedDict[str, _Place] = OrderedDict()  # least recently used first
        self._changed = threading.Condition()

    @property
    def keys(self) -> tuple[str, ...]:
        """What is in memory, the least recently used first."""
        with self._changed:
            return tuple(key for key, place in self._places.items() if place.model is not None)

    @property
    def used_bytes(self) -> int:
        """How much of the budget is taken."""
        with self._changed:
            return self._used()

    @contextmanager
    def borrow(self, key: str, *, needs_bytes: int, load: Callable[[], Loaded]) -> Iterator[Loaded]:
        """Hold a model for as long as the block lasts, loading it if it is not in memory.

        Raises:
            RepositoryRefused: if the model alone is larger than the budget.
            ToolUnavailable: if others hold the room for longer than `wait_s`.
        """
        if needs_bytes > self.memory_bytes:
            raise RepositoryRefused(
                f"{key} is too large: {needs_bytes:,} bytes, and all models together may take {self.memory_bytes:,}"
            )
        place = self._take(key, needs_bytes)
        try:
            if place.model is None:
                self._load(key, place, load)
            assert place.model is not None
            yield place.model
        finally:
            with self._changed:
                place.users -= 1
                self._changed.notify_all()

    def tool(  # noqa: PLR0913  as `open_reward_model`
        self,
        folder: Path | str,
        *,
        repo: str,
        revision: str,
        adapter: str | None = None,
        options: Mapping[str, OptionValue] | None = None,
        device: str = "auto",
        dtype: str = "auto",
        allow_remote_code: bool = False,
        card: ToolCard | None = None,
    ) -> "LentRewardModel":
        """Return a reward tool that is loaded when it scores and may be let go of in between.

        Arguments and errors are those of `open_reward_model`; nothing is loaded yet.

        Raises:
            RepositoryRefused: also if the model alone is larger than the budget.
        """
        read, said = read_folder(Path(folder), repo), read_options(options)
        plan = choose_adapter(read, adapter=adapter, options=said, allow_remote_code=allow_remote_code)
        needed = memory_needed(read, device=device, dtype=dtype)
        if needed > self.memory_bytes:
            raise RepositoryRefused(
                f"{repo} is too large: {needed:,} bytes, and all models together may take {self.memory_bytes:,}"
            )
        recipe = HubRecipe(
            repo=repo,
            revision=revision,
            adapter=plan.adapter,
            options=said.model_dump(exclude_defaults=True),
            remote_code=plan.remote_code,
        )

        def load() -> Loaded:
            return open_reward_model(
                folder,
                repo=repo,
                revision=revision,
                adapter=plan.adapter,
                options=options,
                device=device,
                dtype=dtype,
                allow_remote_code=allow_remote_code,
            )

        key = f"{recipe.model_dump_json()} {device} {dtype}"
        made = card or make_card(read, plan, said, revision=revision)
        return LentRewardModel(self, card=made, recipe=recipe, key=key, needs_bytes=needed, load=load)

    def clear(self) -> None:
        """Let go of every model that is not in use."""
        with self._changed:
            for key in [key for key, place in self._places.items() if place.users == 0]:
                self._drop(key)
            self._changed.notify_all()

    def _used(self) -> int:
        return sum(place.needs_bytes for place in self._places.values())

    def _take(self, key: str, needs_bytes: int) -> _Place:
        """Return the key's place with one more user: its model is in memory, or the caller must load it."""
        until = time.monotonic() + self.wait_s
        with self._changed:
            while True:
                place = self._places.get(key)
                if place is not None and place.model is not None:
                    self._places.move_to_end(key)
                    place.users += 1
                    return place
                if place is None and self._make_room(needs_bytes):
                    place = self._places[key] = _Place(needs_bytes, users=1)
                    return place
                if not self._changed.wait(timeout=max(0.0, until - time.monotonic())):
                    raise ToolUnavailable(
                        f"no room for {key:.200} within {self.wait_s:g} s: {needs_bytes:,} bytes are needed, "
                        f"{self._used():,} of {self.memory_bytes:,} are in use"
                    )

    def _make_room(self, needs_bytes: int) -> bool:
        """Let go of idle models, the least recently used first, if that makes room enough."""
        idle = [key for key, place in self._places.items() if place.users == 0]
        free = self.memory_bytes - self._used()
        if free + sum(self._places[key].needs_bytes for key in idle) < needs_bytes:
            return False
        for key in idle:
            if free >= needs_bytes:
                break
            free += self._drop(key)
        return True

    def _drop(self, key: str) -> int:
        place = self._places.pop(key)
        if place.model is not None:
            place.model.close()
        return place.needs_bytes

    def _load(self, key: str, place: _Place, load: Callable[[], Loaded]) -> None:
        try:
            model = load()
        except BaseException:
            with self._changed:
                del self._places[key]
                self._changed.notify_all()
            raise
        with self._changed:
            place.model = model
            self._changed.notify_all()


class LentRewardModel:
    """A reward tool whose model is in memory only while it is used or there is room for it.

    Attributes:
        card: What is known of it.
        recipe: How it is built again.
        needs_bytes: How much memory its weights take.
    """

    def __init__(  # noqa: PLR0913
        self,
        models: LoadedModels,
        *,
        card: ToolCard,
        recipe: HubRecipe,
        key: str,
        needs_bytes: int,
        load: Callable[[], Loaded],
    ) -> None:
        self.card = card
        self.recipe = recipe
        self.needs_bytes = needs_bytes
        self._models = models
        self._key = key
        self._load = load

    def score(self, triples: Sequence[Triple]) -> Sequence[RawScore]:
        """Score n triples; return n raw scores in order.

        Raises:
            ToolUnavailable: if the model can't be loaded, or there is no room for it.
        """
        try:
            with self._models.borrow(self._key, needs_bytes=self.needs_bytes, load=self._load) as model:
                return model.score(triples)
        except HubError as error:
            raise ToolUnavailable(str(error)) from error
