import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Place, place } from '../testing/place.ts';

const recordings = join(import.meta.dirname, '../../../../../shared/data/ccf-wire/js');
const skip = existsSync(recordings) ? false : 'recorded exchanges not present';
const certificate = join(recordings, 'service_cert.pem');

/** Writes a receipt that a real CCF issued, after a change if one is given. */
function write(here: Place, change: (receipt: Record<string, unknown>) => void = () => undefined): void {
  const text = readFileSync(join(recordings, 'app_receipt_private.res'), 'utf8');
  const receipt = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
  change(receipt);
  writeFileSync(here.file('receipt.json'), JSON.stringify(receipt));
}

async function verify(here: Place, ...more: string[]) {
  return here.json('receipt', 'verify', 'receipt.json', '--service-cert', certificate, ...more);
}

test("a real CCF's receipt holds, offline", { skip }, async () => {
  using here = place();
  write(here);
  const { code, value } = await verify(here, '--txid', '2.20');
  assert.deepEqual([code, value.valid, value.transaction], [0, true, '2.20']);
});

const flaws: [string, (receipt: Record<string, unknown>) => void, string[], string][] = [
  ['another transaction', () => undefined, ['--txid', '2.21'], 'transaction-id'],
  ['another claim', () => undefined, ['--claims-digest', 'ab'.repeat(32)], 'claims'],
  ['a signature of another root', (it) => Object.assign(it, { proof: [] }), [], 'root-signature'],
  ['something unknown in it', (it) => Object.assign(it, { extra: 1 }), [], 'shape'],
];
for (const [name, change, options, step] of flaws) {
  test(`a receipt with ${name} is refused, and the step is named`, { skip }, async () => {
    using here = place();
    write(here, change);
    const { code, value } = await verify(here, ...options);
    assert.deepEqual([code, value.valid, value.step], [1, false, step]);
  });
}

test('a receipt of another service is refused', { skip }, async () => {
  using here = place();
  write(here);
  const other = join(recordings, '../extra/service_cert.pem');
  const { code, value } = await here.json('receipt', 'verify', 'receipt.json', '--service-cert', other);
  assert.deepEqual([code, value.step], [1, 'node-certificate']);
});

test('what is no receipt is refused', { skip }, async () => {
  using here = place();
  for (const text of ['', 'hello', '{}', '[]', '\xd2\x84', 'null']) {
    writeFileSync(here.file('receipt.json'), text, 'latin1');
    const { code, value } = await verify(here);
    assert.deepEqual([code, value.valid], [1, false], JSON.stringify(text));
  }
});
