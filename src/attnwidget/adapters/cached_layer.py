"""One attention layer of a TransformerLens cache: its queries, keys, values and mask, proven on its pattern."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from attnwidget.capture.recorder import CHECKED_ROWS, own
from attnwidget.maths import ALL, Mask, QKVLayer, RelativeBias, WeightsLayer, weighted_sum
from attnwidget.maths.reproduce import distance
from attnwidget.maths.softmax import upcast

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOLERANCE = 1e-5  # of weights in float32; others by their rounding
_NEEDED = re.compile(r"blocks\.\d+\.(hook_attn_out|attn\.(hook_\w+|[qkvo]\.hook_\w+))")
_WHY = (
    "its queries and keys do not give the patterns in TransformerLens's cache, so the weights are these patterns alone"
)
_BIASED = {"alibi", "relative_positional_bias", "relative"}


class Cfg(NamedTuple):
    """What a model's configuration says of its attention."""

    layers: int
    positions: str  # "standard", "rotary", "alibi" …
    is_causal: bool
    softcap: float | None
    scale: float | None
    by_layer: bool  # whether scores are divided by the layer's number
    normed: bool  # whether what a layer returned is cached after a norm alone

    @classmethod
    def of(cls, model: Any) -> Cfg:
        """Read it; what a version does not know is left open."""
        cfg = model.cfg
        cap = float(getattr(cfg, "attn_scores_soft_cap", -1) or -1)
        divisor = float(getattr(cfg, "attn_scale", -1) or -1)
        scale = 1.0 if getattr(cfg, "use_attn_scale", True) is False else 1 / divisor if divisor > 0 else None
        return cls(
            int(cfg.n_layers),
            str(getattr(cfg, "positional_embedding_type", "standard")),
            getattr(cfg, "attention_dir", "causal") == "causal",
            cap if cap > 0 else None,
            scale,
            bool(getattr(cfg, "scale_attn_by_inverse_layer_idx", False)),
            bool(getattr(cfg, "use_normalization_before_and_after", False)),
        )


