import type { Clock } from './clock.ts';

/** What a script waits for: it is told how to go on, and goes on the first time it is. */
export type Wait = (resume: (value?: unknown) => void) => void;

/** What somebody does over virtual time, as a generator that yields what it waits for. */
export type Script<Result = void> = Generator<Wait, Result, unknown>;

/** Plays a script to its first wait; the rest follows as it is resumed. */
export function play(script: Script<unknown>): void {
  proceed(script, undefined);
}

function proceed(script: Script<unknown>, value: unknown): void {
  const { done, value: wait } = script.next(value);
  if (done === true) return;
  let waiting = true;
  (wait as Wait)((next) => {
    if (!waiting) return;
    waiting = false;
    proceed(script, next);
  });
}

/** Waits a while. */
export function* sleep(clock: Clock, ms: number): Script {
  yield (resume) => clock.after(ms, resume);
}
