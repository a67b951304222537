"""What adopted tools are built with: a sandbox, the Hub, addresses, a judging language model; opened when needed."""

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from ravelar.tools.adopted.build import Workshop
from ravelar.tools.adopted.entry import HubRecipe, JudgeRecipe, RemoteRecipe
from ravelar.tools.reward import RewardTool
from ravelar.tools.sandbox.backends import open_sandbox
from ravelar.tools.sandbox.protocol import Sandbox

if TYPE_CHECKING:
    from langchain_core.language_models.chat_models import BaseChatModel

    from ravelar.tools.hub.client import HubClient

MAX_DOWNLOAD_BYTES = 50_000_000_000  # ours: a reward model of 24 billion parameters in bf16
MAX_JUDGE_CALLS = 100_000  # ours: a limit all the same, for whoever forgets to set one


def make_workshop(  # noqa: PLR0913  each is one part
    *,
    sandbox: Callable[[], Sandbox] | str = "local",
    hub: "HubClient | None" = None,
    hub_endpoint: str | None = None,
    chat: "BaseChatModel | None" = None,
    base_url: str | None = None,
    allow_remote_code: Collection[str] = (),
    max_bytes: int = MAX_DOWNLOAD_BYTES,
    max_judge_calls: int = MAX_JUDGE_CALLS,
) -> Workshop:
    """Return what adopted tools are built with; nothing is imported or opened before a tool first scores.

    Args:
        sandbox: Where written verifiers run: "local", "e2b", "unsafe", or what opens one.
        hub: The Hub; None asks that at `hub_endpoint`, HF_ENDPOINT, or the public one.
        hub_endpoint: The Hub's address.
        chat: The language model that judges; None opens the one that the recipe names.
        base_url: Where that one is served, if on a server of one's own.
        allow_remote_code: Repositories whose own code may run here.
        max_bytes: Most bytes to download for one reward model.
        max_judge_calls: Most calls that one judge may make.
    """

    def open_hub(recipe: HubRecipe) -> RewardTool:
        from ravelar.tools.hub.client import HubClient  # noqa: PLC0415
        from ravelar.tools.hub.opening import open_recipe  # noqa: PLC0415

        client = hub or HubClient(hub_endpoint)
        return open_recipe(client, recipe, max_bytes=max_bytes, allow_remote_code=allow_remote_code)

    def open_remote(recipe: RemoteRecipe) -> RewardTool:
        from ravelar.tools.hub.remote import open_remote  # noqa: PLC0415

        return open_remote(recipe)

    def open_judge(recipe: JudgeRecipe) -> RewardTool:
        from ravelar.agents.judge import open_judge  # noqa: PLC0415  langchain takes 0.5 s
        from ravelar.tools.chat.meter import Meter  # noqa: PLC0415
        from ravelar.tools.chat.opening import open_chat  # noqa: PLC0415

        asked = chat or open_chat(recipe.model, base_url=base_url)
        return open_judge(recipe, asked, name="judge", meter=Meter(calls=max_judge_calls))

    opener = partial(open_sandbox, sandbox) if isinstance(sandbox, str) else sandbox
    return Workshop(open_sandbox=opener, open_hub=open_hub, open_remote=open_remote, open_judge=open_judge)