@dataclass
class CachedLayer:
    """What a cache holds of one layer.

    Parameters
    ----------
    cache : transformer_lens.ActivationCache
        Of one pass.
    number : int
        Which layer.
    row : int, optional
        Which text of a batch.
    cfg : Cfg
        Of the cache's model.

    Attributes
    ----------
    is_proven : bool
        Whether the weights were recomputed and compared.
    why : str
        Why there are weights alone.
    error : float, optional
        Largest |difference| between recomputed weights · values and `hook_z`, at a few rows of every head.
    """

    cache: Any
    number: int
    row: int | None
    cfg: Cfg
    is_proven: bool = False
    why: str = ""
    error: float | None = None

    @staticmethod
    def needs(name: str) -> bool:
        """Whether an activation of this name is looked at: a filter for `run_with_cache`."""
        return _NEEDED.fullmatch(name) is not None

    @property
    def is_there(self) -> bool:
        """Whether the cache has anything of this layer."""
        return self._get("pattern", 3) is not None or self._get("q", 3) is not None

    @property
    def outputs(self) -> list[Tensor]:
        """What may be what the projection returned, (n, d_model): some hooks see it after a norm."""
        found = [self._at(name, 2) for name in ("attn.o.hook_out", "attn.hook_out", "hook_attn_out")]
        return [one for one in found if one is not None]

    def check(self, n: int) -> None:
        """Refuse a cache of other tokens, or of a part of them."""
        pattern, q, k = self._get("pattern", 3), self._get("q", 3), self._get("k", 3)
        sizes = {*(() if pattern is None else pattern.shape[1:]), *(len(one) for one in (q, k) if one is not None)}
        if sizes != {n}:
            raise ValueError(
                f"the cache is of {' and '.join(map(str, sorted(sizes)))} positions in layer {self.number}, and there "
                f"are {n} tokens: pass those that were run (model.to_str_tokens(text), with its start token)"
            )

    def read(self, *, values: bool) -> QKVLayer | WeightsLayer:
        """Return the layer, with queries, keys and values where they prove right."""
        pattern = self._get("pattern", 3)  # (heads, n, n)
        for plain in self._plain():
            if pattern is None:
                return self._done(plain, values=values)
            for found in self._variants(plain):
                if distance(found, self._visible(pattern, found.mask)) <= _bound(pattern):
                    self.is_proven = True
                    return self._done(found, values=values)
        if pattern is None:
            raise ValueError(
                f"the cache has queries and keys of layer {self.number} before their rotation alone, or no values: let "
                "run_with_cache keep hook_rot_q and hook_rot_k, hook_v and hook_pattern too"
            )
        self.why = _WHY
        mask = next(self._masks())
        return WeightsLayer(self._visible(pattern, mask), mask)

    def _done(self, layer: QKVLayer, *, values: bool) -> QKVLayer:
        assert layer.v is not None  # noqa: S101 - made below
        z = self._get("z", 3)  # (n, heads, d_v)
        if z is not None:
            n = layer.shape[1]
            rows = torch.linspace(0, n - 1, min(n, CHECKED_ROWS)).round().long().to(layer.device)
            mine = weighted_sum(layer.weights(ALL, rows, ALL), layer.v)  # (heads, rows, d_v)
            sees = layer.allowed(ALL, rows, ALL).any(-1, keepdim=True)  # (1 or heads, rows, 1)
            theirs = z.transpose(0, 1).index_select(1, rows)
            self.error = float((mine - theirs).abs().masked_fill(~sees, 0).max())
        q, k, *v = own(layer.q, layer.k, *([layer.v] if values else []))
        return replace(layer, q=q, k=k, v=v[0] if v else None)

    def _plain(self) -> Iterator[QKVLayer]:
        """Say which queries and keys it may be, with which mask and scale."""
        v = self._get("v", 3)
        if v is None:
            return
        for q, k in self._pairs():
            if len(q) % len(k):
                continue
            for mask in self._masks():
                for scale in self._scales(q.shape[-1]):
                    yield QKVLayer(q, k, v.transpose(0, 1), scale, mask=mask)  # (heads, n, d), (key heads, n, d)

    def _pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Say which queries and keys may be multiplied: (heads, n, d), (key heads, n, d)."""
        turned, plain = ([self._get(f"{kind}{name}", 3) for name in ("q", "k")] for kind in ("rot_", ""))
        if turned[0] is not None and turned[1] is not None:
            yield turned[0].transpose(0, 1), turned[1].transpose(0, 1)
        if plain[0] is None or plain[1] is None:
            return
        q, k = plain[0].transpose(0, 1), plain[1].transpose(0, 1)
        cos, sin = self._get("cos", 2), self._get("sin", 2)  # (n, d_rotary)
        if cos is not None and sin is not None:
            yield _rotated(q, cos, sin), _rotated(k, cos, sin)
        if self.cfg.positions != "rotary" or self._get("pattern", 3) is not None:  # else nothing would prove them
            yield q, k

    def _masks(self) -> Iterator[Mask]:
        """Say which pairs may attend: the scores tell, else the configuration and what is never looked at."""
        scores, pattern = self._scores(), self._get("pattern", 3)
        if scores is not None:
            yield Mask.from_dense(scores > torch.finfo(scores.dtype).min / 2)
            return
        is_causal = self.cfg.is_causal and (pattern is None or not pattern.triu(1).count_nonzero())
        yield Mask(after=0) if is_causal else Mask()
        if pattern is not None:
            yield Mask.from_dense((pattern != 0).any(0))

    def _scores(self) -> Tensor | None:
        """Return what goes into the softmax, (heads, n, n); some hooks of this name see what comes out of it."""
        scores, pattern = self._get("attn_scores", 3), self._get("pattern", 3)
        if scores is None or pattern is None:
            return scores
        sees = (scores > torch.finfo(scores.dtype).min / 2).any(-1, keepdim=True)
        away = (upcast(scores).softmax(-1) - pattern).masked_fill(~sees, 0).abs().max()
        return scores if float(away) <= _bound(pattern) else None

    def _scales(self, width: int) -> list[float]:
        """Say which factors the products may have: the model's own, its configuration's, the usual one, none."""
        attention: Any = self.cache.model
        for name in ("blocks", str(self.number), "attn", "original_component"):
            attention = getattr(attention, name, None)
        found = [float(getattr(attention, "scaling", 0) or 0), self.cfg.scale or 0, width**-0.5, 1.0]
        found += [one / (self.number + 1) for one in found] if self.cfg.by_layer else []
        return [*dict.fromkeys(one for one in found if one)]

    def _variants(self, plain: QKVLayer) -> Iterator[QKVLayer]:
        """Add to plain products what the configuration names."""
        if self.cfg.softcap is not None:
            yield replace(plain, softcap=self.cfg.softcap)
        yield plain
        scores = self._scores() if self.cfg.positions in _BIASED else None
        if scores is not None:
            allowed = plain.allowed(ALL, ALL, ALL)
            added = scores - plain.scores(ALL, ALL, ALL)  # (heads, n, n)
            yield replace(plain, bias=_by_distance(added, allowed))

    @staticmethod
    def _visible(pattern: Tensor, mask: Mask) -> Tensor:
        rows = torch.arange(pattern.shape[1], device=pattern.device)
        return pattern.masked_fill(~mask.allowed(rows, rows), 0)

    def _get(self, name: str, ndim: int) -> Tensor | None:
        found = self._at(f"attn.hook_{name}", ndim)
        return self._at(f"attn.{name}.hook_out", ndim) if found is None and name in {"q", "k", "v"} else found

    def _at(self, name: str, ndim: int) -> Tensor | None:
        """Return an activation of one text, or None."""
        found = self.cache.cache_dict.get(f"blocks.{self.number}.{name}")
        if not isinstance(found, Tensor):
            return None
        if found.ndim == ndim + 1:
            if self.row is None and len(found) > 1:
                raise ValueError(f"the cache is of {len(found)} texts: say which with row=")
            row = 0 if len(found) == 1 else self.row or 0
            if not -len(found) <= row < len(found):
                raise ValueError(f"row must be one of the {len(found)} texts in the cache, got {row}")
            found = found[row]
        return found.detach() if found.ndim == ndim else None


def _bound(pattern: Tensor) -> float:
    """By how much weights may differ from a pattern of this precision."""
    exact = pattern.dtype in {torch.float32, torch.float64}
    return _TOLERANCE if exact else 4 * torch.finfo(pattern.dtype).eps


def _rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the first dimensions of (heads, n, d) as GPT-NeoX and Llama do (Su et al. 2021)."""
    width = cos.shape[-1]
    turned, rest = x[..., :width], x[..., width:]
    first, second = turned.chunk(2, -1)
    half = torch.cat([-second, first], -1)  # (heads, n, width)
    return torch.cat([turned * cos + half * sin, rest], -1)  # (heads, n, d)


def _by_distance(added: Tensor, allowed: Tensor) -> RelativeBias:
    """Take the mean of what was added at each distance, (heads, n, n) → (heads, 2 n − 1)."""
    heads, n, _ = added.shape
    at = torch.arange(n, device=added.device)
    offsets = (at[None] - at[:, None] + n - 1).flatten()  # (n · n,)
    seen = allowed.expand(heads, n, n).to(added).flatten(1)  # (heads, n · n)
    sums, counts = (
        added.new_zeros(heads, 2 * n - 1).index_add_(1, offsets, one)
        for one in (added.masked_fill(~allowed, 0).flatten(1), seen)
    )
    return RelativeBias(sums / counts.clamp(min=1), n)
