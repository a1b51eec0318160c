// What each step does, in a sentence, a paragraph or as a formula: all texts of the breakdown's steps.

import type { ComponentChildren } from "preact";
import { headName } from "../../layout/heads";
import { figure, percent, shortWeight } from "../../layout/numbers";
import { fractionsOf, isRoot, norm, type Step, type Steps, scaleName, strongestRow } from "../../layout/steps";
import type { Level, Shown } from "./store";

type Text = ComponentChildren;
interface Explanation {
  title: string;
  sentence: Text;
  paragraph: Text;
  formula: Text;
}

/** The names of the steps, on their buttons. */
export const STEP_NAMES: Record<Step, string> = {
  1: "Create Q, K, V",
  2: "Scores q·k",
  3: "Scale",
  4: "Mask",
  5: "Softmax",
  6: "Weight the values",
  7: "Concatenate heads and project",
};

export function explain(shown: Shown, steps: Steps, step: Step, level: Level): { title: string; text: Text } | null {
  if (level === "off") return null;
  const all = [create, score, scale, mask, soft, weigh, concatenate];
  const explanation = (all[step - 1] as (typeof all)[0])(shown, steps);
  return { title: explanation.title, text: explanation[level] };
}

// -- the words that stand for this very computation ------------------------------------------------------------------

/** The query, or "the mean of Harry and Potter". */
export function Query({ shown }: { shown: Shown }) {
  const { payload, queries } = shown;
  const names = <Names of={payload.queries.map((at) => queries.tokens[at])} />;
  return payload.queries.length === 1 ? (
    names
  ) : (
    <>
      the {payload.combine} of {names}
    </>
  );
}

function Names({ of }: { of: (string | undefined)[] }) {
  const names = of.map((text, at) => <Token key={at} text={text} />);
  return (
    <>
      {names.slice(0, 3).map((name, at) => [at > 0 && (at === names.length - 1 ? " and " : ", "), name])}
      {names.length > 3 && ` and ${names.length - 3} more`}
    </>
  );
}

export function Token({ text }: { text: string | undefined }) {
  return (
    <b>
      <bdi>{text ?? "?"}</bdi>
    </b>
  );
}

/** A module's path, which breaks after its dots. */
export function Path({ of }: { of: string }) {
  return (
    <code>
      {of.split(/(?<=\.)/).map((piece, at) => (
        <span key={at}>
          {piece}
          <wbr />
        </span>
      ))}
    </code>
  );
}

const best = (shown: Shown, steps: Steps) => {
  const row = strongestRow(steps.numbers);
  return { row, name: <Token text={shown.keys.tokens[steps.payload.rows[row] as number]} /> };
};

const V = ({ children, under }: { children: ComponentChildren; under?: ComponentChildren }) => (
  <i class="var">
    {children}
    {under && <sub>{under}</sub>}
  </i>
);

// -- 1 ----------------------------------------------------------------------------------------------------------------

function create(shown: Shown, { payload, dK, dV, numbers }: Steps): Explanation {
  const query = <Query shown={shown} />;
  const sharing = payload.sharedBy.length > 1;
  const [first = 0, last = 0] = [payload.sharedBy[0], payload.sharedBy.at(-1)];
  const same = "use the same keys and values";
  const group =
    sharing &&
    (payload.keyHeads === 1
      ? ` All ${payload.sharedBy.length} heads ${same} (multi-query attention).`
      : ` Heads ${first}${payload.sharedBy.length === 2 ? " and " : "–"}${last} ${same} (grouped-query attention: group ${payload.keyHead} of ${payload.keyHeads}).`);
  const cross = shown.outline.keys !== null;
  return {
    title: "Queries, keys, values.",
    sentence: cross ? (
      <>
        In this head every token of the target has a query, a list of numbers (what am I looking for?); every token of
        the source has two: a key (what do I contain?) and a value (what do I give?).{group}
      </>
    ) : (
      <>
        Every token has three lists of numbers in this head: a query (what am I looking for?), a key (what do I
        contain?) and a value (what do I give?).{group}
      </>
    ),
    paragraph: (
      <>
        The layer makes them from each token's vector, with learned matrices. The query of {query} says what it looks
        for, the key of each token what that token can be found by, the value what it hands on when it is attended to.
        As in a library: a question, the labels on the shelves, and what is in the books. Queries and keys have {dK}{" "}
        numbers here, values {dV}; blue is negative, red positive.{" "}
        {cross && "Queries come from the target, keys and values from the source. "}Shown as they are multiplied: after
        rotation, normalisation and whatever else the model does.{group}{" "}
        {numbers.bias && "The position enters later, as a bias on the scores."}
      </>
    ),
    formula: (
      <>
        <V>q</V> = <V>x W</V>
        <sub>Q</sub>, <V>k</V> = <V>{cross ? "y" : "x"} W</V>
        <sub>K</sub>, <V>v</V> = <V>{cross ? "y" : "x"} W</V>
        <sub>V</sub>
        {cross && " (y: the source)"} (+ biases, rotation, normalisation, where the model has them) · <V>q</V>, <V>k</V>{" "}
        ∈ ℝ<sup>{dK}</sup>, <V>v</V> ∈ ℝ<sup>{dV}</sup>
        {sharing && ` · ${payload.sharedBy.length} heads ${same}`}
      </>
    ),
  };
}

