// What the reader is asked: the question, and beside it Check, Hint and Show me. The answer is what is selected.

import { useSignal } from "@preact/signals";
import { fieldsOf, judged, styled, takesModel } from "../../layout/questions";
import { type Tokens, tokensOf } from "../../layout/units";
import type { Context } from "../../parts/context";
import { handOver } from "../../parts/keep-focus";
import type { Panel, PanelProps } from "../../parts/panel";
import { type Answered, type PosedQuestion, SELECTION, type Selection } from "../../wire/schema";
import css from "./ask.css";

function Asked({ context }: PanelProps) {
  const questions = context.state.kernel.posed.value?.questions ?? [];
  return questions.length > 0 ? <Bar context={context} questions={questions} /> : null;
}

/** What a reader did here; the kernel's own note of it comes later, and on a saved page never. */
interface Did {
  right: boolean;
  hinted: boolean;
  /** The fields that were judged, and what was said of them: true until they change. */
  judged: { of: string; says: string; right: boolean; isShown?: true } | null;
}

const NOTHING: Did = { right: false, hinted: false, judged: null };

function Bar({ context, questions }: { context: Context; questions: PosedQuestion[] }) {
  const { state, client, problem } = context;
  const chosen = useSignal("");
  const here = useSignal<Record<string, Did>>({});
  const isRight = (one: PosedQuestion) => one.right || here.value[one.name]?.right === true;
  // Where the reader is; else the first that is open, or the last.
  const question = (questions.find((one) => one.name === chosen.value) ??
    questions.find((one) => !isRight(one)) ??
    questions.at(-1)) as PosedQuestion;
  const at = questions.indexOf(question);
  const did = here.value[question.name] ?? NOTHING;
  const isPage = state.kernel.outline.value?.page != null;
  const cannot = isPage && takesModel(question);
  const selection = Object.fromEntries(
    SELECTION.map((name) => [name, state.traits[name].value]),
  ) as unknown as Selection;
  const now = JSON.stringify(fieldsOf(question).map((name) => selection[name as keyof Selection]));
  const verdict = did.judged?.of === now ? did.judged : null;

  const note = (kind: Answered["kind"], found: Partial<Did>, of: Selection = selection) => {
    chosen.value = question.name;
    here.value = { ...here.value, [question.name]: { ...did, ...found } };
    client.ask("answered", { name: question.name, kind, selection: of }, { quiet: true }).catch(() => {});
  };
  const verdictOn = (of: Selection) => {
    const { queries, keys } = state.kernel.outline.value ?? {};
    const read = queries ? tokensOf(queries) : null;
    const texts = (side: Tokens | null) => side?.tokens ?? [];
    const { right, says } = judged(
      question,
      { ...of },
      { queries: texts(read), keys: texts(keys ? tokensOf(keys) : read) },
    );
    const fields = JSON.stringify(fieldsOf(question).map((name) => of[name as keyof Selection]));
    return { right: did.right || right, judged: { of: fields, says, right } };
  };
  const show = () => {
    if (!question.show) return;
    state.set(question.show);
    const after = Object.fromEntries(SELECTION.map((name) => [name, state.traits[name].value])) as unknown as Selection;
    const { judged: found } = verdictOn(after);
    // The words of another side come with it.
    const isHere = after.side === selection.side;
    const says = isHere ? found.says.replace(/^Right\b/, "This is an answer") : "This is an answer, as it is drawn.";
    note("show", { judged: { ...found, says, isShown: true } }, after);
  };
  const go = (to: number) => {
    chosen.value = questions[to]?.name ?? "";
  };
  const isDone = isRight(question);
  return (
    <section class="asked reading-line" aria-label="question" data-right={isDone}>
      {questions.length > 1 && (
        <span class="which">
          <button type="button" aria-label="previous question" disabled={at === 0} onClick={() => go(at - 1)}>
            ‹
          </button>
          <span>
            {at + 1} of {questions.length}
          </span>
          <button
            type="button"
            aria-label="next question"
            class={isDone && at < questions.length - 1 ? "ahead" : undefined}
            disabled={at === questions.length - 1}
            onClick={() => go(at + 1)}
          >
            ›
          </button>
        </span>
      )}
      <p class="question" dir="auto">
        <Styled text={question.text} />
      </p>
      {question.elsewhere ? (
        <p class="said">
          This is about {question.about ? <bdi>“{question.about}”</bdi> : "what was on screen before"}.{" "}
          <button
            type="button"
            class="small-button"
            onClick={(event) => {
              handOver(event.currentTarget);
              client.ask("putBack", { name: question.name }).catch((error: Error) => {
                problem.value = error.message;
              });
            }}
          >
            Put it back
          </button>
        </p>
      ) : (
        <span class="doing">
          <button
            type="button"
            class="check"
            disabled={cannot}
            onClick={() => {
              if (!verdict || verdict.isShown) note("check", verdictOn(selection)); // the same is no second try
            }}
          >
            Check
          </button>
          {question.hint && !isDone && (
            <button type="button" aria-expanded={did.hinted} onClick={() => note("hint", { hinted: !did.hinted })}>
              Hint
            </button>
          )}
          {question.show && (
            <button type="button" disabled={cannot} onClick={show}>
              Show me
            </button>
          )}
        </span>
      )}
      {!question.elsewhere && (
        <div class="said" aria-live="polite">
          {cannot && <p>This one takes a model that runs: open the lesson in a notebook.</p>}
          {verdict && (
            <p class={verdict.right ? "is-right" : undefined}>
              <Styled text={verdict.says} />
            </p>
          )}
          {!verdict && isDone && (
            <p class="is-right">
              Answered. <Styled text={question.because} />
            </p>
          )}
          {did.hinted && !isDone && (
            <p>
              <Styled text={question.hint} />
            </p>
          )}
        </div>
      )}
    </section>
  );
}

/** Text with its emphasis: nothing in it is markup. */
function Styled({ text }: { text: string }) {
  return <>{styled(text).map(({ text: one, strong }, at) => (strong ? <em key={at}>{one}</em> : one))}</>;
}

export const asked: Panel = { place: "reading", css, Component: Asked };
