import type { Clock } from '../world/clock.ts';
import { between, type Random } from '../world/random.ts';

type Operation<Item> =
  | { readonly kind: 'append'; readonly items: readonly Item[]; readonly done: () => void }
  | { readonly kind: 'truncate'; readonly length: number };

/**
 * An append-only file with a page cache. Operations reach the platter in order and in groups, some time
 * after they were asked for; a crash loses those that had not.
 */
export class Disk<Item> {
  /** How long a flush takes, in milliseconds. */
  latency: readonly [min: number, max: number];
  /** What is on the platter, by number; `start` is the number of the first item. */
  readonly flushed: Item[] = [];
  start: number;
  readonly #clock: Clock;
  readonly #random: Random;
  #pending: Operation<Item>[] = [];
  #flushing = false;
  #stalledUntil = 0;
  #crashed = false;
  #generation = 0;

  constructor(world: {
    readonly clock: Clock;
    readonly random: Random;
    readonly latency: readonly [number, number];
    readonly start: number;
  }) {
    this.#clock = world.clock;
    this.#random = world.random;
    this.latency = world.latency;
    this.start = world.start;
  }

  /** `done` is called once the items are flushed; only for the last append of a group. */
  append(items: readonly Item[], done: () => void): void {
    this.#pending.push({ kind: 'append', items, done });
    this.#flush();
  }

  /** Forgets every item from number `end` on. */
  truncate(end: number): void {
    this.#pending.push({ kind: 'truncate', length: end - this.start });
    this.#flush();
  }

  /** The file is replaced by one that starts at number `start`. */
  reset(start: number): void {
    this.#generation++;
    this.#pending = [];
    this.#flushing = false;
    this.flushed.length = 0;
    this.start = start;
  }

  /** Nothing is flushed for a while. */
  stall(ms: number): void {
    this.#stalledUntil = Math.max(this.#stalledUntil, this.#clock.now + ms);
  }

  /** What was not flushed is lost, though the first of it may have been written. No answer comes any more. */
  crash(): void {
    this.#crashed = true;
    const survivors = between(this.#random, 0, this.#pending.length);
    for (const operation of this.#pending.slice(0, survivors)) this.#apply(operation);
    this.#pending = [];
  }

  /** The flushed item of this number. */
  at(number: number): Item | undefined {
    return this.flushed[number - this.start];
  }

  #flush(): void {
    if (this.#flushing || this.#crashed || this.#pending.length === 0) return;
    this.#flushing = true;
    const group = this.#pending.length;
    const generation = this.#generation;
    const stall = Math.max(0, this.#stalledUntil - this.#clock.now);
    this.#clock.after(stall + between(this.#random, this.latency[0], this.latency[1]), () => {
      if (this.#crashed || generation !== this.#generation) return;
      this.#flushing = false;
      let done: (() => void) | null = null;
      for (const operation of this.#pending.splice(0, group)) {
        this.#apply(operation);
        if (operation.kind === 'append') done = operation.done;
      }
      done?.();
      this.#flush();
    });
  }

  #apply(operation: Operation<Item>): void {
    if (operation.kind === 'append') this.flushed.push(...operation.items);
    else this.flushed.length = Math.min(this.flushed.length, Math.max(0, operation.length));
  }
}
