// The client library in a real browser: a page writes, waits for the commit, verifies the receipt by itself, reads the
// past, signs as a member, and finds out a service that went back.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { test } from 'node:test';
import type { Transport } from '@coco/client';
import { httpsTransport } from '@coco/client/node';
import { generateKeyPair, issueCertificate } from '@coco/crypto';
import { rolldown } from 'rolldown';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { startService } from '../workloads/service.ts';

const root = dirname(dirname(import.meta.dirname));
const skip =
  spawnSync('chromium', ['--version']).status === 0
    ? false
    : 'there is no chromium on this machine to try it with';

/** What the page does. It has nothing but the library and what was put into `given`. */
const page = `
async function visit({ memberCertificate, memberKey, serviceCertificate }) {
  const world = {
    send: coco.fetchTransport((url, init) => fetch(url, init)),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    now: () => Date.now(),
  };
  let kept;
  const memory = { load: () => kept, save: (seen) => { kept = seen; } };
  const options = { addresses: [location.origin], serviceCertificate, memory };
  const session = await coco.connect(world, options);
  const write = { method: 'POST', path: '/app/log/private', json: { id: 7, msg: 'from a page' } };
  const done = await coco.submit(session, write, { receipt: true });
  const past = await coco.historical(session, '/app/log/private/historical?id=7', done.transactionId);
  const signer = coco.keySigner(memberCertificate, memberKey);
  const told = await coco.preview(session, signer, { actions: [] });
  kept = { ...kept, transactionId: '1.' + done.transactionId.seqno };
  const wentBack = await coco.connect(world, options).then(() => 'believed', ({ code }) => code);
  return {
    outcome: done.outcome,
    proves: done.receipt.proves.txId.seqno === done.transactionId.seqno,
    past: coco.jsonOf(past).msg,
    valid: told.valid,
    wentBack,
  };
}
const report = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
visit(given).then(report, (error) => report({ error: String(error), stack: error.stack }));
`;

async function libraryForBrowsers(): Promise<string> {
  await using build = await rolldown({
    input: join(root, 'packages/client/src/index.ts'),
    platform: 'browser',
    logLevel: 'silent',
    external: [/^node:/],
  });
  const { output } = await build.generate({ format: 'iife', name: 'coco', codeSplitting: false });
  return output[0].code;
}

/** Serves the page, and passes everything else on to the service in the name of a user. */
async function serve(
  html: string,
  send: Transport,
  target: string,
): Promise<{ server: Server; origin: string; result: Promise<Record<string, unknown>> }> {
  const key = generateKeyPair('P-256');
  const now = Date.now();
  const self = { subject: 'CN=page', publicKey: key.publicKey, issuerKey: key, issuerCert: 'self' } as const;
  const validity = { notBefore: now - 60_000, notAfter: now + 3_600_000, serial: new Uint8Array([1]) };
  const { pem } = issueCertificate({ ...self, ...validity });
  const result = Promise.withResolvers<Record<string, unknown>>();
  const server = createServer({ key: key.exportPem(), cert: pem }, async (request, response) => {
    const { headers, method = 'GET', url = '/' } = request;
    const body = await textOf(request.setEncoding('latin1'));
    if (url === '/') response.setHeader('content-type', 'text/html').end(html);
    else if (url === '/result') {
      result.resolve(JSON.parse(Buffer.from(body, 'latin1').toString()) as Record<string, unknown>);
      response.end();
    } else {
      const passed = ['content-type', 'prefer', 'x-ms-ccf-transaction-id'].flatMap((name) =>
        typeof headers[name] === 'string' ? [[name, headers[name]]] : [],
      );
      const content = body === '' ? {} : { body: new Uint8Array(Buffer.from(body, 'latin1')) };
      const answer = await send({
        method,
        url: target + url,
        headers: Object.fromEntries(passed),
        ...content,
      });
      response.writeHead(answer.status, answer.headers).end(answer.body);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    result: result.promise,
  };
}

test('a page uses a service and checks what it is told', { skip, timeout: 120_000 }, async () => {
  const { bundle } = await buildBundle(join(root, 'samples/contracts/logging'));
  await using service = await startService({ bundle });
  const [user] = service.workspace.users;
  const [member] = service.workspace.members;
  assert.ok(user && member);
  const read = (file: string) => readFileSync(file, 'utf8');
  const given = {
    serviceCertificate: service.certificate,
    memberCertificate: read(member.cert),
    memberKey: read(member.key),
  };
  const scripts = [await libraryForBrowsers(), `const given = ${JSON.stringify(given)};`, page];
  const html = scripts.map((script) => `<script>${script.replaceAll('</', '<\\/')}</script>`).join('\n');
  const client = { certificate: read(user.cert), privateKey: read(user.key) };
  using transport = httpsTransport({ serviceCertificate: service.certificate, client });
  const { origin, result, server } = await serve(html, transport.send, service.url);

  const profile = mkdtempSync(join(tmpdir(), 'coco-chromium-'));
  const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--ignore-certificate-errors'];
  const chromium = spawn('chromium', [...flags, `--user-data-dir=${profile}`, origin], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => chromium.once('exit', () => resolve()));
  try {
    const gone = ended.then(() => ({ error: 'the browser ended' }));
    assert.deepEqual(await Promise.race([result, gone]), {
      outcome: 'Committed',
      proves: true,
      past: 'from a page',
      valid: true,
      wentBack: 'WentBack',
    });
  } finally {
    chromium.kill('SIGKILL');
    await ended;
    server.closeAllConnections();
    server.close();
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
});
