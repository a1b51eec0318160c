// What tells heads apart without colour: each line of a few heads ends in a mark of its own.

/** As a path around a point, `r` to its rim: for a canvas and for SVG. */
const MARKS: ((x: number, y: number, r: number) => string)[] = [
  (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`, // disc
  (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`, // square
  (x, y, r) => `M${x} ${y - 1.2 * r}l${1.2 * r} ${2.2 * r}h${-2.4 * r}z`, // triangle
  (x, y, r) => {
    const [long, short] = [1.25 * r, 0.42 * r]; // cross
    return `M${x - short} ${y - long}h${2 * short}v${long - short}h${long - short}v${2 * short}h${short - long}v${long - short}h${-2 * short}v${short - long}h${short - long}v${-2 * short}h${long - short}z`;
  },
];

export const markPath = (mark: number, x: number, y: number, r: number): string =>
  (MARKS[mark % MARKS.length] as (typeof MARKS)[number])(x, y, r);
