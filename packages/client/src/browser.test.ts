import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { rolldown } from 'rolldown';

const recordings = join(import.meta.dirname, '../../../../shared/data/ccf-wire/js');
const skip = existsSync(recordings) ? false : 'recorded exchanges not present';
let bundle = '';

before(async () => {
  await using build = await rolldown({
    input: join(import.meta.dirname, 'index.ts'),
    platform: 'browser',
    logLevel: 'silent',
    external: [/^node:/],
  });
  const { output } = await build.generate({ format: 'iife', name: 'coco', codeSplitting: false });
  bundle = output[0].code;
});

test('the library bundles for browsers without anything of Node.js', () => {
  assert.doesNotMatch(bundle, /["']node:[a-z/]+["']/);
});

test('a page verifies a receipt with nothing but what browsers have', { skip }, async () => {
  const text = readFileSync(join(recordings, 'app_receipt_private.res'), 'utf8');
  const page = createContext({
    // What every browser has and a bare context lacks.
    TextEncoder,
    TextDecoder,
    URL,
    crypto: globalThis.crypto,
    receipt: text.slice(text.indexOf('\r\n\r\n') + 4),
    serviceCertificate: readFileSync(join(recordings, 'service_cert.pem'), 'utf8'),
  });
  runInContext(bundle.replace(/^(var|const) coco/m, 'globalThis.coco'), page);
  const names = await runInContext(
    `const body = new TextEncoder().encode(receipt);
     const fetch = async () => ({
       status: 200,
       headers: new Map([['content-type', 'application/json']]),
       arrayBuffer: async () => body.buffer.slice(body.byteOffset, body.byteOffset + body.length),
     });
     const world = { send: coco.fetchTransport(fetch), sleep: async () => {}, now: () => 0 };
     const session = new coco.Session(world, { addresses: ['https://service.example.com'], serviceCertificate });
     coco.fetchReceipt(session, { view: 2, seqno: 20 }).then(({ proves }) => JSON.stringify(proves.txId));`,
    page,
  );
  assert.equal(names, '{"view":2,"seqno":20}');
});
