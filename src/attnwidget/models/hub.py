"""Fetching a model from the Hugging Face Hub into its usual cache, with progress."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from attnwidget.models.errors import IS_ADAPTER, hub_reason, unavailable
from attnwidget.models.files import ADAPTER, has_tokenizer, needed_files, weight_files

if TYPE_CHECKING:
    from collections.abc import Callable

_TIMEOUT = 5.0  # seconds for a first sign of life


@dataclass(frozen=True)
class Progress:
    """How far loading has come."""

    stage: str
    """What is going on: "downloading gpt2", "loading gpt2"."""
    done: int
    """Bytes so far."""
    total: int | None
    """Bytes in all, None where nobody knows."""


def resolve(name: str) -> dict[str, int]:
    """Ask the Hub which files a model needs: file → bytes. Quick; downloads nothing.

    Raises
    ------
    ModelUnavailable
        No network, no such model, or a model without the needed files.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]  # the HTTP library's

    try:
        info = HfApi().model_info(name, files_metadata=True, timeout=_TIMEOUT)
    except (HTTPError, OSError, ValueError) as error:  # ValueError: a login page in place of JSON
        raise unavailable(name, hub_reason(name, error)) from None
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    missing = [
        what
        for what, there in (
            ("a config.json", "config.json" in sizes),
            ("a tokenizer", has_tokenizer(sizes)),
            ("weights as safetensors or bin", bool(weight_files(sizes))),
        )
        if not there
    ]
    if ADAPTER in sizes:
        raise unavailable(name, f"the Hub has it, but it {IS_ADAPTER}")
    if missing:
        raise unavailable(name, f"the Hub has it, but it lacks {' and '.join(missing)}")
    return {file: sizes[file] for file in needed_files(sizes)}


def download(name: str, report: Callable[[Progress], None]) -> Path:
    """Download a model's files and return their folder in the cache.

    Raises
    ------
    ModelUnavailable
        As in `resolve`; also for a gated model, and when the network goes away.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HTTPError  # type: ignore[attr-defined]

    sizes = resolve(name)
    total = sum(sizes.values())
    before = 0  # bytes of the files that are done

    def tell(done: int) -> None:
        report(Progress(f"downloading {name}", min(done, total), total))

    tell(0)
    path = ""
    for file, size in sizes.items():
        bar = _bar_class(tell, before)
        try:
            path = hf_hub_download(name, file, tqdm_class=bar, etag_timeout=_TIMEOUT)
        except (HTTPError, OSError) as error:
            raise unavailable(name, hub_reason(name, error)) from None
        before += size
        tell(before)
    return Path(path).parent


def _bar_class(tell: Callable[[int], None], before: int) -> type:
    """Make what huggingface_hub takes for a progress bar: it wants a class; this draws nothing."""

    class Bar:
        def __init__(self, *_: object, initial: int = 0, **__: object) -> None:
            self.done = before + initial

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def close(self) -> None:
            pass

        def update(self, count: float | None = 1) -> None:
            self.done += int(count or 0)
            tell(self.done)

        # With this, Xet downloads tell bytes on the wire and bytes on disk apart.
        def update_transfer(self, count: float | None = 1) -> None:
            pass

        def set_postfix_str(self, *_: object, **__: object) -> None:
            pass

        set_transfer_postfix_str = set_postfix_str

    return Bar
