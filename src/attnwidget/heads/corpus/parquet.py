"""Every text's scores as rows of a Parquet file, written as they come."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

_ROWS = 1 << 18  # of a row group: at most these are held


class ScoreRows:
    """A row for each text, category, layer and head: index, sha256, tokens, category, layer, head, score.

    Scores that could not be told are null. Whatever ends the work, the file has the texts that were done.

    Parameters
    ----------
    path : path, optional
        The file. Without one nothing is written.
    names : sequence of str
        The categories, in order.

    Raises
    ------
    ImportError
        Without pyarrow.
    """

    def __init__(self, path: str | os.PathLike[str] | None, names: Sequence[str]) -> None:
        self._names = list(names)
        self._path = None if path is None else Path(path)
        self._writer: Any = None
        self._held: list[tuple[int, str, int | None, Tensor]] = []
        if self._path is None:
            return
        try:
            import pyarrow as pa
            import pyarrow.parquet
        except ImportError as error:
            raise ImportError('rows= needs pyarrow: pip install "attnwidget[parquet]"') from error
        self._part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")
        self._schema = pa.schema(
            [
                ("index", pa.int64()),
                ("sha256", pa.dictionary(pa.int32(), pa.string())),
                ("tokens", pa.int32()),
                ("category", pa.dictionary(pa.int32(), pa.string())),
                ("layer", pa.int16()),
                ("head", pa.int16()),
                ("score", pa.float32()),
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._path is None:
            return
        try:
            self._flush()
        finally:
            if self._writer is not None:
                self._writer.close()
                self._part.replace(self._path)

    def add(self, index: int, key: str, tokens: int | None, scores: Tensor) -> None:
        """Take the scores (categories, layers, heads) of a text."""
        if self._path is None:
            return
        self._held.append((index, key, tokens, scores))
        if len(self._held) * scores.numel() >= _ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._held:
            return
        import pyarrow as pa
        import pyarrow.parquet as pq

        indices, keys, tokens, scores = zip(*self._held, strict=True)
        values = np.stack([one.numpy() for one in scores])  # (texts, categories, layers, heads)
        texts, *shape = values.shape
        a_text = int(np.prod(shape))  # rows
        each = np.repeat(np.arange(texts, dtype=np.int32), a_text)  # (rows,), which text
        category, layer, head = (np.tile(part.ravel(), texts) for part in np.indices(shape, dtype=np.int16))
        columns = [
            np.asarray(indices, dtype=np.int64)[each],
            pa.DictionaryArray.from_arrays(each, pa.array(keys)),
            pa.array(tokens, pa.int32()).take(pa.array(each)),
            pa.DictionaryArray.from_arrays(category.astype(np.int32), pa.array(self._names)),
            layer,
            head,
            pa.array(values.ravel(), from_pandas=True),  # NaN is null
        ]
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._part, self._schema, compression="zstd")
        self._writer.write_table(pa.table(columns, schema=self._schema))
        self._held = []