// -- 2 ----------------------------------------------------------------------------------------------------------------

function score(shown: Shown, steps: Steps): Explanation {
  const { dK, numbers, payload } = steps;
  const query = <Query shown={shown} />;
  const { row, name } = best(shown, steps);
  return {
    title: "Scores.",
    sentence: (
      <>
        The query of {query} is multiplied, number by number, with the key of every token, and the {dK} products are
        added up. A large sum means: this key answers what the query asks.
      </>
    ),
    paragraph: (
      <>
        Where query and key have the same sign in a dimension, the product is positive (red) and raises the score; where
        they differ, it is negative (blue) and lowers it. The sum over all {dK} dimensions is the dot product q·k: with{" "}
        {name} it is {figure(numbers.dots[row])}. Point at a row to see its products add up.
        {payload.queries.length > 1 &&
          ` Several queries are taken together: products and sums are their ${payload.combine}, over the queries that may see the key.`}
      </>
    ),
    formula: (
      <>
        <V>q</V>·<V>k</V> = <V under="0">q</V>
        <V under="0">k</V> + <V under="1">q</V>
        <V under="1">k</V> + … + <V under={dK - 1}>q</V>
        <V under={dK - 1}>k</V> · with {name}: {figure(numbers.dots[row])}
      </>
    ),
  };
}

// -- 3 ----------------------------------------------------------------------------------------------------------------

function scale(shown: Shown, steps: Steps): Explanation {
  const { payload, dK, numbers } = steps;
  const { row, name } = best(shown, steps);
  const root = isRoot(payload.scale, dK);
  const none = scaleName(payload.scale, dK) === "not scaled";
  const done = root ? `divided by √${dK} ≈ ${figure(Math.sqrt(dK))}` : `multiplied with ${figure(payload.scale)}`;
  const cap = payload.softcap !== null && (
    <> Then a soft cap bends them, so that none can pass ±{figure(payload.softcap)}.</>
  );
  const example = (
    <>
      {" "}
      With {name}, {figure(numbers.dots[row])} becomes {figure(numbers.scaled[row])}.
    </>
  );
  return {
    title: "Scale.",
    sentence: none ? (
      <>This model does not scale its scores: they go on as they are.{cap}</>
    ) : (
      <>
        The scores are {done}, so that long vectors do not make them too large for the softmax.
        {example}
        {cap}
      </>
    ),
    paragraph: none ? (
      <>
        Most models divide by √d, because sums over many dimensions grow large. This one does not; its weights have
        learned to do without.{cap}
      </>
    ) : (
      <>
        A sum of {dK} products spreads further the more dimensions there are: for independent numbers of size one, by
        about √{dK}. Unscaled, the softmax would give nearly all weight to the largest score and could hardly learn.{" "}
        {root
          ? `Hence every score is ${done}.`
          : `This model uses its own factor instead of 1/√${dK}: every score is ${done}.`}
        {example}
        {cap}
      </>
    ),
    formula: (
      <>
        <V>s</V> = <V>q</V>·<V>k</V> {none ? "(not scaled)" : scaleName(payload.scale, dK)}
        {payload.softcap !== null && ` · then c · tanh(s / c), c = ${figure(payload.softcap)}`} · with {name}:{" "}
        {figure(numbers.dots[row])} → {figure(numbers.capped?.[row] ?? numbers.scaled[row])}
      </>
    ),
  };
}

