"""Reports over corpora: any iterable, a bounded part of it at a time, what cannot be measured listed, all else kept."""

import itertools
import json
import math
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

import attnwidget as aw
import tiny
from attnwidget.capture import UnsupportedModelError
from attnwidget.heads import BUILT_IN, Category, HeadReport
from attnwidget.heads.corpus import scorer, texts
from attnwidget.heads.corpus.running import Running
from zoo import ZOO

WORDS = ["the cat", "sat on", "a mat", "and the cat", "did not mind", "at all"]
TEXTS = [" ".join(WORDS[at % 6 :][: 1 + at % 3]) + "." * (at % 4) for at in range(12)]
EXACT = {"rtol": 0, "atol": 1e-6, "equal_nan": True}


@pytest.fixture(scope="module")
def model():
    return tiny.gpt2()


@pytest.fixture
def report(model):
    """head_report of the tiny model."""
    return lambda texts, **options: aw.head_report(
        model, texts, **{"tokenizer": tiny.tokenizer(), "progress": False} | options
    )


@pytest.fixture
def measured(monkeypatch):
    """The texts that were measured, in order."""
    seen, really = [], scorer.capture_batch

    def capture_batch(model, texts, **options):
        seen.extend(texts)
        return really(model, texts, **options)

    monkeypatch.setattr(scorer, "capture_batch", capture_batch)
    return seen


def same(one, other):
    torch.testing.assert_close(one.mean, other.mean, **EXACT)
    torch.testing.assert_close(one.spread, other.spread, **EXACT)


# --- what goes in ---------------------------------------------------------------------------


def test_running_mean_and_spread_equal_torch_over_all():
    torch.manual_seed(0)
    for numbers in (torch.randn(500, 3, 4), torch.randn(500, 3, 4) * 1e-3 + 1000):
        numbers[torch.rand(numbers.shape) < 0.3] = torch.nan
        numbers[:, 0, 0] = torch.nan
        running = Running((3, 4))
        for one in numbers:
            running.add(one)
        mean = numbers.double().nanmean(0)
        spread = (numbers.double() - mean).square().nanmean(0).sqrt()
        torch.testing.assert_close(running.mean, mean.float(), rtol=1e-6, atol=1e-6, equal_nan=True)
        torch.testing.assert_close(running.spread, spread.float(), rtol=1e-6, atol=1e-6, equal_nan=True)
        assert running.mean[0, 0].isnan()


def test_a_report_is_the_mean_over_the_texts(report, model):
    found = report(TEXTS)
    tables = [aw.categorize(aw.capture(model, text, tokenizer=tiny.tokenizer())).here for text in TEXTS]
    mean = torch.stack(tables).nanmean(0)
    at = [[one.name for one in BUILT_IN].index(name) for name in ("Previous-Token", "Bag-of-Words", "Self")]
    torch.testing.assert_close(found.mean[at], mean[at], **EXACT)
    torch.testing.assert_close(found.spread[at], (torch.stack(tables) - mean).square().nanmean(0).sqrt()[at], **EXACT)
    assert found.texts == 12
    assert found.mean[[one.name for one in BUILT_IN].index("Next-Token")].isnan().all()  # hidden by the mask, not 0


def test_a_generator_is_gone_through_once_and_not_read_ahead_without_bound(report, measured, monkeypatch):
    monkeypatch.setattr(texts, "WINDOW", 5)
    ahead = []

    def read():
        for at, text in enumerate(TEXTS):
            ahead.append(at + 1 - len(measured))
            yield text

    found = report(read())
    same(found, report(TEXTS))
    assert max(ahead) == 5
    lengths = [len(text) for text in measured[:5]]
    assert lengths == sorted(lengths)


def test_rows_of_a_dataset(report):
    rows = [{"id": at, "line": text} for at, text in enumerate(TEXTS)]
    same(report(rows, column="line"), report(TEXTS))
    with pytest.raises(KeyError, match="row 0 has no column 'text', but id, line; pass column="):
        report(rows)
    with pytest.raises(TypeError, match="got dict of train, test; pass one of them"):
        report({"train": rows, "test": rows})
    with pytest.raises(TypeError, match=r"got a table; pass its column, texts\['text'\]"):
        report(pytest.importorskip("pandas").DataFrame({"text": TEXTS}))
    with pytest.raises(TypeError, match="got int"):
        report(5)
    with pytest.raises(TypeError, match="texts must be strings, got int at 12"):
        report([*TEXTS, 5])


