"""Bundled, local and Hub models; the Hub is imitated, the network is never used."""

import gc
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import tiny
from attnwidget import models
from attnwidget.models import BUNDLED, ModelUnavailable, Progress, files
from attnwidget.tokens import scheme_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CLOSED = "http://127.0.0.1:9"  # nobody listens on the discard port


@pytest.fixture
def saved(tmp_path):
    """A copy of the bundled model, to take files away from."""
    return Path(shutil.copytree(BUNDLED["demo/causal"], tmp_path / "my-model"))


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "ENDPOINT", CLOSED)


# --- bundled and local ------------------------------------------------------------------


def test_bundled_model():
    import torch

    heard = []
    model, tokenizer = models.load_model(progress=heard.append)
    assert type(model).__name__ == "LlamaForCausalLM"
    assert model.dtype == torch.float32
    assert not model.training
    assert models.describe_model(model) == "demo/causal"
    assert heard == [Progress("loading demo/causal", 0, None)]
    assert scheme_of(tokenizer) == "byte"
    inputs = tokenizer("It was the best of times, it was the worst of times", return_tensors="pt")
    with torch.no_grad():
        loss = model(**inputs, labels=inputs.input_ids).loss.item()
    assert loss < 5  # chance is ln 6144 = 8.7

    start = time.perf_counter()
    models.load_model("demo/causal")
    assert time.perf_counter() - start < 1


def test_loading_draws_nothing(capfd):
    models.load_model()
    assert capfd.readouterr() == ("", "")


def test_bundled_folders_are_described():
    for folder in BUNDLED.values():
        assert "Limits" in (folder / "README.md").read_text()


def test_local_folder(saved, monkeypatch):
    model, _ = models.load_model(saved)
    assert models.describe_model(model) == "my-model"
    monkeypatch.chdir(saved.parent)
    model, _ = models.load_model("my-model")
    assert models.describe_model(model) == "my-model"
    assert not models.needs_download("my-model")


def test_class_is_the_one_that_was_saved(saved):
    config = json.loads((saved / "config.json").read_text())
    for architectures, expected in (
        (["LlamaModel"], "LlamaModel"),
        (["NoSuchClass"], "LlamaModel"),
        (None, "LlamaModel"),
    ):
        (saved / "config.json").write_text(json.dumps(config | {"architectures": architectures}))
        assert type(models.load_model(saved)[0]).__name__ == expected


def test_describe_the_users_own_object():
    from transformers import BertConfig, BertModel

    config = BertConfig(vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4)
    model = BertModel(config)
    assert models.describe_model(model) == "BertModel"
    model.name_or_path = "google/some-bert"
    assert models.describe_model(model) == "google/some-bert"


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        (["config.json"], "no config.json"),
        (["tokenizer.json", "tokenizer_config.json"], "no tokenizer; pass one as tokenizer="),
        (["model.safetensors"], "lacks weights"),
    ],
)
def test_folder_with_a_missing_file(saved, missing, said):
    for name in missing:
        (saved / name).unlink()
    with pytest.raises(ModelUnavailable, match=said) as caught:
        models.load_model(saved)
    assert "demo/causal, demo/fr-en, demo/masked (inside this package); any local folder" in str(caught.value)


def test_broken_files(saved):
    (saved / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelUnavailable, match="cannot load it"):
        models.load_model(saved)
    (saved / "config.json").write_text('{"model_type": "not-invented-yet"}')
    with pytest.raises(ModelUnavailable, match="cannot load it"):
        models.load_model(saved)


