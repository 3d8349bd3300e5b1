/** How often each thing happened: the faults injected, and the rare states reached. */
export class Tally {
  readonly #counts = new Map<string, number>();

  add(what: string, times = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + times);
  }

  merge(other: Tally): void {
    for (const [what, times] of other) this.add(what, times);
  }

  [Symbol.iterator](): IterableIterator<readonly [what: string, times: number]> {
    return this.#counts[Symbol.iterator]();
  }

  get total(): number {
    let total = 0;
    for (const times of this.#counts.values()) total += times;
    return total;
  }

  count(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  toString(): string {
    const sorted = [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return sorted.map(([what, times]) => `${what} ${times}`).join(', ');
  }
}
