"""What a user's type checker sees of the public names: `test_public_names.py` gives this to mypy, and never runs it."""

from pathlib import Path
from typing import Any, assert_type

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.tools import BaseTool

import ravelar
from ravelar.chat import ScriptedChat, open_chat
from ravelar.ravel import Parts as RavelParts
from ravelar.ravel import RavelContext, RavelGraph, build_ravel, write_article
from ravelar.rewards import reward_from_environment
from ravelar.rlar import Parts as RlarParts
from ravelar.rlar import RlarContext, RlarGraph, build_rlar, reward_tools
from ravelar.trainers import compute_score


class Mine:
    """A reward tool by its form alone; it inherits nothing."""

    card = ravelar.ToolCard(name="mine", kind="verifier", task="mine", summary="A tool of a user's own.")

    def score(self, triples: list[ravelar.Triple]) -> list[ravelar.RawScore]:
        return [float(bool(triple.answer)) for triple in triples]


class Sequenced(Mine):
    """The protocol passes a sequence."""

    def score(self, triples: Any) -> list[ravelar.RawScore]:
        return [ravelar.Scored(1.0, note="seen") for _ in triples]


tool: ravelar.RewardTool = Sequenced()
library = ravelar.default_library().plus(tool)
assert_type(library, ravelar.Library)
rewards = ravelar.score([{"prompt": "6 * 7?", "completion": "42", "reference": 42}], library=library)
assert_type(rewards, list[ravelar.Reward])
assert_type(rewards[0].value, float | None)
assert_type(ravelar.route("6 * 7?", 42).tool, str | None)
assert_type(ravelar.RoutedReward(library=library)(prompts=["6 * 7?"], completions=["42"]), list[float | None])
assert_type(ravelar.write("tides", model="scripted:demo"), dict[str, Any])
assert_type(ravelar.fork("run", 3, "another"), Path)
assert_type(ravelar.__version__, str)
assert_type(open_chat("scripted:demo"), BaseChatModel)
assert_type(build_rlar(parts=RlarParts(chat=ScriptedChat([]))), RlarGraph)
assert_type(reward_tools(context=RlarContext(search_hub=False)), list[BaseTool])
assert_type(build_ravel(parts=RavelParts(chat=ScriptedChat([]))), RavelGraph)
assert_type(write_article(context=RavelContext(protocol="fixed")), BaseTool)
assert_type(reward_from_environment({}), ravelar.RoutedReward)
assert_type(compute_score("math", "42", "42", {"prompt": "6 * 7?"}), dict[str, Any])

print(ravelar.scores)  # type: ignore[attr-defined]  # a name that is not there is told by the checker: were it Any, this
print(RavelContext(protocol="fast"))  # type: ignore[arg-type]  # comment would be unused, which is an error as well
print(rewards[0].value + 1.0)  # type: ignore[operator]  # unknown is not zero
