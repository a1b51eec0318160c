"""Measure a model's heads for its card, and write the evidence that ships beside it as heads.json.

python training/heads.py src/attnwidget/bundled/causal
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import attnwidget as aw
from attnwidget.heads.grammar import ANY, ENOUGH

TEXTS = (
    "The old man looked at the river for a long time, and then he walked slowly back to his house near the wood.",
    "When the children came home from school, their mother gave them bread and milk, and they told her of the dog.",
    "She opened the letter, read it twice, and put it into the fire without saying a word to her brother.",
    "The captain, who had not slept for two days, ordered his men to lower the boats as the storm grew worse.",
)
BEST = 5


def main(folder):
    name = f"demo/{folder.name}"
    model, tokenizer = aw.load_model(name)
    model.name_or_path = ""  # measured anew, not read from the old file
    probe = aw.probe_heads(model, tokenizer)
    (folder / "heads.json").write_text(replace(probe, model=name).to_json(), encoding="utf-8")
    tables = [aw.categorize(aw.capture(model, text, tokenizer=tokenizer), probe=probe) for text in TEXTS]
    for category in tables[0].categories:
        scores = {
            one.name: sum(table[one.name].scores[category.name] for table in tables) / len(tables) for one in tables[0]
        }
        best = sorted(scores, key=scores.__getitem__, reverse=True)[:BEST]
        print(f"| {category.name} | {', '.join(f'{head} {scores[head]:.2f}' for head in best)} |")
    print("\n| relation | direction | links | best head | right | best fixed distance | margin |")
    found = {}  # relation → its better direction
    syntax = probe.syntax
    for (relation, direction), links, fixed, right in zip(
        syntax.groups, syntax.counts.tolist(), syntax.baseline.tolist(), syntax.accuracy, strict=True
    ):
        layer, head = divmod(int(right.argmax()), right.shape[1])
        row = (right.max().item() - fixed, direction, int(links), f"L{layer}-H{head}", right.max().item(), fixed)
        if links >= ENOUGH and relation != ANY and row > found.get(relation, ()):
            found[relation] = row
    for relation, (margin, direction, links, head, right, fixed) in sorted(found.items(), key=lambda one: -one[1][0]):
        print(f"| {relation} | {direction} | {links} | {head} | {right:.0%} | {fixed:.0%} | {100 * margin:+.0f} |")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
