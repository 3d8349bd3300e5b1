// `coco dev --keep`: what was written the last time is there the next time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { run } from '../program.ts';
import { nouns } from '../table.ts';
import { place } from '../testing/place.ts';

const contract = fileURLToPath(new URL('../../../../samples/contracts/notes', import.meta.url));

test('a service goes on with its ledger', { timeout: 180_000 }, async () => {
  using here = place();
  const serving = async (work: () => Promise<void>): Promise<void> => {
    const stopped = Promise.withResolvers<void>();
    const lines: string[] = [];
    const io = {
      directory: here.directory,
      environment: { COCO_HOME: here.file('home') },
      progress: (line: string) => void lines.push(line),
      readStdin: async () => new Uint8Array(),
      untilStopped: () => stopped.promise,
    };
    const words = ['dev', '--js-app-bundle', contract, '--keep', '-n', '127.0.0.1:0'];
    const running = run(nouns, words, io);
    const ended = running.then(({ error, out }) =>
      assert.fail(`coco dev ended: ${error}${out}${lines.join('\n')}`),
    );
    try {
      while (!lines.some((line) => line.includes('Ctrl-C'))) await Promise.race([delay(20), ended]);
      await work();
    } finally {
      stopped.resolve();
      await running;
    }
  };
  const submit = ['transaction', 'submit', 'POST', '/app/notes', '--profile', 'dev'];
  const write = (text: string) => here.coco(...submit, '--data', JSON.stringify({ text }));
  await serving(async () => {
    const { code, error } = await write('kept');
    assert.equal(code, 0, error);
  });
  await serving(async () => {
    assert.equal((await write('new')).code, 0);
    const { out } = await here.coco('transaction', 'get', '/app/notes', '--profile', 'dev', '--json');
    const { body } = JSON.parse(out) as { body: { notes: { text: string }[] } };
    assert.deepEqual(
      body.notes.map(({ text }) => text),
      ['new', 'kept'],
    );
  });
});
