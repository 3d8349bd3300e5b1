import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Certificate,
  generateKeyPair,
  issueCertificate,
  type PublicKey,
  publicKeyOf,
} from '@coco/crypto';

/** Why no software TPM can be started here, or undefined when it can. */
export function softwareTpmMissing(): string | undefined {
  for (const program of ['swtpm', 'tpm2_createek']) {
    try {
      execFileSync(program, ['--version'], { stdio: 'ignore' });
    } catch {
      return `${program} is not installed (Debian: swtpm, tpm2-tools)`;
    }
  }
  return undefined;
}

/** A TPM in software with a key that attests, as the operator of a server would make it with tpm2-tools. */
export class SoftwareTpm implements Disposable {
  readonly endorsementKey = 0x81010001;
  readonly attestationKey = 0x81010002;
  /** For the daemon: `coco.attestation.tpm.device`. */
  readonly device: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'swtpm-'));
  readonly #port: number;
  readonly #process: ReturnType<typeof spawn>;

  private constructor(port: number) {
    this.#port = port;
    this.device = `tcp:127.0.0.1:${port}`;
    const at = (number: number) => `type=tcp,port=${number},bindaddr=127.0.0.1`;
    this.#process = spawn('swtpm', [
      ...['socket', '--tpm2', '--tpmstate', `dir=${this.#folder}`],
      ...['--server', at(port), '--ctrl', at(port + 1), '--flags', 'not-need-init,startup-clear'],
    ]);
  }

  /** Starts it and makes its keys. */
  static async start(): Promise<SoftwareTpm> {
    const tpm = new SoftwareTpm(await freePorts());
    await tpm.#listens();
    tpm.run('tpm2_createek', '-Q', '-c', hex(tpm.endorsementKey), '-G', 'rsa', '-u', 'ek.pub');
    tpm.run('tpm2_readpublic', '-Q', '-c', hex(tpm.endorsementKey), '-f', 'pem', '-o', 'ek.pem');
    const parent = ['-C', hex(tpm.endorsementKey), '-c', 'ak.ctx', '-n', 'ak.name'];
    tpm.run('tpm2_createak', '-Q', ...parent, '-G', 'ecc', '-g', 'sha256', '-s', 'ecdsa');
    tpm.run('tpm2_evictcontrol', '-Q', '-c', 'ak.ctx', hex(tpm.attestationKey));
    tpm.run('tpm2_flushcontext', '-t');
    return tpm;
  }

  /** Runs one of tpm2-tools in the folder of this TPM. */
  run(program: string, ...args: readonly string[]): string {
    const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${this.#port}` };
    return execFileSync(program, args, { cwd: this.#folder, env, encoding: 'utf8', stdio: 'pipe' });
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.#folder, name)));
  }

  write(name: string, bytes: Uint8Array): string {
    writeFileSync(join(this.#folder, name), bytes);
    return join(this.#folder, name);
  }

  /** Extends a register of the SHA-256 bank by a digest, hexadecimal. */
  extend(register: number, digest: string): void {
    this.run('tpm2_pcrextend', `${register}:sha256=${digest}`);
  }

  /** The endorsement key with its certificate, as the maker of a TPM would certify it. */
  certify(now: number): {
    readonly endorsementKey: PublicKey;
    /** From the endorsement key to the authority. */
    readonly certificates: readonly Certificate[];
    /** Digest of the authority's key. */
    readonly authority: string;
  } {
    const endorsementKey = publicKeyOf(new TextDecoder().decode(this.read('ek.pem')));
    const maker = generateKeyPair('P-256');
    const period = { notBefore: now - 1000, notAfter: now + 1e9, serial: Uint8Array.of(1) };
    const issued = { issuerKey: maker, ...period };
    const subject = 'CN=Maker of TPMs';
    const root = issueCertificate({
      ...issued,
      subject,
      publicKey: maker.publicKey,
      issuerCert: 'self',
      isCa: true,
    });
    const certified = issueCertificate({
      ...issued,
      subject: 'CN=endorsement key',
      publicKey: endorsementKey,
      issuerCert: root,
    });
    return { endorsementKey, certificates: [certified, root], authority: maker.publicKey.id };
  }

  [Symbol.dispose](): void {
    this.#process.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Resolves when the control port answers: the other one takes a single user, and is not to be tried. */
  async #listens(): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(`swtpm ended with ${this.#process.exitCode}`);
      const answers = await new Promise<boolean>((resolve) => {
        const socket = connect(this.#port + 1, '127.0.0.1', () => resolve(true));
        socket.on('error', () => resolve(false));
        socket.on('connect', () => socket.destroy());
      });
      if (answers) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function hex(handle: number): string {
  return `0x${handle.toString(16)}`;
}

/** A port whose next one is free as well. */
async function freePorts(): Promise<number> {
  for (;;) {
    const [first, second] = [createServer(), createServer()];
    const port = await listen(first, 0);
    const next = await listen(second, port + 1).catch(() => undefined);
    await Promise.all([first, second].map((server) => new Promise((resolve) => server.close(resolve))));
    if (next !== undefined) return port;
  }
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}
