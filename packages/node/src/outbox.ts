import type { Effect, LogLevel } from './effect.ts';

/** Effects of the current step, in the order in which the world must carry them out. */
export class Outbox {
  #effects: Effect[] = [];

  /** Whether somebody is answered in this step. */
  get answers(): boolean {
    return this.#effects.some(({ kind }) => kind === 'respond');
  }

  push(effect: Effect): void {
    this.#effects.push(effect);
  }

  log(level: LogLevel, message: string, source: 'node' | 'app' | 'governance' = 'node'): void {
    this.#effects.push({ kind: 'log', level, source, message });
  }

  /** Hands over what has gathered and begins anew. */
  take(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