// -- 4 ----------------------------------------------------------------------------------------------------------------

function mask(shown: Shown, { payload, numbers }: Steps): Explanation {
  const query = <Query shown={shown} />;
  const { visible, masked } = payload;
  const bias = numbers.bias && " The model also adds a bias, by how far away each key is or as its mask says.";
  const all = masked === 0;
  const keys = (count: number) => `${count} ${count === 1 ? "key" : "keys"}`;
  const several = payload.queries.length > 1;
  const names = <Names of={payload.queries.map((at) => shown.queries.tokens[at])} />;
  const hidden = `${keys(masked)} of ${visible + masked} ${masked === 1 ? "is" : "are"} hidden from`;
  return {
    title: "Mask.",
    sentence: several ? (
      <>
        {all ? "No key is hidden from" : hidden} all of {names}
        {!all && <>: {masked === 1 ? "its weight is" : "their weights are"} 0</>}. A key that is hidden from some of
        them counts for the others.{bias}
      </>
    ) : all ? (
      <>
        Nothing is hidden here: {query} may attend to all {keys(visible)}.{bias}
      </>
    ) : (
      <>
        {hidden} {query}: {masked === 1 ? "its score becomes −∞, and so its" : "their scores become −∞, and so their"}{" "}
        weight 0.{bias}
      </>
    ),
    paragraph: (
      <>
        The mask says which keys a query may see at all; the rows of all queries are computed at once, each with what it
        may see. A model that writes text from left to right hides what comes later, some layers hide what is far away,
        and padding is hidden everywhere. A hidden key gets the score −∞, since exp(−∞) = 0: it takes no share.{" "}
        {several ? (
          <>
            Here at least one of {names} sees {all ? "every key" : `${visible}, none sees the other ${masked}`}. A key
            that is hidden from some of them counts for the others.
          </>
        ) : all ? (
          <>Here {query} sees every key, so nothing changes.</>
        ) : (
          <>
            Here {query} sees {visible} and not {masked}.
          </>
        )}
        {bias}
      </>
    ),
    formula: (
      <>
        <V>s</V> {numbers.bias && "+ bias "}+ mask, mask = 0 where the key is visible, −∞ where it is hidden ·{" "}
        {several ? `${masked} hidden from all` : `${visible} visible, ${masked} hidden`}
      </>
    ),
  };
}

// -- 5 ----------------------------------------------------------------------------------------------------------------

function soft(shown: Shown, steps: Steps): Explanation {
  const { payload, numbers } = steps;
  const { row, name } = best(shown, steps);
  const sink = payload.sink !== null && (
    <> A learned attention sink takes part and keeps {percent(payload.sink, 1)} for no token.</>
  );
  if (payload.queries.length > 1) {
    const several = (
      <>
        Each of the {payload.queries.length} queries has a softmax of its own; what is shown is the {payload.combine} of
        their weights, with the small bars for each one.{sink}
      </>
    );
    const part = payload.combine === "mean" ? `1/${payload.queries.length} · ` : "";
    return { title: "Softmax.", sentence: several, paragraph: several, formula: `${part}Σ over queries of softmax(s)` };
  }
  // A sink's logit takes part in the maximum, but has no row.
  const sinks = payload.sink !== null && (payload.maximum ?? 0) > Math.max(...numbers.scores) + 1e-5;
  const one = payload.sink === null ? "add up to 1" : "add up to 1 with the sink's";
  return {
    title: "Softmax.",
    sentence: (
      <>
        Softmax turns scores into shares that {one}: the largest, {name}, gets {shortWeight(numbers.weights[row])}.
        {sink}
      </>
    ),
    paragraph: (
      <>
        Each score goes through the exponential function, which makes all positive and large ones much larger; divided
        by their sum {figure(payload.total)} they become shares that {one}.{" "}
        {sinks ? "The sink's score, larger than that of any key," : "The largest score,"} {figure(payload.maximum)}, is
        subtracted from all first: that changes no share, and keeps the numbers from overflowing. {name} gets{" "}
        {figure(numbers.exponentials?.[row])} ÷ {figure(payload.total)} = {figure(numbers.weights[row])}.{sink}
      </>
    ),
    formula: (
      <>
        <V under="j">w</V> = exp(<V under="j">s</V> − max) / Σ<sub>i</sub> exp(<V under="i">s</V> − max) · max ={" "}
        {figure(payload.maximum)}
        {sinks && " (the sink's)"}, Σ = {figure(payload.total)}
        {payload.sink !== null && ` (sink ${figure(payload.sink)} of it)`} · {name}: {figure(numbers.weights[row])}
      </>
    ),
  };
}

