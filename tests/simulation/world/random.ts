/** A source of numbers in [0, 1), the same for the same seed on every machine. */
export type Random = () => number;

/** sfc32 over a seed that is spread over its state, so that neighbouring seeds have nothing in common. */
export function generator(seed: number | string): Random {
  let [a, b, c, d] = spread(String(seed));
  const next = () => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return (t >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/**
 * Independent sources for the parts of a simulation, so that one part drawing once more does not change
 * what the others see.
 */
export function split(seed: number | string, purpose: string): Random {
  return generator(`${seed}/${purpose}`);
}

/** A whole number from `min` to `max`, both included. */
export function between(random: Random, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

export function pick<T>(random: Random, from: readonly T[]): T | undefined {
  return from[Math.floor(random() * from.length)];
}

/** Four words of FNV-1a over the text, each begun differently. */
function spread(text: string): [number, number, number, number] {
  const word = (basis: number) => {
    let hash = basis;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash ^ (hash >>> 15);
  };
  return [word(0x811c9dc5), word(0x9e3779b9), word(0x85ebca6b), word(0xc2b2ae35)];
}
