"""RLAR's tools in an agent: it lists reward tools, scores, and asks for a tool where there is none.

    python examples/rlar_tools.py

The agent's model is scripted: it says what it was told to say. For a real one, replace ScriptedChat(...) by
open_chat("openai:gpt-5-mini"); the rest stays as it is. For a model that writes verifiers, set RlarContext(model=...).
"""

from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage

from ravelar import open_store
from ravelar.chat import ScriptedChat
from ravelar.rlar import Parts, RlarContext, reward_tools

PROMPT = "What is 6 * 7?"


def calls(name: str, **arguments: Any) -> AIMessage:
    """Return the reply by which a model calls a tool."""
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": f"call-{name}"}])


model = ScriptedChat(
    [
        calls("list_reward_tools", containing="math"),
        calls("score_completions", prompt=PROMPT, completions=["42"], reference=42, tool="maths"),
        calls("score_completions", prompt=PROMPT, completions=["It is 42.", "It is 41."], reference=42),
        calls("acquire_reward_tool", examples=[{"prompt": "Write a limerick about a cat."}]),
        "The first is right. For limericks there is no tool: nobody labelled any.",
    ]
)
tools = reward_tools(Parts(store=open_store("memory:")), RlarContext(search_hub=False))
agent: Any = create_agent(model, tools)

for step in agent.stream({"messages": [("user", "Score the sums, and see about limericks.")]}, stream_mode="updates"):
    for update in step.values():
        for said in update["messages"]:
            if isinstance(said, ToolMessage):
                print(f"{said.name}: {said.status}: {str(said.content)[:100]}")
            elif said.content:
                print(f"agent: {said.content}")
