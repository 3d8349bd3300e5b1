import ivm from 'isolated-vm';
import { limits } from '../limits.ts';

/** What the two threads tell one another, by its place in the memory they share. */
const cell = {
  /** Number of the entry in progress; 0 for none, -1 for one that was ended. */
  entry: 0,
  /** 1 while somebody watches. */
  watched: 1,
  /** Nobody ever writes here: it is slept upon. */
  never: 2,
} as const;

/**
 * Ends an entry into an isolate that takes too long, by disposing of the isolate. A timer for each entry, as the isolate's
 * library offers it, costs more than most entries: it is set, and later wakes a thread to find that it is over. This one
 * thread looks up now and then for as long as there are entries, and ends the one that it has seen too often.
 */
export class Watchdog implements Disposable {
  readonly #isolate = new ivm.Isolate({ memoryLimit: 8 });
  readonly #state = new Int32Array(new SharedArrayBuffer(12));
  readonly #watch: ivm.Reference;
  #entry = 0;

  /** Watches over entries into `ward`, none of which may take longer than `limitMs`. */
  constructor(ward: ivm.Isolate, limitMs: number) {
    const pauseMs = Math.min(Math.max(limitMs / limits.watchdogLooks, 1), limits.watchdogPauseMsMax);
    const looks = Math.ceil(limitMs / pauseMs);
    const text = `((...given) => { const cell = ${JSON.stringify(cell)}; return () => (${watch})(...given); })`;
    const context = this.#isolate.createContextSync();
    const setUp = this.#isolate.compileScriptSync(text).runSync(context, { reference: true });
    const shared = new ivm.ExternalCopy(this.#state).copyInto();
    const given = [shared, ward, pauseMs, looks] as never;
    this.#watch = (setUp as unknown as ivm.Reference).applySync(undefined, given, {
      result: { reference: true },
    }) as ivm.Reference;
  }

  /** An entry begins. */
  begin(): void {
    this.#entry = (this.#entry % 2 ** 30) + 1;
    Atomics.store(this.#state, cell.entry, this.#entry);
    if (Atomics.load(this.#state, cell.watched) === 1) return;
    Atomics.store(this.#state, cell.watched, 1);
    this.#watch.applyIgnored(undefined, []);
  }

  /** The entry is over. False when it took too long: nothing that was made in the isolate is of use any more. */
  end(): boolean {
    return Atomics.compareExchange(this.#state, cell.entry, this.#entry, 0) === this.#entry;
  }

  [Symbol.dispose](): void {
    this.#isolate.dispose();
  }
}

/** Runs in the watchdog's own isolate and thread, as text, until it finds no entry in progress. */
function watch(state: Int32Array, ward: { dispose(): void }, pauseMs: number, looks: number): void {
  let entry = 0;
  let seen = 0;
  for (;;) {
    Atomics.wait(state, cell.never, 0, pauseMs);
    const present = Atomics.load(state, cell.entry);
    if (present === 0) {
      Atomics.store(state, cell.watched, 0);
      // One that began just now may have believed itself watched: unless it has woken somebody, that is still so.
      if (Atomics.load(state, cell.entry) === 0 || Atomics.exchange(state, cell.watched, 1) === 1) return;
      entry = 0;
      continue;
    }
    seen = present === entry ? seen + 1 : 0;
    entry = present;
    if (seen < looks) continue;
    if (Atomics.compareExchange(state, cell.entry, entry, -1) !== entry) continue;
    ward.dispose();
    return;
  }
}
