"""Scores of texts in a file that only grows: each text's as soon as they are there."""

from __future__ import annotations

import base64
import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, Self

import numpy as np
import torch

from attnwidget.heads.corpus.scorer import VERSION
from attnwidget.replacing import replacing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from torch import Tensor

_WHOLE = 1  # the version that wrote one JSON object, and all of it anew for every text


class Scores(NamedTuple):
    """What is kept of a text."""

    tokens: int | None
    scores: Tensor  # float32 (categories, layers, heads)


class KeptScores:
    """What is done, by the texts' keys; in a file, where one is wanted.

    JSON lines: what the scores are of, then a line a text with its SHA-256, its number of tokens, and its scores as
    little-endian float32 in base64. Only where each line begins is held in memory.

    Parameters
    ----------
    path : path, optional
        The file. Without one nothing is kept.
    header : dict
        What the scores are of.

    Raises
    ------
    ValueError
        If the file is something else, or of other scores.
    """

    def __init__(self, path: str | os.PathLike[str] | None, header: dict[str, Any]) -> None:
        self._path = None if path is None else Path(path)
        self._header = header
        self._places: dict[bytes, int] = {}  # by the key, where its line begins
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        if not self._path.exists() or not self._path.stat().st_size:
            _write(self._path, self._header, iter(()))
        self._check()
        self._file = self._path.open("r+b")
        self._find_lines()
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bytes.fromhex(key) in self._places

    def keys(self) -> frozenset[str]:
        """Return the keys of all texts that are done."""
        return frozenset(key.hex() for key in self._places)

    def __getitem__(self, key: str) -> Scores:
        assert self._file is not None  # noqa: S101 - without a file nothing is in it
        self._file.seek(self._places[bytes.fromhex(key)])
        return _read(json.loads(self._file.readline()))

    def add(self, key: str, tokens: int | None, scores: Tensor) -> None:
        """Append a text's scores; what was written stays, whatever happens to this process."""
        if self._file is None:
            return
        at = self._file.seek(0, 2)
        try:
            self._file.write(_line(key, tokens, scores))
            self._file.flush()
        except OSError as error:
            raise OSError(f"{self._path} could not be written: {error}; what is in it stays") from error
        self._places[bytes.fromhex(key)] = at

    def _check(self) -> None:
        """Compare whose scores the file has; one of old is written anew in lines, once."""
        assert self._path is not None  # noqa: S101
        try:
            with self._path.open("rb") as file:
                saved = json.loads(file.readline())
            old = saved.pop("scores") if saved["version"] == _WHOLE else None
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"{self._path} is no report that could be resumed ({error})") from error
        wanted = self._header | {"version": saved["version"] if old is not None else VERSION}
        if saved != wanted:
            raise ValueError(f"{self._path} is of {saved}, not of {wanted}; give another file")
        if old is not None:
            _write(self._path, self._header, (_line(key, None, _tensor(those)) for key, those in old.items()))

    def _find_lines(self) -> None:
        """Find where each text's line begins; one that a kill or a full disk has torn is left out."""
        assert self._file is not None  # noqa: S101
        torn = 0
        at = len(self._file.readline())
        for line in self._file:
            key = _key(line)
            if key is None:
                torn += 1
            else:
                self._places[key] = at
            if not line.endswith(b"\n"):  # the next one must not be written behind it
                self._file.truncate(at)
                break
            at += len(line)
        if torn:
            what = "1 line" if torn == 1 else f"{torn} lines"
            warnings.warn(f"{what} of {self._path} could not be read: what was in it is measured again", stacklevel=5)


def _write(path: Path, header: dict[str, Any], lines: Iterator[bytes]) -> None:
    with replacing(path) as part, part.open("wb") as file:
        file.write(json.dumps(header).encode() + b"\n")
        file.writelines(lines)


def _line(key: str, tokens: int | None, scores: Tensor) -> bytes:
    packed = base64.b64encode(scores.numpy().astype("<f4").tobytes()).decode("ascii")
    return json.dumps({"key": key, "tokens": tokens, "shape": list(scores.shape), "scores": packed}).encode() + b"\n"


def _read(one: dict[str, Any]) -> Scores:
    flat = np.frombuffer(base64.b64decode(one["scores"]), dtype="<f4").astype(np.float32)
    return Scores(one["tokens"], torch.from_numpy(flat.reshape(one["shape"])))


def _key(line: bytes) -> bytes | None:
    """Return a line's key; None if it cannot be read."""
    if not line.endswith(b"\n"):
        return None
    try:
        one = json.loads(line)
        _read(one)
        return bytes.fromhex(one["key"])
    except (KeyError, TypeError, ValueError):
        return None


def _tensor(listed: list[list[list[float | None]]]) -> Tensor:
    """Read what version 1 wrote."""
    return torch.tensor([[[torch.nan if x is None else x for x in row] for row in one] for one in listed])
