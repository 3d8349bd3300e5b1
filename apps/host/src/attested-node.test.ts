import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { readQuoteInfo, vendorRoots, verify } from '@coco/attestation';
import { generateKeyPair, type PublicKey, parseCertificate } from '@coco/crypto';
import { minimalConfiguration, selfSigned } from './testing/door.ts';
import { SoftwareTpm, softwareTpmMissing } from './testing/software-tpm.ts';

const root = join(import.meta.dirname, '../../..');
const constitution = ['actions.js', 'validate.js', 'resolve.js', 'apply.js'].map((name) =>
  join(root, 'samples/constitutions/default', name),
);
const missing = softwareTpmMissing();

interface Answered {
  readonly body: Record<string, string>;
  /** The key that TLS proved. */
  readonly key: PublicKey;
}

describe('a node on a machine with a TPM', { skip: missing ?? false }, () => {
  let tpm: SoftwareTpm;
  let node: ChildProcess;
  const folder = mkdtempSync(join(tmpdir(), 'coco-attested-'));
  const at = (name: string) => join(folder, name);

  before(async () => {
    tpm = await SoftwareTpm.start();
    tpm.extend(14, 'ab'.repeat(32));
    writeFileSync(at('member.pem'), selfSigned('member').certificatePem);
    writeFileSync(at('member_enc.pem'), generateKeyPair({ kind: 'RSA', bits: 2048 }).publicKey.pem);
    const members = [{ certificate_file: 'member.pem', encryption_public_key_file: 'member_enc.pem' }];
    const configuration = {
      ...minimalConfiguration({}),
      command: { type: 'Start', start: { constitution_files: constitution, members } },
      output_files: { rpc_addresses_file: 'rpc.json' },
      coco: { attestation: { platform: 'tpm', tpm: { device: tpm.device, registers: [0, 4, 7, 14] } } },
    };
    writeFileSync(at('config.json'), JSON.stringify(configuration));
    node = spawn(join(root, 'bin/coco-node'), ['--config', 'config.json'], { cwd: folder, stdio: 'inherit' });
  });
  after(() => {
    node.kill('SIGKILL');
    tpm[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  /** Waits for the node to serve, which it does once its evidence is in. */
  async function answer(path: string): Promise<Answered> {
    for (;;) {
      const found = await ask(path).catch(() => undefined);
      if (found !== undefined) return found;
      if (node.exitCode !== null) throw new Error('the node ended');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function ask(path: string) {
    if (!existsSync(at('rpc.json')) || !existsSync(at('service_cert.pem'))) throw new Error('not yet');
    const { main } = JSON.parse(readFileSync(at('rpc.json'), 'utf8')) as { main: string };
    const [host, port] = main.split(':');
    const ca = readFileSync(at('service_cert.pem'));
    const options: RequestOptions = {
      host,
      port,
      path,
      ca,
      agent: false,
      checkServerIdentity: () => undefined,
    };
    return new Promise<Answered>((resolve, reject) => {
      const asked = request(options, (response) => {
        const { raw } = (response.socket as TLSSocket).getPeerCertificate();
        const { publicKey } = parseCertificate(new Uint8Array(raw));
        let body = '';
        response.on('data', (piece) => {
          body += piece;
        });
        response.on('end', () => {
          if (response.statusCode !== 200) reject(new Error(body));
          else resolve({ body: JSON.parse(body), key: publicKey });
        });
      });
      asked.on('error', reject).end();
    });
  }

  test("shows a quote that binds the key of its TLS, and is trusted by its TPM's key", async () => {
    const { body, key } = await answer('/node/quotes/self');
    assert.equal(body.node_id, key.id);
    assert.equal(body.format, 'TPM_2_0_v1');
    const { format = '', raw = '', endorsements: given = '' } = body;
    const { evidence, endorsements } = readQuoteInfo({ format, quote: raw, endorsements: given });
    const attestationKeys = [Buffer.from(tpm.read('ak.name')).toString('hex')];
    const trust = {
      roots: vendorRoots,
      policy: { tpm: { attestationKeys } },
      expected: { publicKey: key.spki },
    };
    const { claims } = verify(evidence, endorsements, trust, Date.now());
    assert.equal(claims.measurements.pcr0, '00'.repeat(32));
    assert.notEqual(claims.measurements.pcr14, '00'.repeat(32));
  });
});
