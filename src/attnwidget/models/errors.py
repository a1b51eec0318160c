"""Why a model cannot be had, in plain words, and what can be done without a network."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from attnwidget.models.files import BUNDLED, cached_names

if TYPE_CHECKING:
    from os import PathLike

IS_ADAPTER = (
    "holds an adapter (PEFT); load it with its model, by peft.AutoPeftModelForCausalLM.from_pretrained(...) or its "
    "sisters, and pass that model and its tokenizer"
)

_MOST_NAMES = 5
_ALIKE = 0.7  # demo/casual is close to demo/causal, gpt2 is not


class ModelUnavailable(OSError):  # noqa: N818 - says what is the matter
    """The model cannot be loaded; the message says why and what works instead."""

    def _render_traceback_(self) -> list[str]:
        """Let IPython show the message alone: where in a library a network was missed helps nobody."""
        return [f"{type(self).__name__}: {self}"]


def unavailable(name: str | PathLike[str], reason: str) -> ModelUnavailable:
    """Make the error for a model that is not here: the reason, then what works offline."""
    close = get_close_matches(str(name), BUNDLED, n=1, cutoff=_ALIKE)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    cached = cached_names()
    more = ", …" if len(cached) > _MOST_NAMES else ""
    from_cache = f"; already downloaded: {', '.join(cached[:_MOST_NAMES])}{more}" if cached else ""
    return ModelUnavailable(
        f"{str(name)!r}: {reason}.{hint} Without a network these work: {', '.join(BUNDLED)} "
        f"(inside this package); any local folder made by save_pretrained{from_cache}."
    )


def hub_reason(name: str, error: Exception) -> str:
    """Say in plain words what an error of huggingface_hub means."""
    from huggingface_hub import errors

    for kind, reason in (
        (
            errors.GatedRepoError,
            f"gated: get access at https://huggingface.co/{name}, then log in (`hf auth login`)",
        ),
        (
            errors.RepositoryNotFoundError,
            "there is no such model on the Hugging Face Hub, or it is private",
        ),
        (
            errors.HFValidationError,
            "this is neither a folder nor a possible name on the Hugging Face Hub",
        ),
        (
            errors.OfflineModeIsEnabled,
            "not downloaded yet, and HF_HUB_OFFLINE forbids asking the Hugging Face Hub",
        ),
    ):
        if isinstance(error, kind):
            return reason
    if isinstance(error, errors.HfHubHTTPError):
        return f"the Hugging Face Hub answered with status {error.response.status_code}"
    if isinstance(error, OSError) and error.errno is not None:  # such as a full disk
        return f"it cannot be stored ({error.strerror})"
    return "not downloaded yet, and the Hugging Face Hub cannot be reached (is there a network?)"
