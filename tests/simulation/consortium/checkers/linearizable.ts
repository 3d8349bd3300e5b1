import { type Operation, resultOf } from '../history.ts';

/**
 * Whether one order explains what clients of a register saw: each operation takes effect at one moment between its
 * beginning and its end. One whose fate is unknown may have taken effect at any time after it began, or never.
 *
 * The search is Wing and Gong's with Lowe's memory: what has taken effect, and the value it left, is tried once.
 *
 * @returns null, or the operations that could not be placed when the longest order found was at its end
 */
export function explain(operations: readonly Operation[]): readonly Operation[] | null {
  const found = new Set(operations.filter(isCertain).map(({ seen }) => seen));
  for (const { action } of operations) if (action.kind === 'swap') found.add(action.from);
  const candidates = operations
    .filter((operation) => isCertain(operation) || (isOpen(operation) && leavesOne(operation, found)))
    .sort((a, b) => a.invoked - b.invoked);
  return new Search(candidates).run();
}

/** Whether a value that this may have left was found by anybody: if not, it explains nothing. */
function leavesOne({ action }: Operation, found: ReadonlySet<string | null>): boolean {
  return action.kind !== 'read' && found.has(action.kind === 'write' ? action.value : action.to);
}

class Search {
  readonly #operations: readonly Operation[];
  readonly #tried = new Set<string>();
  readonly #done: boolean[];
  #deepest: readonly Operation[];
  /** How many that certainly happened are left to place; and at the best, so far. */
  #certain: number;
  #fewestLeft: number;

  constructor(operations: readonly Operation[]) {
    this.#operations = operations;
    this.#done = operations.map(() => false);
    this.#deepest = operations;
    this.#certain = operations.filter(isCertain).length;
    this.#fewestLeft = this.#certain;
  }

  run(): readonly Operation[] | null {
    return this.#place(null) ? null : this.#deepest;
  }

  /** Tries to place what is left, when the register holds `value`. An explicit stack: histories are long. */
  #place(initial: string | null): boolean {
    const stack: Frame[] = [{ value: initial, choices: this.#choices(), next: 0, placed: -1 }];
    for (;;) {
      if (this.#certain === 0) return true;
      const frame = stack.at(-1);
      if (frame === undefined) return false;
      const choice = frame.choices[frame.next++];
      if (choice === undefined) {
        stack.pop();
        if (frame.placed >= 0) this.#takeBack(frame.placed);
        continue;
      }
      const value = this.#effect(choice, frame);
      if (value === undefined) continue;
      this.#done[choice] = true;
      if (isCertain(this.#operations[choice]!)) this.#certain--;
      const isNew = this.#remember(value);
      if (!isNew) {
        this.#takeBack(choice);
        continue;
      }
      stack.push({ value, choices: this.#choices(), next: 0, placed: choice });
    }
  }

  #takeBack(choice: number): void {
    this.#done[choice] = false;
    if (isCertain(this.#operations[choice]!)) this.#certain++;
  }

  /**
   * The value afterwards; undefined when the operation cannot have happened now, or, its fate being unknown, need not
   * have: it explains something only by a new value that somebody else then finds.
   */
  #effect(choice: number, frame: Frame): string | null | undefined {
    const operation = this.#operations[choice]!;
    if (isCertain(operation)) {
      return operation.seen === frame.value ? (resultOf(operation, frame.value) ?? frame.value) : undefined;
    }
    const before = this.#operations[frame.placed];
    const isUnseen = before !== undefined && !isCertain(before);
    return isUnseen && operation.action.kind === 'write' ? undefined : resultOf(operation, frame.value);
  }

  /** Those that began before any that is left had ended. */
  #choices(): number[] {
    const choices: number[] = [];
    let firstEnd = Number.POSITIVE_INFINITY;
    for (let i = this.#firstLeft(); i < this.#operations.length; i++) {
      if (this.#done[i]) continue;
      const operation = this.#operations[i]!;
      if (operation.invoked > firstEnd) break;
      choices.push(i);
      if (isCertain(operation)) firstEnd = Math.min(firstEnd, operation.returned!);
    }
    return choices;
  }

  #firstLeft(): number {
    const first = this.#done.indexOf(false);
    return first < 0 ? this.#done.length : first;
  }

  /** Answers false when the same had taken effect before, and left the same value. */
  #remember(value: string | null): boolean {
    const first = this.#firstLeft();
    const last = this.#done.lastIndexOf(true);
    const scattered = this.#done
      .slice(first, last + 1)
      .map(Number)
      .join('');
    const key = `${first} ${scattered} ${value}`;
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    if (this.#certain < this.#fewestLeft) {
      this.#fewestLeft = this.#certain;
      this.#deepest = this.#operations.filter((_, i) => !this.#done[i]);
    }
    return true;
  }
}

interface Frame {
  readonly value: string | null;
  readonly choices: readonly number[];
  next: number;
  /** The operation whose effect led here; -1 at the beginning. */
  readonly placed: number;
}

/** Nobody can tell, or not yet, whether it happened. */
function isOpen({ outcome }: Operation): boolean {
  return outcome === 'unknown' || outcome === 'pending';
}

/** It happened, and what it saw is known. */
function isCertain({ outcome }: Operation): boolean {
  return outcome === 'committed';
}
