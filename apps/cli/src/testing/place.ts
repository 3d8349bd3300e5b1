import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Ending, run } from '../program.ts';
import { nouns } from '../table.ts';

/** A folder of its own, with a configuration of its own, removed when it is disposed of. */
export interface Place extends Disposable {
  readonly directory: string;
  coco(...words: string[]): Promise<Ending>;
  /** The same with --json; the parsed output. */
  json(...words: string[]): Promise<{ code: number; value: Record<string, unknown> }>;
  file(name: string): string;
  /** What commands said on their way so far. */
  readonly progress: string[];
  /** Presses Ctrl-C. */
  stop(): void;
}

/** Makes a place to run commands in. */
export function place(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'coco-cli-'));
  const stopped = Promise.withResolvers<void>();
  const progress: string[] = [];
  const io = {
    directory,
    environment: { COCO_HOME: join(directory, 'home') },
    progress: (line: string) => void progress.push(line),
    readStdin: async () => new Uint8Array(),
    untilStopped: () => stopped.promise,
  };
  const coco = (...words: string[]) => run(nouns, words, io);
  return {
    directory,
    coco,
    json: async (...words) => {
      const { code, error, out } = await coco(...words, '--json');
      assert.notEqual(out, '', error);
      return { code, value: JSON.parse(out) as Record<string, unknown> };
    },
    file: (name) => join(directory, name),
    progress,
    stop: stopped.resolve,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}
