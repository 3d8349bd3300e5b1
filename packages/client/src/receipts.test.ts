import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { toBase64Url } from '@coco/crypto';
import type { Receipt } from '@coco/ledger';
import { checkReceipt, fetchReceipt } from './receipts.ts';
import { Session } from './session.ts';
import { answered, scripted } from './testing/scripted.ts';
import { submit } from './transactions.ts';

const recordings = join(import.meta.dirname, '../../../../shared/data/ccf-wire/js');

/** A receipt that a real CCF issued, and the certificate of its service. */
function recorded(): { receipt: Receipt; serviceCertificate: string } | undefined {
  try {
    const text = readFileSync(join(recordings, 'app_receipt_private.res'), 'utf8');
    const receipt = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as Receipt;
    return { receipt, serviceCertificate: readFileSync(join(recordings, 'service_cert.pem'), 'utf8') };
  } catch {
    return undefined;
  }
}
const real = recorded();
const skip = real === undefined ? 'recorded exchanges not present' : false;

function session(script: Parameters<typeof scripted>[0] = []) {
  const { serviceCertificate } = real!;
  const wire = scripted(script);
  return { ...wire, session: new Session(wire.world, { addresses: ['https://a:1'], serviceCertificate }) };
}

test("a real CCF's receipt holds, and is remembered with its leaf", { skip }, () => {
  const { session: it } = session();
  const { proves } = checkReceipt(it, real!.receipt, { transactionId: { view: 2, seqno: 20 } });
  assert.equal(proves.kind, 'transaction');
  assert.match(it.memory.highest?.leaf ?? '', /^[0-9a-f]{64}$/);
});

test('a receipt of another transaction is refused', { skip }, () => {
  const expected = { transactionId: { view: 2, seqno: 21 } };
  assert.throws(() => checkReceipt(session().session, real!.receipt, expected), { code: 'ReceiptInvalid' });
});

test('a receipt that was touched is refused', { skip }, () => {
  const components = { ...real!.receipt.leaf_components!, write_set_digest: '00'.repeat(32) };
  const forged = { ...real!.receipt, leaf_components: components };
  assert.throws(() => checkReceipt(session().session, forged), { code: 'ReceiptInvalid' });
});

test('a receipt is waited for', { skip }, async () => {
  const { session: it } = session([
    answered(202, undefined, { 'retry-after': '3' }),
    answered(200, real!.receipt),
  ]);
  const { receipt } = await fetchReceipt(it, { view: 2, seqno: 20 });
  assert.deepEqual(receipt, real!.receipt);
});

test('a receipt that comes with the answer is verified without another request', { skip }, async () => {
  const headers = {
    'x-ms-ccf-transaction-id': '2.20',
    'coco-transaction-status': 'Committed',
    'coco-receipt': toBase64Url(new TextEncoder().encode(JSON.stringify(real!.receipt))),
  };
  const { seen, session: it } = session([answered(200, true, headers)]);
  const result = await submit(it, { method: 'POST', path: '/app/log' }, { receipt: true });
  assert.equal(result.outcome === 'Committed' && result.receipt?.proves.kind, 'transaction');
  assert.equal(seen[0]?.headers.prefer, 'wait=10, receipt');
});
