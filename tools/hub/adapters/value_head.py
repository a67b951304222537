"""Text generators with a value head, as PPO trainers save them: one number read off the last token's hidden state.

The head is two tensors beside the generator's own, `v_head.summary.weight` of shape (1, hidden size) and
`v_head.summary.bias` of shape (1), the form of TRL's `AutoModelForCausalLMWithValueHead`. Nobody's code is run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ravelar.tools.errors import RepositoryRefused
from ravelar.tools.hub.adapters.choice import VALUE_HEAD
from ravelar.tools.hub.adapters.classifier import ChatClassifier
from ravelar.tools.hub.adapters.engine import Encoded, Side, numbers
from ravelar.tools.hub.adapters.folder import ModelFolder
from ravelar.tools.reward import RawScore

BIAS = "v_head.summary.bias"


@dataclass(frozen=True, slots=True)
class ValueHead(ChatClassifier):
    """As `ChatClassifier`, the head being put on the hidden state of the conversation's last token."""

    def raws(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Sequence[RawScore]:
        """Score a batch."""
        import torch  # noqa: PLC0415

        model, given = self.engine.model, self.engine.inputs(rows, side=side, extra=extra)
        mask = given["attention_mask"]
        places = torch.arange(mask.shape[1], device=mask.device)
        with torch.inference_mode():
            hidden = model.base_model(**given).last_hidden_state
            last = (mask * places).argmax(dim=1)
            values = model.v_head(hidden[torch.arange(len(rows), device=hidden.device), last])
        return numbers(values, len(rows), 0)


def put_head_on(torch: Any, model: Any, folder: ModelFolder, dtype: Any) -> None:
    """Read the head's tensors from the folder's files and make them a part of the model, `model.v_head`.

    Raises: RepositoryRefused: if the head has another form.
    """
    from safetensors import safe_open  # noqa: PLC0415

    found: dict[str, Any] = {}
    for name in folder.weight_files:
        with safe_open(folder.path / name, framework="pt") as tensors:
            found |= {key: tensors.get_tensor(key) for key in (VALUE_HEAD, BIAS) if key in tensors.keys()}  # noqa: SIM118
    size = model.config.get_text_config().hidden_size
    weight = found.get(VALUE_HEAD)
    if weight is None or tuple(weight.shape) != (1, size):
        shape = None if weight is None else tuple(weight.shape)
        raise RepositoryRefused(
            f"{folder.repo}: its value head {VALUE_HEAD} has the shape {shape}; allowed: (1, {size})"
        )
    head = torch.nn.Linear(size, 1, dtype=dtype)
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(found.get(BIAS, torch.zeros(1)))
    model.v_head = head