def test_code_that_comes_with_a_model_is_not_run(saved):
    config = json.loads((saved / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Own", "AutoModel": "own.Own"}}
    (saved / "config.json").write_text(json.dumps(config))
    (saved / "own.py").write_text("raise SystemExit('was run')")
    with pytest.raises(ModelUnavailable, match="cannot load it"):
        models.load_model(saved)


@pytest.mark.parametrize("name", ["./nowhere", Path("nowhere"), "~/no/where", "a/b/c"])
def test_no_such_folder(name):
    assert not models.needs_download(Path(name))
    with pytest.raises(ModelUnavailable, match="no such folder"):
        models.load_model(name)


def test_misspelt_bundled_name_asks_no_network():
    with pytest.raises(ModelUnavailable, match="Did you mean 'demo/causal'"):
        models.load_model("demo/casual")
    with pytest.raises(ModelUnavailable, match="no bundled model of this name"):
        models.needs_download("demo/casual")


def test_wrong_type():
    with pytest.raises(TypeError, match="string or a path, got int"):
        models.load_model(3)


def test_shards():
    shards = {f"model-0000{i}-of-00002.safetensors" for i in (1, 2)}
    index = "model.safetensors.index.json"
    assert files.weight_files({*shards, index}) == [index, *sorted(shards)]
    assert files.weight_files({*shards}) == []
    assert files.weight_files({index, min(shards)}) == []
    both = {"pytorch_model.bin", "model.safetensors"}
    assert files.weight_files(both) == ["model.safetensors"]
    assert files.weight_files({"pytorch_model.bin"}) == ["pytorch_model.bin"]


def test_needed_files():
    wanted = ["config.json", "generation_config.json", "merges.txt", "vocab.json", "source.spm"]
    others = ["README.md", "tf_model.h5", "pytorch_model.bin", "onnx/model.onnx", "modeling.py"]
    needed = files.needed_files([*others, *wanted, "model.safetensors", "model.fp16.safetensors"])
    assert needed[0] == "config.json"
    assert needed[-1] == "model.safetensors"
    assert set(needed) == {*wanted, "model.safetensors"}


def test_import_is_cheap():
    code = "import sys, attnwidget.models; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "huggingface_hub"} & set(done.stdout.split())


# --- the Hub ----------------------------------------------------------------------------


class FakeHub(BaseHTTPRequestHandler):
    """The few addresses that huggingface_hub asks for, serving the bundled model as "a/b"."""

    folder = BUNDLED["demo/causal"]
    hidden: frozenset[str] = frozenset()
    asked: list[str]

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, *, with_body):
        path = self.path.partition("?")[0]
        self.asked.append(path)
        repo, _, file = path.removeprefix("/").partition("/resolve/main/")
        if repo == "gated/model" and file:
            self.reply(403, b"", {"X-Error-Code": "GatedRepo"}, with_body=with_body)
        elif repo in ("a/b", "gated/model") and (self.folder / file).is_file():
            body = (self.folder / file).read_bytes()
            etag = hashlib.sha256(body).hexdigest()
            headers = {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT}
            self.reply(200, body, headers, with_body=with_body)
        elif path in ("/api/models/a/b", "/api/models/gated/model"):
            files = [
                {"rfilename": file.name, "size": file.stat().st_size}
                for file in self.folder.iterdir()
                if file.name not in self.hidden
            ]
            info = {"id": path.removeprefix("/api/models/"), "sha": COMMIT, "siblings": files}
            self.reply(200, json.dumps(info).encode(), {}, with_body=with_body)
        elif path == "/api/models/down/down":
            self.reply(503, b"", {}, with_body=with_body)
        else:
            self.reply(404, b"", {"X-Error-Code": "RepoNotFound"}, with_body=with_body)

    def reply(self, status, body, headers, *, with_body):
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    handler = type("Hub", (FakeHub,), {"asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.handler = handler
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def python(code, endpoint, home, **variables):
    """Run code with another Hub and cache: huggingface_hub reads both when it is imported."""
    names = {"HF_ENDPOINT": endpoint, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"}
    names |= {"PYTHONPATH": str(Path(models.__file__).parents[2]), **variables}
    ours = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], env=ours | names, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, time.perf_counter() - start


SAY = """
from attnwidget import models
for name in {names}:
    try:
        models.load_model(name)
    except models.ModelUnavailable as error:
        print(error)
"""


def test_download_then_offline(hub, tmp_path):
    code = """
from attnwidget import models
assert models.needs_download("a/b")
heard = []
model, tokenizer = models.load_model("a/b", progress=heard.append)
*bytes_, last = heard
assert last == models.Progress("loading a/b", 0, None)
assert {p.stage for p in bytes_} == {"downloading a/b"}
done, totals = [p.done for p in bytes_], {p.total for p in bytes_}
assert done == sorted(done) and done[0] == 0 and {done[-1]} == totals, (done, totals)
print(len(set(done)), done[-1], models.describe_model(model), models.needs_download("a/b"))
"""
    out, _ = python(code, hub.url, tmp_path)
    size = sum(file.stat().st_size for file in FakeHub.folder.iterdir() if file.name not in {"README.md", "heads.json"})
    assert out.split() == ["6", str(size), "a/b", "False"]
    assert not any("README" in path for path in hub.handler.asked)

    hub.handler.asked.clear()
    code = "from attnwidget import models; print(models.load_model('a/b')[1].name_or_path)"
    assert python(code, hub.url, tmp_path)[0].strip() == "a/b"
    assert hub.handler.asked == []

    out, _ = python(SAY.format(names=["c/d"]), CLOSED, tmp_path)
    assert "already downloaded: a/b." in out


def test_the_caller_can_stop_a_download(hub, tmp_path):
    code = """
from attnwidget import models
class Stop(Exception): pass
def stop(progress):
    if progress.done: raise Stop
try:
    models.load_model("a/b", progress=stop)
except Stop:
    print("stopped", models.needs_download("a/b"))
"""
    assert python(code, hub.url, tmp_path)[0].split() == ["stopped", "True"]


def test_what_the_hub_refuses(hub, tmp_path):
    names = ["no/such", "gated/model", "down/down", "not a name"]
    out, _ = python(SAY.format(names=names), hub.url, tmp_path)
    missing, gated, down, invalid = out.splitlines()
    assert "no such model on the Hugging Face Hub" in missing
    assert "gated: get access at" in gated
    assert "status 503" in down
    assert "neither a folder nor a possible name" in invalid


def test_a_hub_model_without_tokenizer(hub, tmp_path):
    hub.handler.hidden = frozenset({"tokenizer.json", "tokenizer_config.json"})
    out, _ = python(SAY.format(names=["a/b"]), hub.url, tmp_path)
    assert "it lacks a tokenizer" in out
    assert not any("/resolve/" in path for path in hub.handler.asked)


def test_no_network_is_said_quickly(tmp_path):
    out, seconds = python(SAY.format(names=["gpt2"]), CLOSED, tmp_path)
    assert "'gpt2': not downloaded yet, and the Hugging Face Hub cannot be reached" in out
    assert "demo/causal" in out
    assert seconds < 10


IN_A_NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
shell.run_cell("from attnwidget import AttentionWidget")
shell.run_cell("AttentionWidget('The cat sat', model='gpt2').trace")
"""


def test_in_a_notebook_a_missing_model_is_one_sentence(tmp_path):
    out, _ = python(IN_A_NOTEBOOK, CLOSED, tmp_path)
    lines = out.strip().splitlines()
    assert len(lines) == 1, out
    assert lines[0].startswith("ModelUnavailable: 'gpt2': not downloaded yet")


def test_offline_by_wish(tmp_path):
    out, seconds = python(SAY.format(names=["gpt2"]), CLOSED, tmp_path, HF_HUB_OFFLINE="1")
    assert "HF_HUB_OFFLINE forbids asking" in out
    assert seconds < 10


def test_a_folder_without_tokenizer_takes_the_callers(tmp_path: Path) -> None:
    _, tokenizer = models.load_model("demo/causal")
    for name in ("config.json", "model.safetensors"):
        shutil.copy(models.BUNDLED["demo/causal"] / name, tmp_path)
    _, taken = models.load_model(tmp_path, tokenizer=tokenizer)
    assert taken is tokenizer


def test_models_are_loaded_one_at_a_time():
    """transformers' own loading is not safe in several threads: it would leave its classes changed behind."""
    from transformers import PreTrainedModel

    before = PreTrainedModel.tie_weights
    with ThreadPoolExecutor(3) as pool:
        found = [job.result() for job in [pool.submit(models.load_model, name) for name in [*BUNDLED] * 3]]
    assert PreTrainedModel.tie_weights is before
    for model, _ in found:
        assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


def test_a_tokenizer_of_ones_own_is_not_handed_on():
    model, own = models.load_shared("demo/causal", tokenizer=tiny.tokenizer())
    other, tokenizer = models.load_shared("demo/causal")
    assert other is not model
    assert tokenizer is not own
    assert models.load_shared("demo/causal") == (other, tokenizer)


@pytest.mark.parametrize("write", [str, Path, lambda folder: f"{folder.parent}/./{folder.name}"])
def test_a_folder_is_shared_while_somebody_holds_its_model(saved, write):
    model, tokenizer = models.load_shared(write(saved))
    assert models.load_shared(saved) == (model, tokenizer)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert models.load_shared(saved)[0] is not None


def longer(folder):
    with (folder / "config.json").open("a") as file:
        file.write(" ")


def later(folder):
    file = folder / "model.safetensors"
    file.touch()  # of the same size, as weights are that were trained on
    about = file.stat()
    os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns + 1))


def more(folder):
    (folder / "generation_config.json").write_text("{}")


@pytest.mark.parametrize("change", [longer, later, more])
def test_a_folder_with_a_changed_file_is_read_anew(saved, change):
    model, _ = models.load_shared(saved)
    change(saved)
    other, _ = models.load_shared(saved)
    assert other is not model
    assert models.load_shared(saved)[0] is other
