import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nouns } from './table.ts';
import { place } from './testing/place.ts';

test('every command shows an example that begins as it does, and takes --json', async () => {
  using here = place();
  for (const row of nouns) {
    const { verbs } = await row.load();
    for (const verb of verbs) {
      const words = verb.name === row.name ? [row.name] : [row.name, verb.name];
      const { code, out } = await here.coco(...words, '--help');
      assert.equal(code, 0);
      assert.ok(
        out.includes(`Example:\n  $ coco ${words.join(' ')}`),
        `${words.join(' ')} has no fitting example`,
      );
      assert.ok(out.includes('--json'), words.join(' '));
    }
  }
});

const mistakes: [string, string[], RegExp][] = [
  ['an unknown noun', ['recept'], /Did you mean receipt/],
  ['an unknown verb', ['receipt', 'verfy'], /unknown command/],
  ['a noun alone', ['receipt'], /Usage/],
  ['a missing argument', ['receipt', 'verify'], /missing required argument/],
  ['an unknown option', ['key', 'id', 'x', '--nope'], /unknown option/],
  ['no service', ['service', 'info'], /--address is needed/],
  ['an unknown profile', ['service', 'info', '--profile', 'nope'], /no profile nope/],
  [
    'half a key',
    ['service', 'info', '--address', 'https://a:1', '--service-cert', 'x', '--key', 'y'],
    /--key needs the --cert it is of/,
  ],
  ['a number that is none', ['transaction', 'wait', '2.5', '--wait', 'soon'], /whole number/],
];
for (const [name, words, message] of mistakes) {
  test(`${name} is a mistake in usage`, async () => {
    using here = place();
    const { code, error, out } = await here.coco(...words);
    assert.equal(code, 2, error + out);
    assert.match(error + out, message);
  });
}

test('a failure under --json is JSON as well', async () => {
  using here = place();
  const { code, value } = await here.json('key', 'id', 'absent.pem');
  assert.equal(code, 1);
  assert.match((value.error as { message: string }).message, /absent\.pem/);
});

test('a service that cannot be reached is a failure, not a mistake', async () => {
  using here = place();
  await here.coco('key', 'generate', 'service');
  const words = [
    'service',
    'state',
    '--address',
    'https://127.0.0.1:1',
    '--service-cert',
    'service_cert.pem',
  ];
  const { code, error } = await here.coco(...words);
  assert.equal(code, 1);
  assert.match(error, /127\.0\.0\.1:1 cannot be reached/);
});

test('completion knows every noun, verb and option', async () => {
  using here = place();
  for (const shell of ['bash', 'zsh']) {
    const { out } = await here.coco('completion', shell);
    for (const row of nouns) {
      for (const verb of (await row.load()).verbs)
        assert.ok(out.includes(verb.name), `${row.name} ${verb.name}`);
    }
    assert.match(out, /--service-cert/);
  }
});
