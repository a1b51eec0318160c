// The mean score of each layer: whether early, middle and late layers differ in kind.

import { type ReadonlySignal, useSignal } from "@preact/signals";
import { categoryColour } from "../../draw/colours";
import type { Theme } from "../../host";
import { type HeadCategories, layerMeans, nameOf, numberOf, OTHER } from "../../layout/categories";
import { briefScore } from "../../layout/numbers";
import { Swatch } from "../../parts/swatch";

interface Props {
  categories: HeadCategories | null;
  /** The category that is open in the panel: then its profile alone. */
  open: string | null;
  theme: ReadonlySignal<Theme>;
}

const COMPARED = ["Previous-Token", "Syntactic", "Bag-of-Words", "First/Positional"];
const TOP_MIN = 0.1; // scores below are not blown up to full height

export function Profile({ categories, open, theme }: Props) {
  const unfolded = useSignal(false);
  const layers = categories?.scores.layers ?? 0;
  return (
    <section class="profile">
      <button
        type="button"
        class="unfold"
        aria-expanded={unfolded.value}
        onClick={() => {
          unfolded.value = !unfolded.value;
        }}
      >
        by layer
      </button>
      {unfolded.value && categories && (
        <div class="measured">
          <Charts categories={categories} shown={compared(categories, open)} theme={theme.value} />
          <p class="axis">
            <span>layer 0</span>
            {layers > 1 && <span>{layers - 1}</span>}
          </p>
          <p class="fine">
            A common claim: early layers look locally, middle ones along grammar, late ones at meaning. This is what
            these heads score; it may not hold.
          </p>
        </div>
      )}
    </section>
  );
}

function compared(categories: HeadCategories, open: string | null): number[] {
  const alone = numberOf(categories, open);
  if (alone !== null && alone !== OTHER) return [alone];
  return COMPARED.map((name) => numberOf(categories, name)).filter((at) => at !== null);
}

interface ChartsProps {
  categories: HeadCategories;
  shown: number[];
  theme: Theme;
}

const [WIDE, HIGH] = [180, 26];

/** One small chart under the other, all to one scale. */
function Charts({ categories, shown, theme }: ChartsProps) {
  const means = shown.map((category) => layerMeans(categories.scores, category));
  const known = means.flat().filter((mean) => !Number.isNaN(mean));
  const top = Math.max(TOP_MIN, ...known);
  const low = Math.min(0, ...known);
  const y = (mean: number) => (HIGH * (top - mean)) / (top - low);
  return (
    <>
      {shown.map((category, nth) => {
        const ofLayers = means[nth] as number[];
        const name = nameOf(categories, category);
        const measured = ofLayers.some((mean) => !Number.isNaN(mean));
        const step = WIDE / ofLayers.length;
        return (
          <figure key={name}>
            <figcaption>
              <Swatch categories={categories} category={category} theme={theme} />
              <bdi>{name}</bdi>
              <span class="hint">
                {measured ? `at most ${briefScore(Math.max(...ofLayers.filter(isNumber)))}` : "not measured"}
              </span>
            </figcaption>
            <svg
              viewBox={`0 0 ${WIDE} ${HIGH}`}
              preserveAspectRatio="none"
              role="img"
              aria-label={`${name}, mean score by layer: ${ofLayers.map(briefScore).join(", ")}`}
            >
              {ofLayers.filter(isNumber).length > 0 &&
                ofLayers.map((mean, layer) => (
                  <rect
                    key={layer}
                    x={layer * step + step * 0.08}
                    width={step * 0.84}
                    y={isNumber(mean) ? Math.min(y(mean), y(0)) : y(0)}
                    height={isNumber(mean) ? Math.max(0.75, Math.abs(y(mean) - y(0))) : 0}
                    fill={categoryColour(categories, category, theme) ?? "currentColor"}
                  >
                    <title>{`layer ${layer}: ${briefScore(mean)}`}</title>
                  </rect>
                ))}
              <line x1="0" x2={WIDE} y1={y(0)} y2={y(0)} />
            </svg>
          </figure>
        );
      })}
    </>
  );
}

const isNumber = (mean: number): boolean => !Number.isNaN(mean);
