// The scale of numbers of either sign: as long below 0 as above it, and what its ends mean.

import type { Signs } from "../draw/colours";
import { figure } from "../layout/numbers";
import { endsInWords, type Scale } from "../layout/scale";

interface Props {
  scale: Scale;
  /** The size of number at its ends. */
  limit: number;
  signs: Signs;
  /** How much of the colour the strongest has, in per cent. */
  strength?: number;
}

export function SignRamp({ scale, limit, signs: { negative, positive }, strength = 100 }: Props) {
  const [low, high] = endsInWords(scale, figure(limit, 3));
  const [from, to] = [negative, positive].map((one) => `color-mix(in srgb, ${one} ${strength}%, transparent)`);
  return (
    <span class="sign-ramp" role="img" aria-label={`${scale.label}: ${low} to ${high}`}>
      {low}
      <i style={{ background: `linear-gradient(90deg, ${from}, transparent, ${to})` }} />
      {high}
    </span>
  );
}
