import { createHash, hash } from 'node:crypto';

/** What happened, line by line: always as a digest, and as text when somebody wants to read it. */
export class Trace {
  readonly #digest = createHash('sha256');
  readonly #write: ((line: string) => void) | null;

  constructor(write: ((line: string) => void) | null) {
    this.#write = write;
  }

  /** Adds a line; bytes stand in it by their length and digest. */
  add(now: number, who: string, what: string, ...details: readonly (string | number | Uint8Array)[]): void {
    const shown = details.map((detail) => (detail instanceof Uint8Array ? shortDigest(detail) : `${detail}`));
    const line = `${now.toFixed(3).padStart(12)} ${who.padEnd(8)} ${what.padEnd(16)} ${shown.join(' ')}`;
    this.#digest.update(line).update('\n');
    this.#write?.(line);
  }

  /** Equal for equal runs. Ends the trace. */
  fingerprint(): string {
    return this.#digest.digest('hex');
  }
}

function shortDigest(bytes: Uint8Array): string {
  return `[${bytes.length} ${hash('sha256', bytes, 'hex').slice(0, 12)}]`;
}
