"""A corpus on a local Ray with two workers: what they hand in is what one process computes."""

import json
import os
import signal
from pathlib import Path

import pytest
import tiny
import torch

import attnwidget as aw
from attnwidget.heads import Category

ray = pytest.importorskip("ray", reason="needs the extra ray: make test-interop")
pytest.importorskip("ray.data", reason="needs the extra ray: make test-interop")
import pyarrow.parquet as pq  # noqa: E402 - comes with Ray Data

WORDS = "the cat sat on a mat and did not mind that it was so old".split()  # noqa: SIM905
TEXTS = [" ".join(WORDS[at % 7 : at % 7 + 2 + at % 6]) + "." * (at % 3) for at in range(60)]
EXACT = {"rtol": 0, "atol": 1e-6, "equal_nan": True}


@pytest.fixture(scope="module")
def cluster():
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_DEDUP_LOGS": "0"}
    paths = {"PYTHONPATH": os.pathsep.join(map(str, [Path(aw.__file__).parents[1], Path(tiny.__file__).parent]))}
    ray.init(
        num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env={"env_vars": paths},
        object_store_memory=80 << 20,
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.fixture(scope="module")
def model():
    return tiny.gpt2()


def leaving_a_trace(folder, *, kills=False):
    """A category that writes down in which process it is scored, and, once, kills that process half-way."""

    def score(found):
        (folder / str(os.getpid())).touch()
        if kills and (folder / "half").exists() and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if kills and len(found.setting.keys.text) > 30:
            (folder / "half").touch()
        return found.entropy

    return Category("Mine", "A rule of my own.", score)


@pytest.mark.usefixtures("cluster")
def test_two_workers_equal_one_process_and_a_killed_one_loses_nothing(model, tmp_path):
    texts = [*TEXTS, "", "far too long " * 20]
    names = [tmp_path / name for name in ("here", "pids")]
    for name in names:
        name.mkdir()
    here = aw.head_report(
        model, texts, tokenizer=tiny.tokenizer(), categories=[leaving_a_trace(names[0])], progress=False,
        rows=tmp_path / "here.parquet",
    )  # fmt: skip
    there = aw.head_report(
        model, ray.data.from_items([{"id": at, "text": text} for at, text in enumerate(texts)], override_num_blocks=8),
        tokenizer=tiny.tokenizer(), categories=[leaving_a_trace(names[1], kills=True)], progress=False,
        resume=tmp_path / "scores.jsonl", rows=tmp_path / "there.parquet",
        ray_options={"concurrency": 2, "batch_size": 8},
    )  # fmt: skip
    assert (names[1] / "killed").exists()
    assert len([name for name in os.listdir(names[1]) if name.isdigit()]) >= 3  # two workers, and one in place of one
    assert (there.texts, there.skipped_count, there.skipped) == (60, 2, here.skipped)
    torch.testing.assert_close(there.mean, here.mean, **EXACT)
    torch.testing.assert_close(there.spread, here.spread, **EXACT)
    order = ["index", "category", "layer", "head"]
    tables = [pq.read_table(tmp_path / f"{name}.parquet").sort_by([(one, "ascending") for one in order])
              for name in ("here", "there")]  # fmt: skip
    assert tables[0].drop_columns("score") == tables[1].drop_columns("score")
    scores = [torch.tensor(table["score"].fill_null(torch.nan).to_numpy()) for table in tables]
    torch.testing.assert_close(*scores, **EXACT)
    # the file is the same as one process writes, and either goes on from it
    lines = (tmp_path / "scores.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["categories"][-1] == "Mine"
    assert len(lines) == 1 + len({text for text in TEXTS})
