import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

// Halves the start of most commands. In the user's own folder: whoever can write to the cache of a tool
// that signs can have it sign.
const { XDG_CACHE_HOME } = process.env;
enableCompileCache(join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'coco'));

const [{ run }, { nouns }] = await Promise.all([import('./program.ts'), import('./table.ts')]);
const ending = await run(nouns, process.argv.slice(2), {
  directory: process.cwd(),
  environment: process.env,
  progress: (line) => process.stderr.write(`${line}\n`),
  readStdin: async () => {
    const parts: Buffer[] = [];
    for await (const part of process.stdin) parts.push(part as Buffer);
    return new Uint8Array(Buffer.concat(parts));
  },
  untilStopped: () =>
    new Promise((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    }),
});
process.stderr.write(ending.error);
process.exitCode = ending.code;
process.stdout.write(ending.out);