// -- 6 ----------------------------------------------------------------------------------------------------------------

function weigh(shown: Shown, steps: Steps): Explanation {
  const { numbers, dV } = steps;
  const shares = fractionsOf(numbers.weightedNorms);
  const row = shares.indexOf(Math.max(...shares));
  const name = <Token text={shown.keys.tokens[steps.payload.rows[Math.max(0, row)] as number]} />;
  const query = <Query shown={shown} />;
  return {
    title: "Weight the values.",
    sentence: (
      <>
        Every token's value is multiplied with its weight, and all are added up, dimension by dimension: the head's
        output for {query}. The largest part comes from {name}.
      </>
    ),
    paragraph: (
      <>
        The weight says how much of a token's value is taken, the value what there is to take. The weights are made anew
        for every text, with the same matrices. A large weight on a value near zero moves nothing: hence the length
        (norm) of weight × value is the better measure of what a token gave; {name} has{" "}
        {figure(numbers.weightedNorms[row])} of it. Read downwards, the last column adds up to the head's output: {dV}{" "}
        numbers of length {figure(norm(numbers.headOutput))}.
      </>
    ),
    formula: (
      <>
        head output = Σ<sub>j</sub> <V under="j">w</V> <V under="j">v</V> ∈ ℝ<sup>{dV}</sup> · ‖<V>w v</V>‖ of {name}:{" "}
        {figure(numbers.weightedNorms[row])}
      </>
    ),
  };
}

// -- 7 ----------------------------------------------------------------------------------------------------------------

function concatenate(shown: Shown, { payload, numbers, dV }: Steps): Explanation {
  const heads = shown.outline.heads;
  const query = <Query shown={shown} />;
  const module = payload.projected.name && (
    <>
      {" "}
      (<Path of={payload.projected.name} />)
    </>
  );
  const own = numbers.headNorms?.[payload.head[1]];
  const { state, message } = payload.projected;
  return {
    title: "Concatenate and project.",
    sentence: (
      <>
        The {heads} heads' outputs are put side by side and multiplied with W<sub>O</sub>
        {module}: what the layer writes for {query}.
      </>
    ),
    paragraph: (
      <>
        {heads} × {dV} numbers stand side by side, one piece per head; nobody gave the heads their tasks, training did.
        The matrix W<sub>O</sub>
        {module} mixes them into one vector of the layer's width{payload.projected.hasBias && ", and adds a bias"}.{" "}
        {state === "missing" ? (
          <>What each head alone writes cannot be said here. {message}</>
        ) : (
          <>
            Since each head has its own rows of W<sub>O</sub>, one can say what each head alone writes
            {own !== undefined && (
              <>
                : {headName(payload.head)} a vector of length {figure(own)}
              </>
            )}
            . The sum of all is compared with what the model itself returned.
          </>
        )}
      </>
    ),
    formula: (
      <>
        output = [head<sub>0</sub> … head<sub>{heads - 1}</sub>] W<sub>O</sub>
        {payload.projected.hasBias && " + b"} = Σ<sub>h</sub> head<sub>h</sub> W<sub>O,h</sub>
        {payload.projected.hasBias && " + b"} · head<sub>h</sub> ∈ ℝ<sup>{dV}</sup>
      </>
    ),
  };
}
