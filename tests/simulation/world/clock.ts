/** Virtual time in milliseconds, and everything that is going to happen in it, in one order. */
export class Clock {
  now = 0;
  /** A binary heap by time, then by order of scheduling: two things never happen at once. */
  readonly #heap: Scheduled[] = [];
  #scheduled = 0;

  after(delay: number, action: () => void): void {
    const entry = { at: this.now + Math.max(0, delay), order: this.#scheduled++, action };
    let child = this.#heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (!isBefore(entry, this.#heap[parent]!)) break;
      this.#heap[child] = this.#heap[parent]!;
      child = parent;
    }
    this.#heap[child] = entry;
  }

  /** Lets everything happen that is due until `end`, including what that brings about. */
  runUntil(end: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#removeFirst();
      this.now = next.at;
      next.action();
    }
    this.now = end;
  }

  #removeFirst(): void {
    const last = this.#heap.pop()!;
    const { length } = this.#heap;
    if (length === 0) return;
    let parent = 0;
    for (;;) {
      let child = parent * 2 + 1;
      if (child >= length) break;
      if (child + 1 < length && isBefore(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (!isBefore(this.#heap[child]!, last)) break;
      this.#heap[parent] = this.#heap[child]!;
      parent = child;
    }
    this.#heap[parent] = last;
  }
}

interface Scheduled {
  readonly at: number;
  readonly order: number;
  readonly action: () => void;
}

function isBefore(a: Scheduled, b: Scheduled): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
