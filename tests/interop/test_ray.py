"""A corpus on a local Ray with two workers: what they hand in is what one process computes."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget.heads import Category

ray = pytest.importorskip("ray", reason="needs the extra ray: make test-interop")
pytest.importorskip("ray.data", reason="needs the extra ray: make test-interop")
import pyarrow.parquet as pq  # noqa: E402 - comes with Ray Data

WORDS = "the cat sat on a mat and did not mind that it was so old".split()  # noqa: SIM905
TEXTS = [" ".join(WORDS[at % 7 : at % 7 + 2 + at % 6]) + "." * (at % 3) for at in range(60)]
EXACT = {"rtol": 0, "atol": 1e-6, "equal_nan": True}


@pytest.fixture(scope="module")
def cluster():
    paths = [Path(aw.__file__).parents[1], Path(tiny.__file__).parent]  # of this package, wherever it was imported from
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", os.pathsep.join(map(str, paths)))
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80 << 20)
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def model():
    return tiny.gpt2()


def mine(folder, *, kills=False):
    """A category that writes down in which process it is scored, and once kills a process that is half-way."""
    scored = []

    def score(found):
        (folder / str(os.getpid())).touch()
        scored.append(found)
        if kills and len(scored) == 12 and not (folder / "killed").exists():
            (folder / "killed").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return found.entropy

    return Category("Mine", "A rule of my own.", score)


@pytest.mark.usefixtures("cluster")
def test_two_workers_equal_one_process_and_a_killed_one_loses_nothing(model, tmp_path):
    texts = [*TEXTS, "", "far too long " * 20]
    names = [tmp_path / name for name in ("here", "pids")]
    for name in names:
        name.mkdir()
    here = aw.head_report(
        model, texts, tokenizer=tiny.tokenizer(), categories=[mine(names[0])], progress=False,
        rows=tmp_path / "here.parquet",
    )  # fmt: skip
    there = aw.head_report(
        model, ray.data.from_items([{"id": at, "text": text} for at, text in enumerate(texts)], override_num_blocks=8),
        tokenizer=tiny.tokenizer(), categories=[mine(names[1], kills=True)], progress=False,
        resume=tmp_path / "scores.jsonl", rows=tmp_path / "there.parquet",
        ray_options={"concurrency": 2, "batch_size": 8},
    )  # fmt: skip
    assert (names[1] / "killed").exists()
    assert len([one for one in names[1].iterdir() if one.name.isdigit()]) >= 3  # two workers, and one in place of one
    assert (there.texts, there.skipped_count) == (60, 2)
    assert set(there.skipped) == set(here.skipped)
    torch.testing.assert_close(there.mean, here.mean, **EXACT)
    torch.testing.assert_close(there.spread, here.spread, **EXACT)
    places, scores = [], []
    for name in ("here", "there"):
        table = pq.read_table(tmp_path / f"{name}.parquet").to_pydict()
        rows = sorted(zip(*table.values(), strict=True))  # index, sha256, tokens, category, layer and head come first
        places.append([row[:-1] for row in rows])
        scores.append(torch.tensor([torch.nan if row[-1] is None else row[-1] for row in rows]))
    assert places[0] == places[1]
    torch.testing.assert_close(*scores, **EXACT)
    # the file is the same as one process writes, and either goes on from it
    lines = (tmp_path / "scores.jsonl").read_text().splitlines()
    assert json.loads(lines[0])["categories"][-1] == "Mine"
    assert len(lines) == 1 + len(set(TEXTS))


@pytest.mark.usefixtures("cluster")
def test_workers_load_a_model_by_its_name_and_a_report_goes_on(tmp_path):
    texts = ["The cat sat on the mat, and the cat did not mind.", "He came back, as he had said.", "Nobody knew why."]
    path = tmp_path / "scores.jsonl"
    here = aw.head_report("demo/causal", texts[:2], resume=path, progress=False)
    there = aw.head_report(
        "demo/causal", ray.data.from_items([{"line": text} for text in texts]), column="line", resume=path,
        progress=False, stop=threading.Event(),
    )  # fmt: skip
    assert (here.texts, there.texts, there.stopped) == (2, 3, False)
    assert len(path.read_text().splitlines()) == 4  # two were not measured again
    torch.testing.assert_close(there.mean, aw.head_report("demo/causal", texts, progress=False).mean, **EXACT)
    with pytest.raises(KeyError, match="no column 'text', but line; pass column="):
        aw.head_report("demo/causal", ray.data.from_items([{"line": "a"}]), progress=False)
