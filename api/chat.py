"""Chat models for `ravelar.rlar` and `ravelar.ravel`: opened by name, scripted, metered, and as judges."""

from ravelar.agents.judge import Judge
from ravelar.tools.chat.meter import Meter
from ravelar.tools.chat.opening import open_chat
from ravelar.tools.chat.scripted import ScriptedChat

__all__ = ["Judge", "Meter", "ScriptedChat", "open_chat"]
