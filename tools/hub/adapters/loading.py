"""Folder -> engine: safetensors only, no remote code unless it was allowed, no head left to chance."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ravelar.tools.errors import HubError, RepositoryRefused, ToolUnavailable
from ravelar.tools.hub.adapters.choice import Plan
from ravelar.tools.hub.adapters.engine import Engine
from ravelar.tools.hub.adapters.folder import ModelFolder
from ravelar.tools.hub.adapters.options import AdapterOptions
from ravelar.tools.hub.adapters.value_head import put_head_on
from ravelar.tools.scoring import describe

DTYPES = ("auto", "float32", "bfloat16", "float16")
UNKNOWN_LENGTH = 4_096  # ours; for models that say nothing of their greatest length
MOST_TOKENS = 8_192  # ours; a model may allow more, and `max_tokens` asks for it
_ENDLESS = 1_000_000  # tokenizers write 1e30 where they know of no limit
_OFFSET_POSITIONS = (
    "roberta",
    "xlm-roberta",
    "camembert",
    "longformer",
    "mpnet",
)  # positions start after the padding id


def load_engine(folder: ModelFolder, plan: Plan, options: AdapterOptions, *, device: str, dtype: str) -> Engine:
    """Load a folder as its plan says.

    Args:
        folder: What lies there.
        plan: How it is read.
        options: What the caller says of it.
        device: "auto" (CUDA if there is one), "cpu", "cuda", "cuda:1" ...
        dtype: "auto": bfloat16 on CUDA where the weights are stored in 16 bits, else float32; or one of `DTYPES`.

    Raises:
        RepositoryRefused: if it can't be loaded, or weights are missing from its file.
        RepositoryLied: if a file is not what it says of itself.
        ToolUnavailable: if torch or transformers are missing, or the device is.
    """
    torch, transformers = _libraries()
    where = _device(torch, device)
    precision = _dtype(torch, folder, where, dtype)
    _refuse_too_large(torch, folder, where, precision.itemsize)
    with _quiet(transformers):
        tokenizer = _foreign(
            folder.repo,
            "tokenizer",
            lambda: transformers.AutoTokenizer.from_pretrained(
                folder.path, local_files_only=True, trust_remote_code=plan.remote_code
            ),
        )
        model, info = _foreign(
            folder.repo,
            "model",
            lambda: getattr(transformers, plan.auto_class).from_pretrained(
                folder.path,
                local_files_only=True,
                use_safetensors=True,
                trust_remote_code=plan.remote_code,
                dtype=precision,
                output_loading_info=True,
            ),
        )
    missing = tuple(sorted(map(str, info.get("missing_keys") or ())))
    _refuse_missing(folder, missing, tuple(sorted(map(str, info.get("unexpected_keys") or ()))))
    if plan.adapter == "value_head":
        put_head_on(torch, model, folder, precision)
    model.requires_grad_(False)
    model.eval()
    if hasattr(model.config, "use_cache"):
        model.config.use_cache = False
    model = _on_device(torch, model, where)
    return Engine(
        model=model,
        tokenizer=_without_own_limits(tokenizer),
        device=where,
        dtype=str(precision).removeprefix("torch."),
        pad_id=_pad_id(model, tokenizer),
        max_tokens=options.max_tokens or _longest(folder, tokenizer),
        specials=_specials(tokenizer),
        missing=missing,
        unexpected=tuple(sorted(map(str, info.get("unexpected_keys") or ()))),
        weight_bytes=sum(p.numel() * p.element_size() for p in model.parameters()),
    )


def memory_needed(folder: ModelFolder, *, device: str = "auto", dtype: str = "auto") -> int:
    """Say how many bytes a folder's weights will take, without loading them."""
    if dtype == "float32" or (dtype == "auto" and not (device != "cpu" and folder.half_precision and _has_cuda())):
        return folder.weight_bytes(element_bytes=4)
    return folder.weight_bytes(element_bytes=2)


def _libraries() -> tuple[Any, Any]:
    try:
        import torch  # noqa: PLC0415
        import transformers  # noqa: PLC0415
    except ImportError as error:
        raise ToolUnavailable(
            f"reward models need torch and transformers: pip install 'ravelar[models]' ({error})"
        ) from error
    return torch, transformers


def _has_cuda() -> bool:
    torch, _ = _libraries()
    return bool(torch.cuda.is_available())


def _device(torch: Any, named: str) -> str:
    if named == "auto":
        return "cuda:0" if torch.cuda.is_available() else "cpu"
    if named.startswith("cuda") and not torch.cuda.is_available():
        raise ToolUnavailable(f"device {named!r} was asked for, but torch {torch.__version__} sees no CUDA device")
    return "cuda:0" if named == "cuda" else named


