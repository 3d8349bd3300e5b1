import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { generateKeyPair, issueCertificate, type PrivateKey } from '@coco/crypto';
import { type HttpsOptions, httpsTransport } from './transport.ts';

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
let serial = 1;

function authority() {
  const key = generateKeyPair('P-256');
  const self = { subject: 'CN=Service', publicKey: key.publicKey, issuerKey: key, isCa: true, ...validity };
  return {
    key,
    certificate: issueCertificate({ ...self, issuerCert: 'self', serial: new Uint8Array([serial++]) }),
  };
}

function nodeOf(service: ReturnType<typeof authority>): { key: PrivateKey; pem: string } {
  const key = generateKeyPair('P-256');
  const { pem } = issueCertificate({
    subject: 'CN=Node',
    publicKey: key.publicKey,
    issuerKey: service.key,
    issuerCert: service.certificate,
    subjectAltNames: [{ dns: 'node0.example.com' }],
    serial: new Uint8Array([serial++]),
    ...validity,
  });
  return { key, pem };
}

const service = authority();
const user = authority();
let server: Server;
let origin: string;

before(async () => {
  const node = nodeOf(service);
  const options = { cert: node.pem, key: node.key.exportPem(), requestCert: true, rejectUnauthorized: false };
  server = createServer(options, (request, response) => {
    if (request.url === '/hang-up') request.socket.destroy();
    else if (request.url === '/half')
      response.writeHead(200, { 'content-length': '100' }).write('half', () => request.socket.destroy());
    else if (request.url === '/redirect') response.writeHead(307, { location: 'https://elsewhere/' }).end();
    else if (request.url === '/silent') return;
    else if (request.url === '/header')
      response.writeHead(200, { 'coco-receipt': 'x'.repeat(100_000) }).end();
    else {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () =>
        response.end(`${request.method} ${subject?.CN ?? 'nobody'} ${Buffer.concat(parts)}`),
      );
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.closeAllConnections();
  server.close();
});

async function send(path: string, options: Partial<HttpsOptions> = {}, method = 'GET', body?: Uint8Array) {
  using transport = httpsTransport({ serviceCertificate: service.certificate.pem, ...options });
  const url = path.startsWith('https:') ? path : origin + path;
  const answer = await transport.send({ method, url, headers: {}, ...(body === undefined ? {} : { body }) });
  return { status: answer.status, text: new TextDecoder().decode(answer.body), headers: answer.headers };
}

test('a node of the pinned service is believed, whatever name it is reached by', async () => {
  assert.deepEqual((await send('/')).text, 'GET nobody ');
});

test('a body goes out whole', async () => {
  assert.equal((await send('/', {}, 'POST', new TextEncoder().encode('hello'))).text, 'POST nobody hello');
});

test('the client certificate is presented', async () => {
  const client = { certificate: user.certificate.pem, privateKey: user.key.exportPem() };
  assert.equal((await send('/', { client })).text, 'GET Service ');
});

test('another service of the same name is not believed', async () => {
  const serviceCertificate = authority().certificate.pem;
  await assert.rejects(send('/', { serviceCertificate }), { code: 'UntrustedService' });
});

test('a stranger can be looked at when asked for', async () => {
  assert.equal((await send('/', { serviceCertificate: '', trustAnybody: true })).status, 200);
});

test('a redirect is handed to the caller', async () => {
  const { headers, status } = await send('/redirect');
  assert.deepEqual([status, headers.location], [307, 'https://elsewhere/']);
});

test('nobody there: the request was surely not sent', async () => {
  await assert.rejects(send('https://127.0.0.1:1/'), { code: 'Unreachable' });
});

for (const path of ['/hang-up', '/half']) {
  test(`${path}: the request may have been executed`, async () => {
    await assert.rejects(send(path, {}, 'POST'), { code: 'Interrupted' });
  });
}

test('a long receipt arrives in a header', async () => {
  assert.equal((await send('/header')).headers['coco-receipt']?.length, 100_000);
});

test('a connection is used again and again, and gathers nothing', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error) => void warnings.push(warning);
  process.on('warning', note);
  t.after(() => process.off('warning', note));
  using transport = httpsTransport({ serviceCertificate: service.certificate.pem, connectionsMax: 1 });
  for (let i = 0; i < 20; i++) await transport.send({ method: 'GET', url: origin, headers: {} });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(warnings, []);
});

test('silence has an end', async () => {
  await assert.rejects(send('/silent', { timeoutMs: 30 }), { code: 'Interrupted' });
});

test('an answer without end is cut off', async () => {
  await assert.rejects(send('/', { answerBytesMax: 3 }), { code: 'Interrupted' });
});
