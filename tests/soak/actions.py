"""What a reader may do. Each takes a browser and the dice, and returns False where there was nothing to do it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from soak.reader import Reader

TEXT = "the animal road cat dog sat on mat because it was too tired and slept , then woke up unbelievably happy ."
WORDS = TEXT.split()
FOREIGN = "der Hund schlief bereits auf dem Teppich"


def new_text(dice: Random) -> str:
    """Make a text; now and then one that scrolls."""
    return " ".join(dice.choices(WORDS, k=dice.choice([3, 8, 12, 12, 20, 30, 50])))


def some(reader: Reader, dice: Random, selector: str, **options: Any) -> bool:
    """Click one of the elements that can be clicked."""
    there = reader.candidates(selector)
    return bool(there) and reader.click(selector, dice.choice(there), **options)


def unfolded(reader: Reader, side: str, selector: str) -> None:
    """In a narrow place panels hide behind a button."""
    fold = f".{side} > .fold"
    if not reader.candidates(selector) and reader.candidates(fold):
        reader.click(fold, 0)


def shifted(dice: Random) -> dict[str, Any]:
    return {"modifiers": ["Shift"]} if dice.random() < 0.4 else {}


def text(reader: Reader, dice: Random) -> bool:
    box = reader.root.get_by_label("Text", exact=True)
    if not box.count():
        return False
    box.fill(new_text(dice))
    if dice.random() < 0.7:
        box.press("Enter")
    else:
        reader.root.locator(".run").click()
    return True


def example(reader: Reader, dice: Random) -> bool:
    menu = reader.root.get_by_label("Examples")
    menu.select_option(index=dice.randrange(1, menu.locator("option").count()), timeout=5000)
    return True


def head(reader: Reader, dice: Random) -> bool:
    unfolded(reader, "left", "[data-head]")
    return some(reader, dice, "[data-head]", **shifted(dice))


def head_by_key(reader: Reader, dice: Random) -> bool:
    unfolded(reader, "left", "[data-head]")
    if not some(reader, dice, "[data-head][tabindex='0']"):
        return False
    reader.page.keyboard.press(dice.choice(["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Shift+ArrowRight"]))
    return True


def layer(reader: Reader, dice: Random) -> bool:
    unfolded(reader, "left", "button.layer")
    return some(reader, dice, "button.layer")


def category(reader: Reader, dice: Random) -> bool:
    unfolded(reader, "right", "[data-category]")
    what = dice.choice(
        ["[data-category]", "[data-category]", ".member", ".kind-open .only input", ".all-kinds", ".unfold"]
    )
    return some(reader, dice, what) or some(reader, dice, "[data-category]")


def category_threshold(reader: Reader, dice: Random) -> bool:
    slider = ".kind-open input[type=range]"
    if not reader.candidates(slider):
        return False
    reader.nth(slider, 0).fill(str(dice.randrange(0, 101) / 100))
    return True


def pin(reader: Reader, dice: Random) -> bool:
    return some(reader, dice, ".lines-view [data-side]", **shifted(dice)) or some(
        reader, dice, ".breakdown [data-row] [data-side=key]"
    )


def pin_by_key(reader: Reader, dice: Random) -> bool:
    if not reader.candidates(".lines-view [data-side][tabindex='0']"):
        return False
    reader.nth(".lines-view [data-side][tabindex='0']", 0).focus()
    for _ in range(dice.randrange(4)):
        reader.page.keyboard.press(dice.choice(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "End", "Home"]))
    reader.page.keyboard.press(dice.choice(["Enter", "Shift+Enter", "Space"]))
    return True


def hover(reader: Reader, dice: Random) -> bool:
    what = dice.choice(["[data-side]", ".stage", "[data-row]", "[data-head]", "[data-step]"])
    there = reader.candidates(what)
    if not there:
        return False
    box = reader.nth(what, dice.choice(there)).bounding_box()
    if box:
        steps = dice.choice([1, 5])
        across, down = dice.random(), dice.random()
        reader.page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"], steps=steps)
    return bool(box)


def line(reader: Reader, dice: Random) -> bool:
    """Click somewhere among the lines: on one it pins a pair, beside them it takes the pins away."""
    if not reader.candidates(".stage"):
        return False
    stage = reader.nth(".scroll", 0)
    size = stage.evaluate("one => [one.clientWidth, one.clientHeight]")
    stage.click(position={"x": size[0] * (0.3 + 0.4 * dice.random()), "y": size[1] * dice.random()}, timeout=5000)
    return True


def scroll(reader: Reader, dice: Random) -> bool:
    if not reader.candidates(".scroll"):
        return False
    reader.nth(".scroll", 0).evaluate("(one, at) => { one.scrollTop = at * one.scrollHeight; }", dice.random())
    return True


def measure(reader: Reader, dice: Random) -> bool:
    menu = "select[aria-label=Measure]"
    if not reader.candidates(menu):
        return False
    names = reader.nth(menu, 0).evaluate("one => [...one.options].filter((o) => !o.disabled).map((o) => o.value)")
    reader.nth(menu, 0).select_option(dice.choice(names))
    return True


def view(reader: Reader, dice: Random) -> bool:
    return some(reader, dice, "[data-tab]")


def threshold(reader: Reader, dice: Random) -> bool:
    if not reader.candidates("input[aria-label=Threshold]"):
        return False
    reader.nth("input[aria-label=Threshold]", 0).fill(str(dice.randrange(0, 80) / 100))
    return True


def words(reader: Reader, dice: Random) -> bool:
    return some(reader, dice, ".controls > label:first-child input")


def hide(reader: Reader, dice: Random) -> bool:
    """Each token's own weight, or that on the first token."""
    return some(reader, dice, ".leave-out")


