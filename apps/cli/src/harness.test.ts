import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Ending, run } from './program.ts';
import { nouns } from './table.ts';

/** A folder of its own, with a configuration of its own, removed when it is disposed of. */
export interface Place extends Disposable {
  readonly directory: string;
  coco(...words: string[]): Promise<Ending>;
  /** The same with --json; the parsed output. */
  json(...words: string[]): Promise<{ code: number; value: Record<string, unknown> }>;
  file(name: string): string;
}

/** Makes a place to run commands in. */
export function place(): Place {
  const directory = mkdtempSync(join(tmpdir(), 'coco-cli-'));
  const io = {
    directory,
    environment: { COCO_HOME: join(directory, 'home') },
    progress: () => undefined,
    readStdin: async () => new Uint8Array(),
    untilStopped: async () => undefined,
  };
  const coco = (...words: string[]) => run(nouns, words, io);
  return {
    directory,
    coco,
    json: async (...words) => {
      const { code, out } = await coco(...words, '--json');
      return { code, value: JSON.parse(out) as Record<string, unknown> };
    },
    file: (name) => join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

test('a place runs commands in a folder of its own', async () => {
  using here = place();
  assert.equal((await here.coco('--help')).code, 0);
});
