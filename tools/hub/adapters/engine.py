"""Model and tokenizer in memory, and one forward pass over a batch that is padded here."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ravelar.tools.errors import ToolCrashed
from ravelar.tools.hub.adapters.choice import is_encoder
from ravelar.tools.hub.adapters.text import Chat

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One triple as the model reads it.

    Attributes:
        ids: Token ids.
        types: Token type ids, where the model has them.
        marks: Positions at which steps are scored.
        cut: How many tokens were cut away.
        note: What the row should say of it.
        chat: The messages, for models that read those themselves.
    """

    ids: tuple[int, ...]
    types: tuple[int, ...] | None = None
    marks: tuple[int, ...] = ()
    cut: int = 0
    note: str | None = None
    chat: Chat = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Engine:
    """A loaded model.

    Attributes:
        model: The `transformers` model, in evaluation mode.
        tokenizer: Its tokenizer.
        device: Where it runs: "cpu", "cuda:0" ...
        dtype: The precision of its weights: "float32", "bfloat16" ...
        pad_id: What fills a batch up; None if the model has nothing for that, and then a batch holds one triple.
        max_tokens: Longest input.
        specials: The tokenizer's special tokens, as text.
        missing: Weights that the file did not hold; they are random.
        unexpected: Weights of the file that the model has no place for.
        weight_bytes: How much memory the weights take.
    """

    model: Any
    tokenizer: Any
    device: str
    dtype: str
    pad_id: int | None
    max_tokens: int
    specials: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    weight_bytes: int

    @property
    def decoder(self) -> bool:
        """Whether it reads from left to right and is scored at its last token, so that it may be padded on the left."""
        return not is_encoder(str(self.model.config.model_type))

    def inputs(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> dict[str, Any]:
        """Pad a batch and put it on the device.

        Args:
            rows: What is read.
            side: Where the padding goes; scoring always pads on the right.
            extra: So many more padding tokens than are needed, to see whether they matter.
        """
        import torch  # noqa: PLC0415

        width = max(1, *(len(row.ids) for row in rows)) + extra
        pad = self.pad_id if self.pad_id is not None else 0
        ids = torch.full((len(rows), width), pad, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        types = torch.zeros((len(rows), width), dtype=torch.long)
        for i, row in enumerate(rows):
            at = slice(0, len(row.ids)) if side == "right" else slice(width - len(row.ids), width)
            ids[i, at] = torch.tensor(row.ids, dtype=torch.long)
            mask[i, at] = 1
            if row.types is not None:
                types[i, at] = torch.tensor(row.types, dtype=torch.long)
        given = {"input_ids": ids, "attention_mask": mask}
        if any(row.types is not None for row in rows):
            given["token_type_ids"] = types
        if side == "left":
            given["position_ids"] = (mask.cumsum(dim=1) - 1).clamp(min=0)
        return {name: tensor.to(self.device) for name, tensor in given.items()}

    def forward(self, rows: Sequence[Encoded], *, side: Side = "right", extra: int = 0) -> Any:
        """Run the model over a padded batch; return what it returns."""
        import torch  # noqa: PLC0415

        with torch.inference_mode():
            return self.model(**self.inputs(rows, side=side, extra=extra))


def numbers(given: Any, rows: int, index: int) -> list[float]:
    """Read one number a row out of a tensor of shape (rows,), (rows, 1) or (rows, outputs).

    Raises:
        ToolCrashed: if the tensor has another shape.
    """
    tensor = given.detach().float().cpu()
    if tensor.ndim == 0 and rows == 1:
        tensor = tensor.reshape(1, 1)
    elif tensor.ndim == 1 and tensor.shape[0] == rows:
        tensor = tensor.reshape(rows, 1)
    if tensor.ndim != 2 or tensor.shape[0] != rows or index >= tensor.shape[1]:
        raise ToolCrashed(f"the model returned a tensor of shape {tuple(tensor.shape)} for {rows} completions")
    column: list[float] = tensor[:, index].tolist()
    return column
