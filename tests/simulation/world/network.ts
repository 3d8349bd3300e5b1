import type { Clock } from './clock.ts';
import { between, type Random } from './random.ts';
import type { Tally } from './tally.ts';

/** How badly every link behaves. Probabilities are per message, times in milliseconds. */
export interface NetworkOptions {
  readonly latency: readonly [min: number, max: number];
  readonly loss: number;
  readonly repeat: number;
  /** A delayed message is overtaken by later ones. */
  readonly delay: number;
  readonly delayMax: number;
}

/** What links do when nothing is wrong. */
export const calmNetwork: NetworkOptions = { latency: [1, 3], loss: 0, repeat: 0, delay: 0, delayMax: 0 };

/**
 * A network of one-way links between named nodes. It loses, repeats, delays and reorders, can be cut in one
 * direction or both, and can be clogged: a clogged link keeps its messages until it is opened again.
 */
export class Network<Message> {
  options: NetworkOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #faults: Tally;
  readonly #deliver: (from: string, to: string, message: Message) => void;
  readonly #cut = new Set<string>();
  readonly #clogged = new Map<string, (() => void)[]>();

  constructor(world: {
    readonly options: NetworkOptions;
    readonly clock: Clock;
    readonly random: Random;
    readonly faults: Tally;
    readonly deliver: (from: string, to: string, message: Message) => void;
  }) {
    this.options = world.options;
    this.#clock = world.clock;
    this.#random = world.random;
    this.#faults = world.faults;
    this.#deliver = world.deliver;
  }

  send(from: string, to: string, message: Message): void {
    const { loss, repeat } = this.options;
    if (this.#cut.has(link(from, to))) {
      this.#faults.add('message cut off');
      return;
    }
    if (this.#random() < loss) {
      this.#faults.add('message lost');
      return;
    }
    this.#travel(from, to, message);
    if (this.#random() < repeat) {
      this.#faults.add('message repeated');
      this.#travel(from, to, message);
    }
  }

  cut(from: string, to: string): void {
    this.#cut.add(link(from, to));
  }

  mend(from: string, to: string): void {
    this.#cut.delete(link(from, to));
  }

  /** Whether a message would not even set out. */
  isCut(from: string, to: string): boolean {
    return this.#cut.has(link(from, to));
  }

  /** Cuts every link between the two sides, or only those from `a` to `b`. */
  partition(a: readonly string[], b: readonly string[], oneWay: boolean): void {
    this.#faults.add(oneWay ? 'one-way partition' : 'partition');
    for (const x of a) {
      for (const y of b) {
        this.cut(x, y);
        if (!oneWay) this.cut(y, x);
      }
    }
  }

  clog(from: string, to: string): void {
    this.#faults.add('link clogged');
    const key = link(from, to);
    if (!this.#clogged.has(key)) this.#clogged.set(key, []);
  }

  /** Mends every link; what was clogged arrives now. */
  heal(): void {
    this.#cut.clear();
    for (const held of this.#clogged.values()) for (const release of held) release();
    this.#clogged.clear();
  }

  #travel(from: string, to: string, message: Message): void {
    const { latency, delay, delayMax } = this.options;
    let ms = between(this.#random, latency[0], latency[1]);
    if (this.#random() < delay) {
      this.#faults.add('message delayed');
      ms += between(this.#random, 1, delayMax);
    }
    this.#clock.after(ms, () => {
      const held = this.#clogged.get(link(from, to));
      if (held === undefined) this.#deliver(from, to, message);
      else held.push(() => this.#clock.after(0, () => this.#deliver(from, to, message)));
    });
  }
}

function link(from: string, to: string): string {
  return `${from}>${to}`;
}