def together(reader: Reader, dice: Random) -> bool:
    """How many heads are one line, or several queries one row."""
    return some(reader, dice, ".taken button, .combine button")


def ranked(reader: Reader, dice: Random) -> bool:
    """A head in the list by the pinned pair's number, or the whole list."""
    unfolded(reader, "left", ".ranked")
    return some(reader, dice, dice.choice([".ranked", ".ranked", ".ranking .more"]), **shifted(dice))


def next_token(reader: Reader, dice: Random) -> bool:
    return some(reader, dice, ".next-button")


def unchanged(reader: Reader, dice: Random) -> bool:
    """Where a change of the text begins, beside why the row shown is as it was."""
    return some(reader, dice, ".unchanged button")


def foreign(reader: Reader, dice: Random) -> bool:  # noqa: ARG001
    """Run words that a model made for the examples does not know: a notice says so."""
    box = reader.root.get_by_label("Text", exact=True)
    if not box.count():
        return False
    box.fill(FOREIGN)
    box.press("Enter")
    return True


def attention(reader: Reader, dice: Random) -> bool:
    return some(reader, dice, ".options .choice button")


def strongest(reader: Reader, dice: Random) -> bool:
    return some(reader, dice, ".strongest button")


def escape(reader: Reader, dice: Random) -> bool:  # noqa: ARG001
    reader.nth("[data-tab][aria-selected=true]", 0).press("Escape")
    return True


def resize(reader: Reader, dice: Random) -> bool:
    reader.page.set_viewport_size({"width": dice.randrange(700, 1800), "height": dice.randrange(600, 1100)})
    return True


def step(reader: Reader, dice: Random) -> bool:
    """In the breakdown: a step, by chip, formula or key."""
    if not some(reader, dice, dice.choice(["[data-step]", "[data-part]"])):
        return False
    if dice.random() < 0.4:
        reader.page.keyboard.press(dice.choice(["1", "5", "7", "ArrowRight", "ArrowLeft"]))
    return True


def what_if(reader: Reader, dice: Random) -> bool:
    if not reader.candidates(".whatif"):
        return some(reader, dice, ".whatif-open")
    return some(
        reader, dice, dice.choice([".whatif .only input", ".edits button", ".reset", ".whatif-open", ".krow button"])
    )


def temperature(reader: Reader, dice: Random) -> bool:
    slider = "input[aria-label=Temperature]"
    there = reader.candidates(slider)
    if not there:
        return False
    reader.nth(slider, dice.choice(there)).fill(str(dice.randrange(-100, 101) / 100))
    return True


def python(reader: Reader, dice: Random) -> bool:
    """Set something in the kernel."""
    some_head = lambda: (dice.randrange(3), dice.randrange(4))  # noqa: E731
    code = dice.choice(
        [
            f"w.heads = [{some_head()}]",
            f"w.heads = [{some_head()}, {some_head()}]",
            f"w.heads = [({dice.randrange(3)}, head) for head in range(4)]",
            "w.heads = [(layer, head) for layer in range(2) for head in range(4)]",
            "w.queries, w.keys = [2, 1], []",
            f"w.layer = {dice.randrange(3)}",
            f"w.threshold = {dice.randrange(30) / 100}",
            f"w.text = {new_text(dice)!r}",
            "w.queries, w.keys = [0], []",
            "w.category = None",
            "w.view = 'lines'",
        ]
    )
    reader.run(code)
    return True


# How often each is done, in parts.
ACTIONS: dict[str, tuple[int, Callable[[Reader, Random], bool]]] = {
    "text": (6, text),
    "example": (3, example),
    "head": (14, head),
    "head by key": (3, head_by_key),
    "layer": (4, layer),
    "category": (8, category),
    "category's threshold": (3, category_threshold),
    "pin": (12, pin),
    "pin by key": (4, pin_by_key),
    "hover": (14, hover),
    "line": (4, line),
    "scroll": (2, scroll),
    "measure": (4, measure),
    "view": (6, view),
    "threshold": (4, threshold),
    "words": (3, words),
    "hide": (4, hide),
    "together": (4, together),
    "ranked": (6, ranked),
    "next token": (2, next_token),
    "unchanged": (3, unchanged),
    "foreign words": (1, foreign),
    "attention": (3, attention),
    "strongest pair": (3, strongest),
    "escape": (3, escape),
    "resize": (5, resize),
    "step": (6, step),
    "what if": (5, what_if),
    "temperature": (2, temperature),
    "python": (4, python),
}