def test_a_dataset_of_the_library(report, measured):
    datasets = pytest.importorskip("datasets", reason="needs datasets: make test-interop")
    whole = datasets.Dataset.from_dict({"text": TEXTS, "label": range(12)})
    same(report(whole), report(TEXTS))
    same(report(whole.to_iterable_dataset()), report(TEXTS))
    assert len(measured) == 48
    with pytest.raises(TypeError, match="got DatasetDict of train"):
        report(datasets.DatasetDict(train=whole))


def test_a_model_by_its_name():
    assert aw.head_report("demo/causal", ["The cat sat on the mat."], progress=False).model == "demo/causal"


def test_short_texts_run_together_and_equal_one_by_one(report, monkeypatch):
    sizes, really = [], scorer.capture_batch

    def capture_batch(model, texts, **options):
        sizes.append(len(texts))
        return really(model, texts, **options)

    monkeypatch.setattr(scorer, "capture_batch", capture_batch)
    together = report(TEXTS)
    assert max(sizes) > 3
    monkeypatch.setattr(scorer, "TOGETHER", 1)
    same(report(TEXTS), together)
    assert sizes[-1] == 1


def test_batches_are_of_like_length():
    given = [texts.Given(at, "x" * length) for at, length in enumerate([1, 2, 3, 30, 50, 60, 200])]
    assert [[len(one.text) for one in some] for some in texts.batches(given, 100)] == [[1, 2, 3], [30, 50], [60], [200]]


def test_a_text_that_comes_twice_counts_twice_and_is_measured_once(report, measured, tmp_path):
    path = tmp_path / "scores.jsonl"
    found = report([TEXTS[0], TEXTS[1], TEXTS[0]], resume=path)
    assert (found.texts, len(measured), len(path.read_text().splitlines())) == (3, 2, 3)
    same(found, report([TEXTS[0], TEXTS[1], TEXTS[0]], resume=path))
    each = [report([TEXTS[at]]).mean for at in (0, 1, 0)]
    torch.testing.assert_close(found.mean[0], torch.stack(each).mean(0)[0], **EXACT)


def test_the_encoder_of_an_encoder_decoder_is_scored():
    model, those = ZOO["T5"][3](), TEXTS[:4]
    found = aw.head_report(model, those, tokenizer=tiny.tokenizer(), progress=False)
    each = [aw.capture(model, text, text_target=text, tokenizer=tiny.tokenizer()) for text in those]
    mean = torch.stack([aw.categorize(trace, attention="encoder").here for trace in each]).nanmean(0)
    torch.testing.assert_close(found.mean[:3], mean[:3], **EXACT)


# --- what cannot be measured ------------------------------------------------------------------


def test_texts_that_cannot_be_measured_are_skipped_and_listed(report):
    strange = ["", None, math.nan, "x" * 65, "half of \ud800"]
    found = report([*TEXTS[:6], *strange, *TEXTS[6:]])
    same(found, report(TEXTS))
    assert (found.texts, found.skipped_count, [one.index for one in found.skipped]) == (12, 5, [6, 7, 8, 10, 9])
    long = next(one for one in found.skipped if one.index == 9)
    assert long.start == "x" * 60
    assert "65 tokens, but the model has 64 positions" in long.reason
    assert found.skipped[0].reason == "there is no text"
    assert found.to_table().caption.endswith("over 12 texts; 5 could not be measured")


def test_many_skipped_texts_are_counted_not_kept(report):
    found = report([*TEXTS, *[""] * 300])
    assert (found.skipped_count, len(found.skipped)) == (300, 100)


def test_nothing_to_measure_is_an_error(report):
    with pytest.raises(ValueError, match="of 2 texts none could be measured; the first, '': there is no text"):
        report(["", "x" * 65])
    with pytest.raises(ValueError, match="at least one text"):
        report(iter(()))


def test_a_model_that_cannot_be_captured_is_no_matter_of_a_text(report, monkeypatch):
    def refuse(*_, **__):
        raise UnsupportedModelError("no attention")

    monkeypatch.setattr(scorer, "capture_batch", refuse)
    with pytest.raises(UnsupportedModelError):
        report(TEXTS)


def test_a_text_larger_than_the_memory_is_skipped(report, monkeypatch):
    really = scorer.capture_batch

    def scarce(model, texts, **options):
        if TEXTS[5] in texts:
            raise MemoryError("row 0: Queries and keys take 9 GB, and 1 GB are free")
        return really(model, texts, **options)

    monkeypatch.setattr(scorer, "capture_batch", scarce)
    found = report(TEXTS)
    assert [(one.index, one.reason[:16]) for one in found.skipped] == [(5, "Queries and keys")]


