"""The library: the reward tools that there are, by name. A value, passed along, never a global."""

from collections.abc import Iterable, Iterator
from typing import Self

from ravelar.tools.errors import InputError, UnknownName
from ravelar.tools.reward import RewardTool


class Library:
    """Reward tools by the names on their cards; immutable.

    Raises:
        InputError: if two tools bear one name.
    """

    def __init__(self, tools: Iterable[RewardTool]) -> None:
        self._tools: dict[str, RewardTool] = {}
        for tool in tools:
            if tool.card.name in self._tools:
                raise InputError(f"two reward tools are named {tool.card.name!r}; names must differ")
            self._tools[tool.card.name] = tool

    def __getitem__(self, name: str) -> RewardTool:
        """Return the tool of that name.

        Raises:
            UnknownName: if there is none; the message says what there is.
        """
        try:
            return self._tools[name]
        except KeyError:
            raise UnknownName("reward tool", name, self._tools) from None

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __iter__(self) -> Iterator[RewardTool]:
        return iter(self._tools.values())

    def __len__(self) -> int:
        return len(self._tools)

    @property
    def names(self) -> list[str]:
        """The tools' names, sorted."""
        return sorted(self._tools)

    def plus(self, *tools: RewardTool) -> Self:
        """Return a library that also holds these tools."""
        return type(self)([*self, *tools])
