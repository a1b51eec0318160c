"""Where a model's files lie, and which of them a model needs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_BUNDLED_HOME = Path(__file__).parents[1] / "bundled"
BUNDLED = {
    f"demo/{folder.name}": folder for folder in sorted(_BUNDLED_HOME.iterdir()) if (folder / "config.json").is_file()
}
"""The models inside this package: name → folder."""

DEFAULT = "demo/causal"

TRANSLATES = frozenset({"demo/fr-en"})
"""Those that read one text and say another."""

ABOUT = {
    "demo/causal": "demo model: 4 layers × 8 heads, trained on 41 old books; for GPT-2 pass model='gpt2'",
    "demo/masked": "demo model: 4 layers × 8 heads, trained on 41 old books, and on made sentences to name what "
    "pronouns stand for; for BERT pass model='bert-base-uncased'",
    "demo/fr-en": "demo model: 3 + 3 layers × 4 heads, trained on short sentences; "
    "for more pass model='Helsinki-NLP/opus-mt-fr-en'",
}
"""What a bundled model is, so that nobody takes it for a large one."""

LEARNT = {
    "demo/causal": "English, and that from old books",
    "demo/masked": "English, and that from old books",
    "demo/fr-en": "short French sentences and their English",
}
"""What language a bundled model was trained on."""

ADAPTER = "adapter_config.json"
"""The file by which a folder is one of PEFT: an adapter, not a model."""

_TOKENIZER = re.compile(r"tokenizer.*\.json|vocab\.(json|txt)|merges\.txt|.*\.(model|spm|tiktoken|codes)")
_OTHERS = re.compile(r"(config|generation_config|added_tokens|special_tokens_map)\.json")
_SHARD = re.compile(r"(model|pytorch_model)-\d+-of-(\d+)\.(safetensors|bin)")


def has_tokenizer(names: Collection[str]) -> bool:
    """Tell whether a folder with these files can have a tokenizer."""
    return any(_TOKENIZER.fullmatch(name) for name in names)


def weight_files(names: Collection[str]) -> list[str]:
    """Return the files with the weights, safetensors before bin; none if one is missing."""
    for stem, ending in (("model", "safetensors"), ("pytorch_model", "bin")):
        if f"{stem}.{ending}" in names:
            return [f"{stem}.{ending}"]
        index = f"{stem}.{ending}.index.json"
        shards = sorted(
            name for name in names if (match := _SHARD.fullmatch(name)) and match[1] == stem and match[3] == ending
        )
        if index in names and shards and len(shards) == int(shards[0].split("-of-")[1].split(".")[0]):
            return [index, *shards]
    return []


def needed_files(names: Collection[str]) -> list[str]:
    """Return the files that loading needs, the small ones first, the weights last."""
    small = [n for n in names if _TOKENIZER.fullmatch(n) or _OTHERS.fullmatch(n)]
    return [*sorted(small, key=lambda name: name != "config.json"), *weight_files(names)]


def file_names(folder: Path) -> set[str]:
    """Return the names of the files in a folder."""
    return {path.name for path in folder.iterdir() if path.is_file()}


def fingerprint(folder: Path) -> frozenset[tuple[str, int, int]]:
    """Tell whether a folder's files are still the same, unread: their names, sizes and times of change."""
    found = [(path.name, path.stat()) for path in folder.iterdir() if path.is_file()]
    return frozenset((name, about.st_size, about.st_mtime_ns) for name, about in found)


def local_folder(name: str | Path) -> Path | None:
    """Return the folder of a bundled or local model, None if there is none by this name."""
    if name in BUNDLED:
        return BUNDLED[str(name)]
    folder = Path(name).expanduser()
    return folder if folder.is_dir() else None


def cached_folder(name: str) -> Path | None:
    """Return the folder of a Hub model that is wholly in this machine's cache, else None."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    if not isinstance(config, str):  # not there, or known not to exist
        return None
    folder = Path(config).parent
    names = file_names(folder)
    return folder if weight_files(names) and has_tokenizer(names) else None


def cached_names() -> list[str]:
    """Return the names of all models that are wholly in this machine's cache."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir().repos
    except CacheNotFound:
        return []
    names = sorted(repo.repo_id for repo in repos if repo.repo_type == "model")
    return [name for name in names if cached_folder(name) is not None]
