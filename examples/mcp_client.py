"""Both graphs as tools over MCP: what any MCP client sends to the `/mcp` of a LangGraph server.

    langgraph dev --no-browser                              # in another terminal; the extra `studio`
    python examples/mcp_client.py http://127.0.0.1:2024

Each assistant of the server is a tool. The writer replays a shipped article; for a real model, change MODEL. Agents
take the same tools by langchain-mcp-adapters, with the assistant's settings (docs/studio.md):
MultiServerMCPClient({"ravelar": {"transport": "http", "url": URL + "/mcp"}}).get_tools().
"""

import ast
import sys
from typing import Any

import httpx

URL = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:2024"
MODEL = "scripted:demo"  # "openai:gpt-5-mini"
server = httpx.Client(base_url=URL, headers={"accept": "application/json, text/event-stream"}, timeout=120)


def ask(method: str, **params: Any) -> dict[str, Any]:
    """Send a request of MCP, which is JSON-RPC, and return its result."""
    reply = server.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).raise_for_status()
    if "error" in (said := reply.json()):
        raise RuntimeError(said["error"]["message"])
    result: dict[str, Any] = said["result"]
    return result


def call(tool: str, context: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """Call a tool with settings, LangGraph's addition to MCP; return the graph's output, which is a Python literal."""
    result = ask("tools/call", name=tool, arguments=arguments, context=context)
    if result.get("isError"):
        raise RuntimeError(f"{tool}: {result['content'][0]['text']}; the server's log says more")
    output: dict[str, Any] = ast.literal_eval(result["content"][0]["text"])
    return output


client = {"name": "mcp_client.py", "version": "1"}
about = ask("initialize", protocolVersion="2025-03-26", capabilities={}, clientInfo=client)
print(about["serverInfo"]["name"], about["protocolVersion"])
for tool in sorted(ask("tools/list")["tools"], key=lambda tool: str(tool["name"])):
    print(f"  {tool['name']}({', '.join(tool['inputSchema']['properties'])})")

triple = {"prompt": "What is 6 * 7?", "completion": "It is 42.", "reference": 42}
(reward,) = call("rlar", {}, triples=[triple])["rewards"]
print(f"rlar: {reward['tool']} {reward['reward']}")
written = call("ravel", {"model": MODEL}, brief={"instruction": "Write about tides."})
print(f"ravel: {written['end']}, {len(written['article'].split())} words, {written['title']!r}")
