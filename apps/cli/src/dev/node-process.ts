import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseCertificate } from '@coco/crypto';
import { CliError } from '../errors.ts';
import { tail } from './workspace.ts';

const pollMs = 25;

/** A node of one's own, in a process of its own; its output goes to `out` and `err` in its folder. */
export class NodeProcess implements AsyncDisposable {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  constructor(folder: string, configuration: object, executable = nodeExecutable) {
    this.folder = folder;
    const config = join(folder, 'config.json');
    // What an earlier node of this folder said is no longer true.
    for (const said of ['rpc_addresses.json', 'nodecert.pem']) rmSync(join(folder, said), { force: true });
    writeFileSync(config, `${JSON.stringify(configuration, null, 2)}\n`);
    const out = openSync(join(folder, 'out'), 'w');
    const err = openSync(join(folder, 'err'), 'w');
    // A process group of its own: Ctrl-C at the terminal is for the tool, which then stops the node.
    this.#child = spawn(executable, ['--config', config], {
      stdio: ['ignore', out, err],
      cwd: folder,
      detached: true,
    });
    closeSync(out);
    closeSync(err);
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
  }

  /** Resolves when the process ends, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Id of the process. Throws `Failed` when it did not start. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw this.died();
    return pid;
  }

  /** Sends a signal: to try what the node does about it. */
  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** The id of the node, once it has made its key. Throws `Failed` when the node ends before. */
  async id(waitMs: number): Promise<string> {
    const file = join(this.folder, 'nodecert.pem');
    const certificate = await this.#written(waitMs, () =>
      existsSync(file) ? readFileSync(file, 'utf8') : undefined,
    );
    return parseCertificate(certificate).publicKey.id;
  }

  /** The address of the client interface, once it serves. Throws `Failed` when the node ends before. */
  async address(serviceCert: string, waitMs: number): Promise<string> {
    const file = join(this.folder, 'rpc_addresses.json');
    const address = await this.#written(waitMs, () =>
      existsSync(serviceCert) && existsSync(file) ? addressIn(file) : undefined,
    );
    return `https://${address}`;
  }

  /** What the node writes into its folder, once it has. */
  async #written(waitMs: number, look: () => string | undefined): Promise<string> {
    const deadline = Date.now() + waitMs;
    while (Date.now() < deadline) {
      if (!this.running) throw this.died();
      const found = look();
      if (found !== undefined) return found;
      await Promise.race([delay(pollMs), this.#ended]);
    }
    throw new CliError('Failed', `the node does not answer; see ${join(this.folder, 'out')}`);
  }

  /** Says why the node ended, with the last lines it wrote. */
  died(): CliError {
    const said = [tail(join(this.folder, 'err'), 5), tail(join(this.folder, 'out'), 5)].filter(
      (text) => text !== '',
    );
    const how = this.#child.exitCode === null ? 'did not start' : `ended with code ${this.#child.exitCode}`;
    return new CliError('Failed', [`the node ${how}; its logs are in ${this.folder}`, ...said].join('\n'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.running) this.#child.kill('SIGTERM');
    const patience = delay(10_000, 'late', { ref: false });
    if ((await Promise.race([this.#ended, patience])) === 'late') this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

/** The daemon that belongs to this tool. */
export const nodeExecutable = fileURLToPath(new URL('../../../../bin/coco-node', import.meta.url));

/** The same with a debugger's door. */
export const debugExecutable = `${nodeExecutable}-debug`;

function addressIn(file: string): string | undefined {
  try {
    const addresses = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const [address] = Object.values(addresses);
    return typeof address === 'string' ? address : undefined;
  } catch {
    // Being written at this moment.
    return undefined;
  }
}