def _refuse_too_large(torch: Any, folder: ModelFolder, where: str, element_bytes: int) -> None:
    needed = folder.weight_bytes(element_bytes=element_bytes)
    there = (
        torch.cuda.mem_get_info(where)[0]
        if where.startswith("cuda")
        else os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    )
    if needed > there:
        raise RepositoryRefused(
            f"{folder.repo} is too large for {where}: its weights take {needed / 1e9:,.1f} GB of {there / 1e9:,.1f} GB"
        )


def _dtype(torch: Any, folder: ModelFolder, where: str, named: str) -> Any:
    if named not in DTYPES:
        raise ToolUnavailable(f"dtype {named!r} is unknown; allowed: {', '.join(DTYPES)}")
    if named != "auto":
        return getattr(torch, named)
    serves = where.startswith("cuda") and folder.half_precision and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if serves else torch.float32


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Show no progress bars while a model is loaded; leave the setting as it was."""
    logging = transformers.utils.logging
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _foreign(repo: str, what: str, load: Any) -> Any:
    """Run a loader of transformers; whatever it raises concerns the repository, but for a missing library."""
    try:
        return load()
    except ImportError as error:
        raise ToolUnavailable(f"{repo}: its {what} needs a library that is not installed: {describe(error)}") from error
    except HubError:
        raise
    except MemoryError as error:
        raise ToolUnavailable(f"{repo}: no memory to load its {what}") from error
    except Exception as error:  # loaders raise OSError, ValueError, KeyError, RuntimeError and what their files provoke
        if out_of_memory(error):
            raise ToolUnavailable(f"{repo}: no memory to load its {what}: {describe(error)}") from error
        raise RepositoryRefused(f"{repo}: its {what} can't be loaded: {describe(error)}") from error


def _on_device(torch: Any, model: Any, where: str) -> Any:
    try:
        return model.to(where)
    except RuntimeError as error:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise ToolUnavailable(f"the model does not go onto {where}: {describe(error)}") from error


def out_of_memory(error: BaseException) -> bool:
    """Say whether an error means a lack of memory, on whatever device."""
    said = f"{type(error).__name__} {error}".lower()
    return (
        isinstance(error, MemoryError) or "outofmemory" in said or "out of memory" in said or "allocate memory" in said
    )


def _refuse_missing(folder: ModelFolder, missing: tuple[str, ...], unexpected: tuple[str, ...]) -> None:
    if not missing:
        return
    others = [name for name in unexpected if "head" in name or "score" in name or "classifier" in name]
    hint = f"; the file holds {', '.join(others[:3])} instead" if others else ""
    body = sum(name.count(".layers.") + name.count(".layer.") for name in missing)
    if body == 0:
        raise RepositoryRefused(
            f"{folder.repo}: score head was not in the file ({', '.join(missing[:3])}), it would be random{hint}"
        )
    raise RepositoryRefused(
        f"{folder.repo}: {len(missing)} weights were not in the file ({', '.join(missing[:3])} ...), "
        f"they would be random{hint}"
    )


def _pad_id(model: Any, tokenizer: Any) -> int | None:
    """Return what fills up a batch, and tell the model: its pooling looks for the padding id of its own config.

    A padding token that was added to the tokenizer after training may have no embedding; it fills up nothing.
    """
    config = model.config.get_text_config()
    embeddings = model.get_input_embeddings()
    known = getattr(embeddings, "num_embeddings", None) or config.vocab_size
    for found in (getattr(config, "pad_token_id", None), tokenizer.pad_token_id):
        if found is not None and 0 <= found < known:
            config.pad_token_id = int(found)
            return int(found)
    return None


def _specials(tokenizer: Any) -> tuple[str, ...]:
    """Return all special tokens; those of a chat template are often marked so without being named anywhere."""
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    marked = {str(token) for token in added if getattr(token, "special", False)}
    return tuple(sorted(marked | set(tokenizer.all_special_tokens)))


def _longest(folder: ModelFolder, tokenizer: Any) -> int:
    said: list[int] = []
    if isinstance(tokenizer.model_max_length, int) and tokenizer.model_max_length < _ENDLESS:
        said.append(tokenizer.model_max_length)
    positions = folder.config.get("max_position_embeddings") or folder.config.get("n_positions")
    if isinstance(positions, int) and positions > 0:
        offset = folder.config.get("model_type") in _OFFSET_POSITIONS
        said.append(positions - (int(folder.config.get("pad_token_id") or 1) + 1 if offset else 0))
    return max(8, min([MOST_TOKENS, *said])) if said else UNKNOWN_LENGTH


def _without_own_limits(tokenizer: Any) -> Any:
    """Turn off the cutting and padding that a tokenizer.json may have stored: both are done, and reported, here."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
    return tokenizer
