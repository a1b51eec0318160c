// A softmax to try out: words and scores of one's own. It runs here and asks nobody.

import { softmax } from "../../layout/steps";
import { NumberField } from "../../parts/number-field";
import type { BenchEntry, BreakdownStore } from "./store";
import { Temperature } from "./temperature";

const LEAST = 2;
const MOST = 8;

export function Bench({ entries, temperature }: BreakdownStore["bench"]) {
  const weights = softmax(
    entries.value.map(({ score }) => score),
    temperature.value,
  );
  const change = (id: number, patch: Partial<BenchEntry>) => {
    entries.value = entries.value.map((one) => (one.id === id ? { ...one, ...patch } : one));
  };
  return (
    <div class="bench">
      <h3>Softmax bench</h3>
      <table>
        <thead>
          <tr>
            <th>word</th>
            <th>score</th>
            <th colSpan={2}>share</th>
          </tr>
        </thead>
        <tbody>
          {entries.value.map(({ id, word, score }, at) => (
            <tr key={id}>
              <td>
                <input
                  class="word"
                  aria-label={`word ${at + 1}`}
                  value={word}
                  onInput={(event) => change(id, { word: event.currentTarget.value })}
                />
              </td>
              <td>
                <NumberField
                  label={`score of ${word}`}
                  step={0.1}
                  value={score}
                  onChange={(wanted) => change(id, { score: wanted })}
                />
              </td>
              <td class="share" data-share={word}>
                {(100 * (weights[at] ?? 0)).toFixed(1)} %
              </td>
              <td class="share-bar">
                <i class="wbar" style={{ "--long": weights[at] ?? 0 }} />
                {entries.value.length > LEAST && (
                  <button
                    type="button"
                    aria-label={`take out ${word}`}
                    onClick={() => {
                      entries.value = entries.value.filter((one) => one.id !== id);
                    }}
                  >
                    ×
                  </button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="bench-foot">
        <button
          type="button"
          class="small-button"
          disabled={entries.value.length >= MOST}
          onClick={() => {
            const id = Math.max(...entries.value.map((one) => one.id)) + 1;
            entries.value = [...entries.value, { id, word: `word ${id + 1}`, score: 0 }];
          }}
        >
          add a word
        </button>
        <Temperature
          value={temperature.value}
          plain="plain softmax"
          onChange={(value) => {
            temperature.value = value;
          }}
        />
      </div>
      <p class="fine">
        Texts often print 85 / 10 / 5 % for cat 0.9, mat 0.1, the 0.0. Softmax gives 53.9 / 24.2 / 21.9 %, and no
        temperature gives 85 / 10 / 5.
      </p>
    </div>
  );
}
