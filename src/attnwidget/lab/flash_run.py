"""Flash attention as it ran, one head of it, to be gone through tile by tile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from attnwidget.lab.costs import WRITTEN_OUT
from attnwidget.lab.knobs import arguments
from attnwidget.maths.softmax import scores
from attnwidget.variants import FLASH, Sizes, flash_steps, scaled_dot_product
from attnwidget.wire.envelope import encode_array
from attnwidget.wire.schema import LabFlash, LabTile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attnwidget.lab.given import Given

SHOWN = 16  # numbers of an output


def flash_run(given: Given, head: int, values: Mapping[str, Any]) -> LabFlash:
    """Run flash attention, and keep what a head has after every tile."""
    inputs = given.inputs
    steps = list(
        flash_steps(
            inputs.q,
            inputs.k,
            inputs.v,
            mask=inputs.allowed,
            scale=inputs.scale,
            **arguments(FLASH, given, values),
        )
    )
    exact = scaled_dot_product(inputs.q, inputs.k, inputs.v, mask=inputs.allowed, scale=inputs.scale).output
    done = torch.cat([step.output for step in steps if step.last], dim=1)  # (heads, n, d_v)
    heads, d_v = len(inputs.q), inputs.v.shape[2]
    allowed = inputs.allowed[head if len(inputs.allowed) > 1 else 0]  # (n, n)
    key = inputs.k[head * len(inputs.k) // heads]  # (n, d_k)
    own = scores(inputs.q[head, None], key[None], scale=inputs.scale, allowed=allowed[None])[0]  # (n, n)
    difference = float((done - exact).abs().max())
    written_out = dict(FLASH.cost.also)[WRITTEN_OUT]
    rows = {
        "maximum": torch.cat([step.maximum[head] for step in steps]),  # (rows)
        "total": torch.cat([step.total[head] for step in steps]),
        "rescaled": torch.cat([step.rescaled[head] for step in steps]),
        "output": torch.cat([step.output[head, :, :SHOWN] for step in steps]),  # (rows, shown)
        "exact": exact[head, :, :SHOWN],  # (n, shown)
        "scores": own,
    }
    return LabFlash(
        steps=[
            LabTile(
                queries=(step.queries.start, step.queries.stop),
                keys=(step.keys.start, step.keys.stop),
                skipped=step.skipped,
                last=step.last,
                read=step.read,
                written=step.written,
            )
            for step in steps
        ],
        arrays={name: encode_array(one) for name, one in rows.items()},
        width=d_v,
        difference=difference if difference == difference else None,  # noqa: PLR0124 - NaN
        plain_bytes=written_out(Sizes.of(inputs.q, inputs.k, inputs.v)),
        heads=heads,
    )
