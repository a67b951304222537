"""From a recipe to a reward model of the Hub: from the cache if it is there, else downloaded at its pinned commit."""

from collections.abc import Collection
from functools import cache

from ravelar.tools.adopted.entry import HubRecipe
from ravelar.tools.errors import RepositoryRefused, ToolUnavailable
from ravelar.tools.hub.client import HubClient
from ravelar.tools.hub.download import download, downloaded
from ravelar.tools.hub.inspection import inspect
from ravelar.tools.hub.loaded import LoadedModels
from ravelar.tools.hub.memory import memory_budget
from ravelar.tools.reward import RewardTool


@cache
def loaded_models() -> LoadedModels:
    """Return this process's loaded models, within the memory that was free at the first call."""
    return LoadedModels(memory_budget().bytes)


def open_recipe(
    client: HubClient, recipe: HubRecipe, *, max_bytes: int, allow_remote_code: Collection[str] = ()
) -> RewardTool:
    """Return the reward model of a recipe; it is loaded when it first scores, and may be let go of in between.

    Args:
        client: The Hub, and where downloads are kept; not asked for what is there already.
        recipe: Which model, at which commit, read how.
        max_bytes: Most bytes to download.
        allow_remote_code: Repositories whose own code may run here.

    Raises:
        ToolUnavailable: if the recipe runs the repository's code and the caller does not allow it.
        HubError: if it can't be downloaded.
    """
    if recipe.remote_code and recipe.repo not in allow_remote_code:
        raise ToolUnavailable(f"{recipe.repo} was adopted with its own code, which is not allowed by name here")
    there = downloaded(client.cache_dir, recipe.repo, recipe.revision)
    snapshot = there or download(
        client,
        inspect(client, recipe.repo, recipe.revision),
        max_bytes=max_bytes,
        allow_remote_code=allow_remote_code if recipe.remote_code else (),
    )
    if snapshot.revision != recipe.revision:
        raise RepositoryRefused(f"{recipe.repo} is at {snapshot.revision}; adopted at {recipe.revision}")
    return loaded_models().tool(
        snapshot.folder,
        repo=recipe.repo,
        revision=recipe.revision,
        adapter=recipe.adapter,
        options=recipe.options,
        allow_remote_code=recipe.remote_code,
    )
