"""What the server serves: the settings that `langgraph.json` holds in a clone, for an installed package."""

from typing import Any

PORT = 2024  # LangGraph's own; Studio and the SDK look there first

SETTINGS: dict[str, Any] = {
    "dependencies": [".", "langchain-openai>=1.0", "scikit-learn>=1.6"],  # the extras that an image needs
    "env": ".env",
    "python_version": "3.11",
    "graphs": {
        "rlar": {
            "path": "ravelar.graphs.rlar:graph",
            "description": "The reward agent: gives each completion the reward tool that fits its query, and scores "
            "it.",
        },
        "ravel": {
            "path": "ravelar.graphs.ravel:graph",
            "description": "The writing agent: plans, outlines, drafts, reviews and refines an article, and says how "
            "it ended.",
        },
    },
    "http": {"app": "ravelar.studio.app:app"},
}
"""As `langgraph.json`; a test holds the two together."""
