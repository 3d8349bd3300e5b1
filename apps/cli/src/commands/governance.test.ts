import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  fromBase64,
  fromBase64Url,
  importPrivateKey,
  parseCertificate,
  parseSign1,
  signEcdsa,
  toBase64,
  verifySign1,
} from '@coco/crypto';
import { type Place, place } from '../testing/place.ts';

const proposalId = 'ab'.repeat(32);

/** A member's key stands in for the hardware module: the tool never sees it. */
async function prepared(here: Place, curve: string, ...words: string[]) {
  await here.coco('key', 'generate', 'm', '--curve', curve);
  const { code, value } = await here.json(
    'governance',
    'prepare',
    ...words,
    '--cert',
    'm_cert.pem',
    '--out',
    'draft.json',
  );
  assert.equal(code, 0);
  const key = importPrivateKey(readFileSync(here.file('m_privk.pem'), 'utf8'));
  const sign = (format: 'der' | 'p1363') => {
    const hash = curve === 'P-384' ? 'SHA-384' : 'SHA-256';
    return signEcdsa(key, fromBase64(String(value.toBeSigned)), { hash, format });
  };
  return { value, sign };
}

function opened(here: Place) {
  const message = parseSign1(new Uint8Array(readFileSync(here.file('envelope.cose'))));
  const { publicKey } = parseCertificate(readFileSync(here.file('m_cert.pem'), 'utf8'));
  return { headers: message.protected, payload: new TextDecoder().decode(verifySign1(message, publicKey)) };
}

async function finish(here: Place, signature: string | Uint8Array) {
  writeFileSync(here.file('signature'), signature);
  return here.coco(
    'governance',
    'finish',
    'draft.json',
    '--signature',
    'signature',
    '--out',
    'envelope.cose',
  );
}

for (const [curve, alg, bytes] of [
  ['P-256', 'ES256', 32],
  ['P-384', 'ES384', 48],
] as const) {
  test(`a member signs in a hardware module, with ${alg}`, async () => {
    using here = place();
    const { sign, value } = await prepared(
      here,
      curve,
      'vote',
      proposalId,
      '--yes',
      '--created-at',
      '1700000000',
    );
    assert.equal(value.alg, alg);
    assert.equal(fromBase64Url(String(value.value)).length, bytes);
    const vault = JSON.stringify({ kid: 'https://vault/keys/m', value: toBase64(sign('p1363')) });
    for (const signature of [sign('p1363'), sign('der'), vault]) {
      const { code, error } = await finish(here, signature);
      assert.equal(code, 0, error);
      const { headers, payload } = opened(here);
      assert.equal(headers.get('ccf.gov.msg.type'), 'ballot');
      assert.equal(headers.get('ccf.gov.msg.created_at'), 1_700_000_000);
      assert.equal(headers.get('ccf.gov.msg.proposal_id'), proposalId);
      assert.match(JSON.parse(payload).ballot, /return true/);
    }
  });
}

test('a proposal is prepared from its file', async () => {
  using here = place();
  writeFileSync(here.file('proposal.json'), '{"actions": []}');
  const { sign } = await prepared(here, 'P-256', 'propose', 'proposal.json');
  assert.match((await finish(here, sign('der'))).out, /proposals:create/);
  assert.equal(opened(here).payload, '{"actions": []}');
});

test('a signature of something else is refused before anything is sent', async () => {
  using here = place();
  const { sign } = await prepared(here, 'P-256', 'withdraw', proposalId);
  const other = sign('p1363').fill(1, 3, 5);
  for (const signature of [other, new Uint8Array(64), new Uint8Array(3), '{"value": 1}', '{', '']) {
    assert.equal((await finish(here, signature)).code, 1);
  }
});

test('what to vote has to be said, once', async () => {
  using here = place();
  await here.coco('key', 'generate', 'm');
  for (const flags of [[], ['--yes', '--no']]) {
    const words = ['governance', 'prepare', 'vote', proposalId, ...flags, '--cert', 'm_cert.pem'];
    assert.equal((await here.coco(...words)).code, 2);
  }
});

test('what is no draft is refused', async () => {
  using here = place();
  for (const text of ['', '{}', '[]', 'null']) {
    writeFileSync(here.file('draft.json'), text);
    const { code, error } = await finish(here, 'x');
    assert.equal(code, 1);
    assert.match(error, /no draft/);
  }
});
