import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { reference } from './reference.ts';
import { nouns } from './table.ts';

/** Where the reference lies. */
export const referenceFile = fileURLToPath(new URL('../../../docs/use/cli.md', import.meta.url));

/** A process that does nothing: help needs none. */
export const silent = {
  directory: '/',
  environment: {},
  progress: () => undefined,
  readStdin: async () => new Uint8Array(),
  untilStopped: async () => undefined,
};

if (import.meta.main) writeFileSync(referenceFile, await reference(nouns, silent));
