"""The one column that a trainer passes along: a reference, or a reference with what routes it."""

import json
from collections.abc import Mapping
from typing import Any

from ravelar.tools.completion import Conversation
from ravelar.tools.reward import Triple


def triple_of(prompt: Conversation, completion: Conversation, label: Any) -> Triple:
    """Make a triple of a prompt, a completion and a label.

    A label is the reference itself, unless it is a mapping (or the JSON text of one) with the key `reference`: then
    that is the reference, and its other keys are columns, such as `task`, `tool` or `options`. An empty text, which
    is what data sets without labels send, is no reference.

    Raises:
        InputError: if prompt or completion is neither text nor chat messages.
    """
    columns = _columns(label)
    if columns is None:
        return Triple(prompt, completion, None if label == "" else label)
    metadata = {name: value for name, value in columns.items() if name != "reference"}
    return Triple(prompt, completion, columns["reference"], metadata)


def _columns(label: Any) -> Mapping[str, Any] | None:
    if isinstance(label, str) and label.lstrip().startswith("{") and '"reference"' in label:
        try:
            label = json.loads(label)
        except (ValueError, RecursionError):
            return None
    return label if isinstance(label, Mapping) and "reference" in label else None
