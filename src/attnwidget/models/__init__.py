"""Where a model comes from: bundled with this package, a local folder, or the Hub.

Whatever the source, files are first brought into one folder, and that is loaded without
any further look at the network. Importing this module loads neither torch nor transformers.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakValueDictionary

from attnwidget.models.errors import IS_ADAPTER, ModelUnavailable, unavailable
from attnwidget.models.files import (
    ABOUT,
    ADAPTER,
    BUNDLED,
    DEFAULT,
    LEARNT,
    TRANSLATES,
    cached_folder,
    file_names,
    fingerprint,
    has_tokenizer,
    local_folder,
    weight_files,
)
from attnwidget.models.hub import Progress, download, resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from transformers import PreTrainedModel, PreTrainedTokenizerBase

__all__ = [
    "ABOUT",
    "BUNDLED",
    "DEFAULT",
    "LEARNT",
    "TRANSLATES",
    "ModelUnavailable",
    "Progress",
    "describe_model",
    "load_model",
    "load_shared",
    "needs_download",
    "resolve",
]


def load_model(
    name: str | os.PathLike[str] | None = None,
    *,
    tokenizer: Any = None,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a model and its tokenizer, ready to run: in evaluation mode, as float32.

    Parameters
    ----------
    name
        A bundled name (see `BUNDLED`; without a name, the first demonstration model), a folder
        made by ``save_pretrained``, or a name on the Hugging Face Hub.
    tokenizer
        Taken in place of the model's own, which it then need not have.
    progress
        Called while files are downloaded and before loading. An exception that it raises
        stops the work and reaches the caller.

    Raises
    ------
    ModelUnavailable
        The model cannot be had; the message says why and what works without a network.
    TypeError
        `name` is neither a string nor a path.
    """
    name = _checked(name)
    report = progress or (lambda _: None)
    folder = _folder_here(name)
    if folder is None:
        folder = download(str(name), report)
    report(Progress(f"loading {name}", 0, None))
    return _load(folder, name, tokenizer)


_loading = Lock()
_shared: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()  # what it was loaded from → model
_tokenizers: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()  # model → tokenizer


def load_shared(
    name: str | os.PathLike[str], *, tokenizer: Any = None, progress: Callable[[Progress], None] | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load as `load_model` does, but hand out the same model again while somebody still holds it.

    A cell is run again and again, and every time it would cost another copy. A folder of which a file has changed is
    read anew; so is a model with a tokenizer that is not its own.
    """
    if tokenizer is not None:
        return load_model(name, tokenizer=tokenizer, progress=progress)
    name = _checked(name)
    folder = None if name in BUNDLED else local_folder(name)
    key = str(name) if folder is None else (folder.resolve(), fingerprint(folder))  # taken before it is read
    model = _shared.get(key)
    if model is None:
        model, tokenizer = load_model(name, progress=progress)
        _tokenizers[model] = tokenizer
        _shared[key] = model
    return model, _tokenizers[model]


def needs_download(name: str | os.PathLike[str] | None = None) -> bool:
    """Tell whether loading would ask the network: no bundled name, no folder, not in the cache."""
    name = _checked(name)
    return isinstance(name, str) and not _looks_like_path(name) and _folder_here(name) is None


def describe_model(model: Any) -> str:
    """Return a short label: the name that it was loaded by, a folder's own name, or its class.

    Of an adapter or a class of one's own around a model, both: "PeftModelForCausalLM(gpt2)".
    """
    kind = type(model)
    # TransformerLens has it in its own config
    name = str(getattr(model, "name_or_path", "") or getattr(getattr(model, "cfg", None), "model_name", "") or "")
    if not name:
        return kind.__name__
    label = Path(name).name if _looks_like_path(name) or Path(name).is_dir() else name
    return label if kind.__module__.startswith("transformers.") else f"{kind.__name__}({label})"


_BUNDLED_PREFIX = "demo/"  # never looked up on the Hub


def _checked(name: str | os.PathLike[str] | None) -> str | Path:
    if name is None:
        return DEFAULT
    if isinstance(name, str):
        return name
    if isinstance(name, os.PathLike):
        return Path(name)
    raise TypeError(f"a model's name must be a string or a path, got {type(name).__name__}")


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1


def _folder_here(name: str | Path) -> Path | None:
    """Return the folder on this machine, None if it must be downloaded."""
    folder = local_folder(name)
    if folder is not None:
        return folder
    if isinstance(name, Path) or _looks_like_path(name):
        raise unavailable(name, "there is no such folder")
    if name.startswith(_BUNDLED_PREFIX):
        raise unavailable(name, "there is no bundled model of this name")
    return cached_folder(name)


def _load(folder: Path, name: str | Path, tokenizer: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    names = file_names(folder)
    if ADAPTER in names:  # without PEFT it would be left out without a word
        raise unavailable(name, f"the folder {IS_ADAPTER}")
    if "config.json" not in names:
        raise unavailable(name, "the folder has no config.json, so it is not a saved model")
    if not weight_files(names):
        raise unavailable(name, "the folder lacks weights as safetensors or bin, or a part of them")
    if tokenizer is None and not has_tokenizer(names):
        raise unavailable(name, "the folder has a model but no tokenizer; pass one as tokenizer=")
    import transformers

    try:
        # transformers swaps methods of its classes while it loads: two loads at once would leave the wrong ones behind.
        with _loading:
            return _load_files(folder, name, tokenizer)
    except Exception as error:  # transformers and its libraries raise errors of every kind
        reason = f"transformers {transformers.__version__} cannot load it ({error})"
        raise unavailable(name, reason) from error


def _load_files(folder: Path, name: str | Path, tokenizer: Any) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    import transformers

    # Code that comes with a model is never run.
    safe = {"trust_remote_code": False, "local_files_only": True}
    config = transformers.AutoConfig.from_pretrained(folder, **safe)
    # Which code computes attention is ours to say: a folder may name a kernel, and it would be fetched and run.
    config._attn_implementation = config._experts_implementation = None  # noqa: SLF001 - of sub-configs too
    # The class that the model was saved as brings its language-model head along.
    kind = getattr(transformers, (config.architectures or [""])[0], transformers.AutoModel)
    if tokenizer is None:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        tokenizer.name_or_path = str(name)
    # Half precision is slow and rough on a CPU, and attention is to be shown exactly.
    with _no_progress_bars():
        model = kind.from_pretrained(folder, config=config, dtype="float32", **safe)
    model.name_or_path = str(name)
    model.eval()
    return model, tokenizer


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing one below the cell, beside the caller's own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