def test_what_should_be_known_of_the_texts_is_said_once(model):
    marked = tiny.tokenizer(marks=True)
    with pytest.warns(
        UserWarning, match="Of 2 of 3 texts something should be known; of the first: The text begins"
    ) as all_:
        aw.head_report(model, ["<s> a cat", "<s> on a mat", "a cat"], tokenizer=marked, progress=False)
    assert len([one for one in all_ if one.category is UserWarning]) == 1


# --- going on, and stopping ---------------------------------------------------------------------


def test_scores_are_appended_and_not_measured_twice(report, measured, tmp_path):
    path = tmp_path / "scores.jsonl"
    report(TEXTS[:4], resume=path)
    before = path.read_bytes()
    del measured[:]
    found = report(TEXTS, resume=path)
    assert sorted(measured) == sorted(set(TEXTS[4:]))
    assert path.read_bytes().startswith(before)
    same(found, report(TEXTS))
    del measured[:]
    same(report(TEXTS, resume=path), found)
    assert not measured


def test_a_torn_line_is_left_out_and_measured_again(report, measured, tmp_path):
    path = tmp_path / "scores.jsonl"
    whole = report(TEXTS, resume=path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], b"{damaged}\n", *lines[4:]])[:-20])  # and killed while it wrote the last
    del measured[:]
    with pytest.warns(
        UserWarning, match=r"2 lines of .*scores.jsonl could not be read: what was in it is measured again"
    ):
        same(report(TEXTS, resume=path), whole)
    assert len(measured) == 2
    del measured[:]
    with pytest.warns(UserWarning, match="1 line"):
        report(TEXTS, resume=path)
    assert not measured


def test_a_file_of_the_first_version_goes_on(report, measured, tmp_path):
    """It was one JSON object, with nested lists of scores by the texts' keys."""
    path = tmp_path / "scores.json"
    found = report(TEXTS[:6], resume=path)
    with path.open() as file:
        header = json.loads(file.readline())
    scores = {}
    for text in TEXTS[:6]:
        table = aw.categorize(aw.capture(tiny.gpt2(), text, tokenizer=tiny.tokenizer(), values=False)).here
        listed = [[[None if math.isnan(x) else x for x in row] for row in one] for one in table.tolist()]
        scores[texts.Given(0, text).key] = listed
    path.write_text(json.dumps(header | {"version": 1, "scores": scores}))
    del measured[:]
    same(report(TEXTS[:6], resume=path, rows=None), found)
    assert not measured
    report(TEXTS, resume=path)
    assert sorted(measured) == sorted(set(TEXTS[6:]))
    path.write_text(json.dumps(header | {"version": 1, "model": "other", "scores": {}}))
    with pytest.raises(ValueError, match="give another file"):
        report(TEXTS, resume=path)
    for wrong in ("no", "[]", "5", '{"version": 7}', "{}"):
        path.write_text(wrong)
        with pytest.raises(ValueError, match=r"could be resumed|give another file"):
            report(TEXTS, resume=path)
        assert path.read_text() == wrong


class Interrupting(list):
    """A corpus at whose fifth text somebody presses Ctrl-C."""

    def __iter__(self):
        for at, one in enumerate(super().__iter__()):
            if at == 5:
                raise KeyboardInterrupt
            yield one


def test_ctrl_c_keeps_what_is_done_and_says_so(report, measured, tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "WINDOW", 2)
    path = tmp_path / "scores.jsonl"
    with pytest.raises(KeyboardInterrupt, match=r"4 texts are done and kept in .*scores.jsonl: the same call goes on"):
        report(Interrupting(TEXTS), resume=path)
    with pytest.raises(KeyboardInterrupt, match="4 texts are done; with resume= a file keeps them"):
        report(Interrupting(TEXTS))
    del measured[:]
    report(TEXTS, resume=path)
    assert len(measured) == len(set(TEXTS)) - 4


def test_a_stop_gives_the_report_of_what_is_done(report):
    stop, heard = threading.Event(), []

    def score(found):
        heard.append(found)
        if len(heard) == 3:
            stop.set()
        return found.entropy

    found = report(TEXTS, stop=stop, categories=[Category("Mine", "", score)])
    assert (found.texts, found.stopped, len(heard)) == (3, True, 3)
    assert found.to_table().caption.endswith("over 3 texts; stopped before the end")
    only = report(["", *TEXTS], stop=stop)
    assert (only.texts, only.stopped, bool(only.mean[0].isnan().all())) == (0, True, True)


def test_what_fails_on_the_way_says_how_much_is_kept(report, tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "WINDOW", 2)

    def broken():
        yield from TEXTS[:3]
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="network") as caught:
        report(broken(), resume=tmp_path / "scores.jsonl")
    assert caught.value.__notes__[0].startswith("2 texts are done and kept in")


