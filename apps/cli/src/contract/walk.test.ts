// The commands of docs/write-contracts, as a reader would type them, in their order, against a real node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Place, place } from '../testing/place.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));
const page = readFileSync(`${root}/docs/write-contracts/README.md`, 'utf8');
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap(([, block = '']) =>
  block.trim().split('\n'),
);

/** Words as a shell would have them; the page quotes with single quotes only. */
function wordsOf(command: string): string[] {
  return [...command.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? word);
}

test('the page leads from nothing to a changed contract on a service', { timeout: 240_000 }, async () => {
  using here = place();
  // In place of `npm install`.
  symlinkSync(`${root}/node_modules`, here.file('node_modules'));
  let dev: { readonly running: ReturnType<Place['coco']> } | undefined;
  let transactionId = '';
  const outputs = new Map<string, string>();
  try {
    for (const command of commands) {
      const [program, ...words] = wordsOf(command.replace('2.35', transactionId));
      if (program !== 'coco') {
        execFileSync('sh', ['-c', command], { cwd: here.directory });
      } else if (words[0] === 'dev') {
        const running = here.coco(...words, '-n', '127.0.0.1:0');
        dev = { running };
        await serving(here, running);
      } else {
        const { code, out, error } = await here.coco(...words, '--json');
        assert.equal(code, 0, `${command}\n${error}${out}\n${here.progress.slice(-20).join('\n')}`);
        outputs.set(words.slice(0, 2).join(' '), out);
        const said = JSON.parse(out) as { transactionId?: string };
        if (words[1] === 'submit') transactionId = said.transactionId ?? '';
      }
    }
    const changed = JSON.parse(outputs.get('contract check') ?? '') as {
      endpoints: { changed: { route: string; aspects: string[] }[] };
    };
    assert.deepEqual(changed.endpoints.changed.find(({ route }) => route === 'POST /notes')?.aspects, [
      'schema',
    ]);
    const long = JSON.stringify({ text: 'x'.repeat(600) });
    const refused = await here.coco(
      'transaction',
      'submit',
      'POST',
      '/app/notes',
      '--data',
      long,
      '--profile',
      'dev',
    );
    assert.match(`${refused.out}${refused.error}`, /body\.text/);
  } finally {
    here.stop();
    await dev?.running;
  }
});

async function serving(here: Place, running: ReturnType<Place['coco']>): Promise<void> {
  const ended = running.then(({ error, out }) => assert.fail(`coco dev ended: ${error}${out}`));
  while (!here.progress.some((line) => line.includes('Ctrl-C'))) await Promise.race([delay(20), ended]);
}
