import type { ByteString } from './bytes.ts';
import type { Interval } from './cursor.ts';

/** An interval of keys with something known of it. */
export interface Known<T> {
  readonly interval: Interval;
  readonly about: T;
}

/**
 * Intervals by the keys in them. They are put in order when first asked after one was added: intervals come one at a
 * time for days, and questions come seldom and many together.
 */
export class IntervalIndex<T> {
  readonly #byName = new Map<string, Known<T>>();
  /** Without an upper bound, by no order. */
  readonly #open: Known<T>[] = [];
  /** The others, ascending by lower bound once `#highest` is there. */
  readonly #closed: Known<T>[] = [];
  /** Highest upper bound up to each place of `#closed`. */
  #highest: ByteString[] | undefined;

  values(): IterableIterator<Known<T>> {
    return this.#byName.values();
  }

  /** What is known of an interval, made if nothing is. */
  at(interval: Interval, make: () => T): T {
    const { from, to } = interval;
    const name = `${from.length}:${from}${to === undefined ? '-' : `+${to}`}`;
    const known = this.#byName.get(name);
    if (known !== undefined) return known.about;
    const added = { interval, about: make() };
    this.#byName.set(name, added);
    (to === undefined ? this.#open : this.#closed).push(added);
    this.#highest = undefined;
    return added.about;
  }

  /** Calls `see` with what is known of each interval that holds the key. */
  eachAround(key: ByteString, see: (about: T) => void): void {
    for (const { about, interval } of this.#open) if (interval.from <= key) see(about);
    const highest = this.#order();
    for (let at = this.#lastFrom(key); at >= 0 && highest[at]! > key; at--) {
      const { about, interval } = this.#closed[at]!;
      if ((interval.to as ByteString) > key) see(about);
    }
  }

  #order(): readonly ByteString[] {
    if (this.#highest !== undefined) return this.#highest;
    this.#closed.sort(({ interval: a }, { interval: b }) => (a.from < b.from ? -1 : a.from > b.from ? 1 : 0));
    let highest = '';
    this.#highest = this.#closed.map(({ interval }) => {
      const to = interval.to as ByteString;
      if (to > highest) highest = to;
      return highest;
    });
    return this.#highest;
  }

  /** The last place whose interval begins at the key or before; -1 when there is none. */
  #lastFrom(key: ByteString): number {
    let [low, high] = [0, this.#closed.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#closed[middle]!.interval.from <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
