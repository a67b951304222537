"""What is known of a Hub model without downloading its weights; plain JSON values, read and judged by others."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HubFile(_Frozen):
    """One file, as the Hub describes it.

    Attributes:
        path: Its path in the repository.
        size: Its length in bytes.
        sha256: The hash of its content, where the Hub keeps it as a large file.
        blob: The hash of its git blob (of the pointer, for a large file).
    """

    path: str
    size: int = Field(ge=0)
    sha256: str | None = None
    blob: str | None = None


class HeadTensor(_Frozen):
    """A tensor of the score head, from a safetensors header: its name, shape and element type."""

    name: str
    shape: tuple[int, ...]
    dtype: str


class EvaluationResult(_Frozen):
    """A figure that the repository's authors state in its metadata; nobody here has measured it."""

    dataset: str
    metric: str
    value: float | str


class ModelFacts(_Frozen):
    """What is known of one model at one commit.

    Attributes:
        repo: "owner/name".
        revision: The commit, 40 hexadecimal digits.
        last_commit: When it was committed last, in ISO 8601.
        licence: As the repository names it.
        gated: Whether files need an agreement with the owner.
        private: Whether it is visible to the token's owner only.
        disabled: Whether the Hub has shut it.
        downloads: In the last 30 days, as the Hub counts.
        pipeline_tag: The Hub's word for what the model does.
        tags: The Hub's tags, its own and the owner's.
        architectures: `architectures` of config.json.
        model_type: `model_type` of config.json.
        num_labels: Labels of a classifier, from `num_labels` or `id2label`.
        id2label: Their names, by number.
        auto_map: Classes of the repository's own code, by the Auto class that would load them.
        base_model: What it was made from, as the owner says.
        peft_base: The model that it is an adapter of (LoRA and the like); None if it stands alone.
        languages: As the owner says.
        datasets: What it was trained on, as the owner says.
        chat_template: Whether there is one.
        pad_token: Text of the padding token; None if there is none.
        eos_token: Text of the end token.
        bos_token: Text of the start token.
        max_positions: Longest input in tokens by config.json; None if it does not say.
        tokenizer_limit: The tokenizer's `model_max_length`; None where absent or a stand-in for infinity.
        score_head: Tensors of a score head, in the order of their names; empty if there is none or none was read.
        head_outputs: How many numbers the head gives; None if unknown.
        lm_head: Whether the weights hold an `lm_head`.
        headers_read: Whether a safetensors header was read, so that an empty `score_head` means something.
        parameters: How many there are; None if unknown.
        parameters_from: Where that figure comes from: tensors in the headers, the Hub's count, or the bytes.
        dtype: The element type that holds most parameters.
        weights: The safetensors files that make up the model, in order; empty if there are none.
        weight_bytes: Bytes of weights, by format ("safetensors", "pickle", "gguf", "onnx", ...); "safetensors"
            counts `weights` alone.
        files: All files.
        results: Figures that the owner states.
        unread: Files that could not be read, with why; "gated" is one.
    """

    repo: str
    revision: str = Field(pattern=r"^[0-9a-f]{40}$")
    last_commit: str | None = None
    licence: str | None = None
    gated: bool = False
    private: bool = False
    disabled: bool = False
    downloads: int = 0
    pipeline_tag: str | None = None
    tags: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    model_type: str | None = None
    num_labels: int | None = None
    id2label: dict[int, str] = {}
    auto_map: dict[str, str] = {}
    base_model: tuple[str, ...] = ()
    peft_base: str | None = None
    languages: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    chat_template: bool = False
    pad_token: str | None = None
    eos_token: str | None = None
    bos_token: str | None = None
    max_positions: int | None = None
    tokenizer_limit: int | None = None
    score_head: tuple[HeadTensor, ...] = ()
    head_outputs: int | None = None
    lm_head: bool = False
    headers_read: bool = False
    parameters: int | None = None
    parameters_from: Literal["headers", "hub", "bytes"] | None = None
    dtype: str | None = None
    weights: tuple[str, ...] = ()
    weight_bytes: dict[str, int] = {}
    files: tuple[HubFile, ...] = ()
    results: tuple[EvaluationResult, ...] = ()
    unread: dict[str, str] = {}

    @property
    def needs_remote_code(self) -> bool:
        """Whether its config asks for code of a repository."""
        return bool(self.auto_map)

    @property
    def safetensors(self) -> bool:
        """Whether there are weights that can be read without running anything."""
        return bool(self.weights)

    def file(self, path: str) -> HubFile | None:
        """Return the file of that path, if there is one."""
        return next((file for file in self.files if file.path == path), None)

    @property
    def foreign_code(self) -> frozenset[str]:
        """Other repositories whose code the config asks for ("owner/name--module.Class")."""
        classes = [each for value in self.auto_map.values() for each in value.split(", ")]
        return frozenset(each.split("--")[0] for each in classes if "--" in each) - {self.repo}
