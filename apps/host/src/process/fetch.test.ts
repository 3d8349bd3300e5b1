import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { FetchRequest } from '@coco/node';
import { limits } from '../limits.ts';
import { selfSigned } from '../testing/door.ts';
import { fetchResource } from './fetch.ts';

/** A server that tells what it was asked, by whom. */
async function server(t: TestContext) {
  const identity = selfSigned('server');
  const options = {
    cert: identity.certificatePem,
    key: identity.privateKeyPem,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const serving = createServer(options, (request, response) => {
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => pieces.push(piece));
    request.on('end', () => {
      if (request.url === '/large') response.end(Buffer.alloc(limits.fetchBytesMax + 1));
      else if (request.url === '/elsewhere')
        response.writeHead(308, { location: 'https://elsewhere/' }).end();
      else {
        const { method, headers } = request;
        const told = { method, caller: subject?.CN, range: headers.range, body: `${Buffer.concat(pieces)}` };
        response.setHeader('x-mark', ['1', '2']);
        response.end(JSON.stringify(told));
      }
    });
  });
  serving.listen(0, '127.0.0.1');
  await once(serving, 'listening');
  t.after(() => serving.close());
  const { port } = serving.address() as AddressInfo;
  const wanted = (path: string, more: Partial<FetchRequest> = {}): FetchRequest => ({
    url: `https://127.0.0.1:${port}${path}`,
    method: 'GET',
    headers: {},
    body: null,
    caPem: identity.certificatePem,
    presentsNode: false,
    ...more,
  });
  return { wanted, port };
}

const node = selfSigned('node');

test('a fetch carries method, headers and body, and brings status, headers and body', async (t) => {
  const { wanted } = await server(t);
  const body = new TextEncoder().encode('{"a":1}');
  const result = await fetchResource(
    wanted('/', { method: 'POST', headers: { range: 'bytes=0-9' }, body }),
    null,
  );
  assert.ok('status' in result);
  assert.equal(result.status, 200);
  assert.equal(result.headers['x-mark'], '1, 2');
  assert.deepEqual(JSON.parse(new TextDecoder().decode(result.body)), {
    method: 'POST',
    range: 'bytes=0-9',
    body: '{"a":1}',
  });
});

test('a fetch that presents the node shows its certificate, and does not compare host names', async (t) => {
  const { wanted, port } = await server(t);
  const asked = wanted('/', { url: `https://localhost:${port}/`, presentsNode: true });
  const result = await fetchResource(asked, node);
  assert.ok('status' in result, JSON.stringify(result));
  assert.equal(JSON.parse(new TextDecoder().decode(result.body)).caller, 'node');
});

test('a redirect is brought, not followed', async (t) => {
  const { wanted } = await server(t);
  const result = await fetchResource(wanted('/elsewhere'), null);
  assert.ok('status' in result && result.status === 308 && result.headers.location === 'https://elsewhere/');
});

const failures: [string, (given: FetchRequest, port: number) => FetchRequest, RegExp][] = [
  ['an answer beyond the bound', (given) => ({ ...given, url: `${given.url}large` }), /more than \d+ bytes/],
  ['a server of another authority', (given) => ({ ...given, caPem: node.certificatePem }), /certificate/],
  [
    'another host than the certificate names',
    (given, port) => ({ ...given, url: `https://localhost:${port}/` }),
    /altnames/,
  ],
  ['plain HTTP', (given, port) => ({ ...given, url: `http://127.0.0.1:${port}/` }), /only https/],
  ['presenting a node that has no identity', (given) => ({ ...given, presentsNode: true }), /no identity/],
];
for (const [what, change, message] of failures) {
  test(`${what} is an error that says so`, async (t) => {
    const { port, wanted } = await server(t);
    const result = await fetchResource(change(wanted('/'), port), null);
    assert.ok('error' in result);
    assert.match(result.error, message);
  });
}
