// `coco dev --watch` as an author lives with it: saves, mistakes, requests, and data that stays.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Place, place } from '../testing/place.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url));

const source = (answer: string) => `
  import { defineApp, endpoint, json, privateMap, text } from '@coco/sdk';
  const words = privateMap('words', text, json<number>());
  export const app = defineApp({
    'PUT /words/{word}': endpoint({
      mode: 'readwrite',
      auth: [],
      handler: ({ params }) => words.set(params.word ?? '', 1),
    }),
    'GET /words/{word}': endpoint({
      mode: 'readonly',
      auth: [],
      handler({ params }) {
        console.log('asked for', params.word);
        return ${answer};
      },
    }),
  });
`;

async function said(here: Place, pattern: RegExp, after: number): Promise<string> {
  for (;;) {
    const line = here.progress.slice(after).find((each) => pattern.test(each));
    if (line !== undefined) return line;
    await delay(10);
  }
}

test('each save is on the service, mistakes are told, and data stays', { timeout: 120_000 }, async () => {
  using here = place();
  symlinkSync(`${root}/node_modules`, here.file('node_modules'));
  mkdirSync(here.file('shop/src'), { recursive: true });
  const save = (text: string): number => {
    writeFileSync(here.file('shop/src/app.ts'), text);
    return here.progress.length;
  };
  save(source('({ has: words.has(params.word ?? "") })'));
  const running = here.coco('dev', '--js-app-bundle', 'shop', '--watch', '-n', '127.0.0.1:0');
  const ended = running.then(({ error, out }) => assert.fail(`coco dev ended: ${error}${out}`));
  const hears = (pattern: RegExp, after = 0) => Promise.race([said(here, pattern, after), ended]);
  try {
    await hears(/Ctrl-C/);
    const profile = ['--profile', 'dev'];
    const read = async () =>
      JSON.parse((await here.coco('transaction', 'get', '/app/words/one', ...profile, '--json')).out);
    await here.coco('transaction', 'submit', 'PUT', '/app/words/one', ...profile);
    assert.match(await hears(/PUT \/app\/words\/one/), / 204 2\.\d+$/);
    await read();
    assert.match(await hears(/GET \/app\/words\/one/), /200\n {2}info {2}asked for one$/);

    const changed = save(source('({ had: words.has(params.word ?? "") })'));
    assert.match(await hears(/replaced/, changed), /^replaced: built in \d+ ms, voted in \d+ ms$/);
    assert.deepEqual((await read()).body, { had: true });

    const broken = save(source('({ had: '));
    assert.match(await hears(/replaced/, broken), /^not replaced: .*src\/app\.ts/s);
    assert.deepEqual((await read()).body, { had: true });

    const failing = save(source('params.nothing.at(0)'));
    await hears(/^replaced/, failing);
    await read();
    const line = readFileSync(here.file('shop/src/app.ts'), 'utf8')
      .split('\n')
      .findIndex((text) => text.includes('nothing.at'));
    assert.match(await hears(/ 500/, failing), new RegExp(`TypeError.*src/app\\.ts:${line + 1}:`, 's'));
  } finally {
    here.stop();
    await running;
  }
});
