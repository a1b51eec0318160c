"""What would not fit is said before the work starts, with the numbers."""

from pathlib import Path

import pytest
import torch

import tiny
from attnwidget import AttentionWidget
from attnwidget.capture import capture, memory
from attnwidget.capture.memory import check_fits, free_memory


@pytest.fixture
def free(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Set how much memory seems to be free."""

    def setting(available: int, bound: str = "max", used: int = 0) -> None:
        (tmp_path / "meminfo").write_text(f"MemTotal: 99 kB\nMemAvailable: {available // 1024} kB\n")
        (tmp_path / "memory.max").write_text(f"{bound}\n")
        (tmp_path / "memory.current").write_text(f"{used}\n")
        monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
        monkeypatch.setattr(memory, "_CGROUP", tmp_path)

    return setting


CPU = torch.device("cpu")
TEXT = "a" * 60


@pytest.mark.parametrize("build", [tiny.gpt2, tiny.llama])
def test_the_estimate_is_what_a_capture_keeps(build, free) -> None:
    model, tokenizer = build(), tiny.tokenizer()
    for values, layers in ((True, None), (False, None), (True, [0, 2])):
        free(1 << 30)
        trace = capture(model, TEXT, tokenizer=tokenizer, values=values, layers=layers)
        kept = sum(
            tensor.numel() * 4
            for layer in trace._layers["self"]
            for tensor in (getattr(layer, name, None) for name in ("q", "k", "v"))
            if tensor is not None
        )
        free(kept + 1024)
        capture(model, TEXT, tokenizer=tokenizer, values=values, layers=layers)
        free(kept - 1024)
        with pytest.raises(MemoryError, match="60 tokens"):
            capture(model, TEXT, tokenizer=tokenizer, values=values, layers=layers)


def test_it_is_said_before_the_pass_with_what_to_do(free) -> None:
    model = tiny.gpt2()
    free(40_960)
    model.forward = lambda *_, **__: pytest.fail("it ran")
    with pytest.raises(MemoryError) as raised:
        capture(model, TEXT, tokenizer=tiny.tokenizer())
    assert str(raised.value) == (
        "Queries, keys and values of 60 tokens in 3 layers take 69 kB, and 41 kB are free: keep fewer layers, as in "
        "layers=range(1), leave out the values (values=False takes 46 kB), or take a shorter text"
    )
    with pytest.raises(MemoryError, match="Queries and keys of 60 tokens in 3 layers take 46 kB"):
        capture(model, TEXT, tokenizer=tiny.tokenizer(), values=False)


def test_the_widget_says_it_and_keeps_its_picture(free) -> None:
    widget = AttentionWidget("abc", model=tiny.gpt2(), tokenizer=tiny.tokenizer(), probe=False)
    free(10_000)
    with pytest.raises(Exception, match="and 9 kB are free"):
        widget.text = TEXT
    assert widget.text == "abc"
    assert "are free" in widget._status["message"]


def test_a_containers_bound_counts(free) -> None:
    free(1 << 30, str(1 << 20), 1 << 19)
    assert free_memory(CPU) == 1 << 19
    free(1 << 18, str(1 << 20), 1 << 19)
    assert free_memory(CPU) == 1 << 18
    free(1 << 20)
    assert free_memory(CPU) == 1 << 20


def test_where_nothing_tells_nothing_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free) -> None:
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    assert free_memory(CPU) is None
    assert free_memory(torch.device("meta")) is None
    check_fits(tiny.gpt2().config, torch.float32, CPU, 10**15, layers=None, values=True)
    free(0)
    check_fits(object(), torch.float32, CPU, 10**15, layers=None, values=True)


def test_layers_without_attention_take_nothing(free) -> None:
    config = tiny.gpt2().config
    config.layer_types = ["linear_attention", "full_attention", "linear_attention"]
    free(30_000)
    check_fits(config, torch.float32, CPU, 60, layers=None, values=True)  # 23 kB
    free(20_000)
    with pytest.raises(MemoryError, match="in 1 layer take 23 kB"):
        check_fits(config, torch.float32, CPU, 60, layers=None, values=True)
