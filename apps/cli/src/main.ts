import { run } from './program.ts';
import { nouns } from './table.ts';

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
