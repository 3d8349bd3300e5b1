import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { generateKeyPair } from '@coco/crypto';
import { place } from '../testing/place.ts';

const own = fileURLToPath(new URL('../../../../tests/vectors/attestation', import.meta.url));
const captured = fileURLToPath(new URL('../../../../../shared/data/attestation', import.meta.url));

test('a folder of recorded evidence is evaluated, a row for each vector and mutation', async () => {
  using here = place();
  const words = ['attestation', 'vectors', own, '--roots', `${own}/roots.json`];
  const { code, out } = await here.coco(...words, '--json');
  const rows = JSON.parse(out) as Record<string, unknown>[];
  assert.equal(code, 0);
  assert.ok(rows.length >= 30);
  const keys = ['id', 'verdict', 'tcbStatus', 'failedCheck', 'expected', 'ok'];
  for (const row of rows) for (const key of keys) assert.ok(key in row, key);
  assert.ok(rows.some(({ mutation }) => mutation !== undefined));
  assert.match((await here.coco(...words)).out, /\d+ of \d+ as expected/);
});

test("with the vendors' roots the project's own vectors are refused, and the command says so", async () => {
  using here = place();
  const { code, out } = await here.coco('attestation', 'vectors', own, '--json');
  const rows = JSON.parse(out) as { id: string; mutation?: string; failedCheck: string }[];
  assert.equal(code, 1);
  const snp = rows.find(({ id, mutation }) => id === 'snp/v3' && mutation === undefined);
  assert.equal(snp?.failedCheck, 'pinned-root');
});

test('virtual evidence is shown, and refused unless a policy names it', async () => {
  using here = place();
  const key = generateKeyPair('P-256').publicKey;
  const reportData = new Uint8Array(Buffer.from(key.id, 'hex')).toBase64();
  const statement = {
    measurement: 'Insecure hard-coded virtual measurement v1',
    host_data: '11'.repeat(32),
    report_data: reportData,
  };
  writeFileSync(here.file('virtual.json'), JSON.stringify(statement));
  writeFileSync(here.file('node.pem'), key.pem);
  writeFileSync(here.file('policy.json'), JSON.stringify({ platforms: ['virtual'] }));
  const words = ['attestation', 'show', 'virtual.json', '--key', 'node.pem'];
  const refused = await here.json(...words);
  assert.deepEqual([refused.code, refused.value.failedCheck], [1, 'platform-accepted']);
  const accepted = await here.coco(...words, '--policy', 'policy.json');
  assert.equal(accepted.code, 0);
  assert.match(accepted.out, /INSECURE/);
  const quote = Buffer.from(JSON.stringify(statement)).toString('base64');
  writeFileSync(here.file('quote.json'), JSON.stringify({ format: 'Insecure_Virtual', raw: quote }));
  const self = await here.json('attestation', 'show', 'quote.json', '--policy', 'policy.json');
  assert.deepEqual([self.code, self.value.verdict], [0, 'valid']);
});

test('a file that is no evidence is refused by name', async () => {
  using here = place();
  writeFileSync(here.file('note.txt'), 'hello');
  const { code, value } = await here.json('attestation', 'show', 'note.txt');
  assert.deepEqual([code, value.failedCheck], [1, 'evidence-shape']);
  assert.equal((await here.coco('attestation', 'vectors', '.')).code, 1);
});

test('captured evidence of a confidential container is shown with its checks', async (t) => {
  if (!existsSync(captured)) return t.skip('shared/data/attestation is not present beside the checkout');
  using here = place();
  const files = ['report.bin', 'chain.pem', 'uvm.cose', 'security-policy-base64'];
  const paths = files.map((name) => `${captured}/snp/caci-milan-v3/${name}`);
  const { code, out } = await here.coco('attestation', 'show', ...paths, '--at', '2025-06-01T00:00:00Z');
  assert.equal(code, 0);
  assert.match(out, /product +AMD EPYC Milan/);
  assert.match(out, /ok +evidence-signature/);
});