# --- what comes out -------------------------------------------------------------------------------


def test_rows_as_parquet(report, measured, tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    monkeypatch.setattr("attnwidget.heads.corpus.parquet._ROWS", 500)  # several row groups
    path, kept = tmp_path / "rows.parquet", tmp_path / "scores.jsonl"
    report(TEXTS[:4], resume=kept)
    del measured[:]
    found = report(TEXTS, rows=path, resume=kept)
    assert len(measured) == len(set(TEXTS[4:]))  # but all are in the rows
    file = pq.ParquetFile(path)
    assert file.num_row_groups == 3
    assert file.schema_arrow.names == ["index", "sha256", "tokens", "category", "layer", "head", "score"]
    table = file.read().to_pydict()
    assert len(table["score"]) == 12 * found.mean.numel()
    at = [list(one) for one in zip(table["index"], table["category"], table["layer"], table["head"], strict=True)]
    cells = itertools.product(range(12), [one.name for one in BUILT_IN], range(3), range(4))
    assert sorted(at) == sorted(map(list, cells))
    one = [score for where, score in zip(at, table["score"], strict=True) if where[1:] == ["Previous-Token", 2, 3]]
    assert np.mean(one) == pytest.approx(found.to_dict()["L2-H3"]["mean"]["Previous-Token"], abs=1e-4)
    assert {score for where, score in zip(at, table["score"], strict=True) if where[1] == "Next-Token"} == {None}
    tokens = dict(zip(table["index"], table["tokens"], strict=True))
    assert tokens == {index: len(text) for index, text in enumerate(TEXTS)}
    assert table["sha256"][table["index"].index(7)] == texts.Given(7, TEXTS[7]).key


def test_rows_of_what_was_done_before_an_interruption(report, tmp_path, monkeypatch):
    pq = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    monkeypatch.setattr(texts, "WINDOW", 2)
    path = tmp_path / "rows.parquet"
    with pytest.raises(KeyboardInterrupt):
        report(Interrupting(TEXTS), rows=path)
    assert set(pq.read_table(path)["index"].to_pylist()) == {0, 1, 2, 3}
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_a_saved_report_comes_back(report, tmp_path):
    mine = Category("Mine", "A rule.", lambda found: found.entropy, threshold=0.3, colour="#123456")
    found, path = report([*TEXTS, ""], categories=[mine]), tmp_path / "report.json"
    found.save(path)
    for again in (HeadReport.load(path), HeadReport.load(path, categories=[mine])):
        assert (again.model, again.texts, again.skipped, again.stopped) == (found.model, 12, found.skipped, False)
        assert torch.equal(again.mean.nan_to_num(9), found.mean.nan_to_num(9))
        assert torch.equal(again.spread.nan_to_num(9), found.spread.nan_to_num(9))
        assert again.to_dict() == found.to_dict()
        assert [(one.name, one.threshold, one.colour) for one in again.categories] == [
            (one.name, one.threshold, one.colour) for one in found.categories
        ]
    assert HeadReport.load(path, categories=[mine]).categories[-1] is mine
    assert again.categories[0] is BUILT_IN[0]
    with pytest.raises(ValueError, match="keeps its scores but not its rule: pass categories="):
        HeadReport.load(path).categories[-1].score(None)


def test_a_report_of_the_first_version_comes_back(report, tmp_path):
    found, path = report(TEXTS), tmp_path / "report.json"
    old = {"version": 1, "model": found.model, "texts": 12, "heads": found.to_dict()}
    path.write_text(json.dumps(old))
    again = HeadReport.load(path)
    torch.testing.assert_close(again.mean, found.mean, rtol=0, atol=5e-5, equal_nan=True)
    assert again.to_dict() == found.to_dict()
    for head in old["heads"].values():
        head["mean"]["Mine"] = head["spread"]["Mine"] = 0.5
    path.write_text(json.dumps(old))
    with pytest.raises(ValueError, match="Mine is none of the built-in ones: pass it"):
        HeadReport.load(path)
    for wrong in ("no", "[]", "{}", '{"version": 3}', '{"version": 2, "heads": {}}'):
        path.write_text(wrong)
        with pytest.raises(ValueError, match="no report that attnwidget wrote"):
            HeadReport.load(path)


def test_ray_is_not_imported_for_a_list(report):
    with pytest.raises(TypeError, match=r"ray_options are for a ray.data.Dataset; the texts are list"):
        report(TEXTS, ray_options={})
    code = (Path(aw.__file__).parent / "heads/corpus/run.py").read_text()
    assert "\nfrom attnwidget.heads.corpus.on_ray" not in code
