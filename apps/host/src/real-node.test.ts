import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { generateKeyPair } from '@coco/crypto';
import { minimalConfiguration, selfSigned } from './testing/door.ts';

const root = join(import.meta.dirname, '../../..');
const constitution = ['actions.js', 'validate.js', 'resolve.js', 'apply.js'].map((name) =>
  join(root, 'samples/constitutions/default', name),
);

/** A folder from which nodes are started, one after the other. */
class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'coco-site-'));
  #child: ChildProcess | undefined;

  constructor(t: TestContext) {
    t.after(() => {
      this.#child?.kill('SIGKILL');
      rmSync(this.folder, { recursive: true });
    });
    writeFileSync(this.at('member.pem'), selfSigned('member').certificatePem);
    writeFileSync(this.at('member_enc.pem'), generateKeyPair({ kind: 'RSA', bits: 2048 }).publicKey.pem);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Starts a node; resolves with its exit code and log when it ends. */
  start(command: object): Promise<{ code: number | null; log: string }> {
    rmSync(this.at('rpc.json'), { force: true });
    const configuration = {
      ...minimalConfiguration({}),
      command,
      output_files: { rpc_addresses_file: 'rpc.json' },
    };
    writeFileSync(this.at('config.json'), JSON.stringify(configuration));
    const child = spawn(join(root, 'bin/coco-node'), ['--config', 'config.json'], { cwd: this.folder });
    this.#child = child;
    let log = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (piece: Buffer) => {
        log += piece;
      });
    }
    return new Promise((resolve) => child.on('close', (code) => resolve({ code, log })));
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Asks until the node is in one of the states; answers the state as the node tells it. */
  async state(...states: string[]): Promise<{ state: string; last_signed_seqno: number }> {
    for (;;) {
      const found = await this.#ask().catch(() => undefined);
      if (found && states.includes(found.state)) return found;
      if (this.#child?.exitCode !== null) throw new Error('the node ended');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #ask(): Promise<{ state: string; last_signed_seqno: number }> {
    const [host, port] = (existsSync(this.at('rpc.json')) ? this.#address() : '127.0.0.1:1').split(':');
    const ca = existsSync(this.at('service_cert.pem')) ? readFileSync(this.at('service_cert.pem')) : '';
    const target = {
      host,
      port,
      path: '/node/state',
      ca,
      agent: false,
      checkServerIdentity: () => undefined,
    };
    return new Promise((resolve, reject) => {
      const request = get(target, (response) => {
        let body = '';
        response.on('data', (piece) => {
          body += piece;
        });
        response.on('end', () => resolve(JSON.parse(body)));
      });
      request.on('error', reject);
    });
  }

  #address(): string {
    return (JSON.parse(readFileSync(this.at('rpc.json'), 'utf8')) as { main: string }).main;
  }
}

test('a node starts a service, is killed, refuses a damaged ledger and recovers a torn one', async (t) => {
  const site = new Site(t);
  const members = [{ certificate_file: 'member.pem', encryption_public_key_file: 'member_enc.pem' }];
  const first = site.start({ type: 'Start', start: { constitution_files: constitution, members } });
  const { last_signed_seqno: signed } = await site.state('PartOfNetwork');
  assert.ok(signed > 0);
  site.kill('SIGKILL');
  await first;

  const chunk = site.at('ledger/ledger_1');
  const whole = readFileSync(chunk);
  const previous = readFileSync(site.at('service_cert.pem'));
  writeFileSync(site.at('previous.pem'), previous);
  const recover = { type: 'Recover', recover: { previous_service_identity_file: 'previous.pem' } };

  // A byte in the middle of what the first entry says.
  const damaged = Buffer.from(whole);
  damaged[2000]! ^= 1;
  writeFileSync(chunk, damaged);
  const refused = await site.start(recover);
  assert.equal(refused.code, 1);
  assert.match(refused.log, /\[fatal\] host \| ledger\/ledger_1: offset \d+: entry \d+: /);
  assert.ok(readFileSync(chunk).equals(damaged), 'a refused ledger is left as it is');

  // The beginning of an entry that was never written to its end.
  writeFileSync(chunk, Buffer.concat([whole, whole.subarray(8, 28)]));
  const recovered = site.start(recover);
  const after = await site.state('PartOfPublicNetwork');
  assert.ok(after.last_signed_seqno > signed);
  site.kill('SIGTERM');
  const { code, log } = await recovered;
  assert.equal(code, 0, log);
  assert.match(log, new RegExp(`ledger_1: cut off 20 bytes of an unfinished write at ${whole.length}`));
  assert.ok(readFileSync(chunk).subarray(8, whole.length).equals(whole.subarray(8)), 'what was there stays');
});
