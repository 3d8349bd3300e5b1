import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Session } from '@coco/client';
import { identity } from '../../apps/cli/src/commands/key.ts';
import { LocalNetwork, type LocalNode } from '../../apps/cli/src/dev/local-network.ts';
import {
  constitutionFiles,
  nodeFolder,
  openWorkspace,
  prepareWorkspace,
  readLedgersBeside,
} from '../../apps/cli/src/dev/workspace.ts';
import { byReach, reachOf } from '../../apps/cli/src/ledger/reach.ts';

const samples = join(import.meta.dirname, '..');
const people = { members: 3, users: 0 };
const nodeCount = 3;

type Say = (line: string) => void;

/** Somebody who speaks for a company, with keys of its own. */
export interface CompanyUser {
  readonly company: string;
  readonly certificate: string;
  readonly privateKey: string;
}

/** A service of several nodes whose members vote, in a folder that a later run takes up again. */
export class Consortium implements AsyncDisposable {
  readonly network: LocalNetwork;
  /** Whether this run went on with a ledger that was there. */
  readonly continued: boolean;

  /** Takes up what an earlier run left in the folder; no node runs yet. */
  constructor(folder: string) {
    this.continued = existsSync(join(folder, 'opened'));
    const workspace = (this.continued ? openWorkspace : prepareWorkspace)(folder, people, Date.now());
    this.network = new LocalNetwork(workspace, {
      constitution: constitutionFiles([join(samples, 'constitutions/default')]),
      // Two members together bring a lost service back; one alone cannot.
      recoveryThreshold: 2,
      configure: readLedgersBeside,
    });
  }

  /** Starts the nodes: of a new service, or of the one whose ledger is there, by recovery. */
  async start(say: Say): Promise<void> {
    const first = await (this.continued ? recover : open)(this.network, say);
    writeFileSync(join(this.folder, 'opened'), '');
    await joinOthers(this.network, first, say);
  }

  get folder(): string {
    return this.network.workspace.folder;
  }

  get certificateFile(): string {
    return this.network.workspace.serviceCert;
  }

  get certificate(): string {
    return readFileSync(this.certificateFile, 'utf8');
  }

  /** A session as a user, or as nobody. */
  session(user?: CompanyUser): Session {
    return this.network.session(user);
  }

  /** The user of a company, with keys made once. */
  userOf(company: string): CompanyUser {
    const folder = join(this.folder, 'companies');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, company.replace(/[^\w.-]/g, '_'));
    if (!existsSync(`${file}_privk.pem`)) {
      const made = identity(company.replace(/[^\w.-]/g, ' '), 'P-256', 365, Date.now());
      writeFileSync(`${file}_privk.pem`, made.privateKey, { mode: 0o600 });
      writeFileSync(`${file}_cert.pem`, made.certificate);
    }
    const [certificate, privateKey] = ['cert', 'privk'].map((kind) =>
      readFileSync(`${file}_${kind}.pem`, 'utf8'),
    ) as [string, string];
    return { company, certificate, privateKey };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.network[Symbol.asyncDispose]();
  }
}

async function open(network: LocalNetwork, say: Say): Promise<LocalNode> {
  say('starting a node ...');
  const first = await network.start(await freeAddress(0));
  say(`${people.members} members acknowledge the state and vote to open the service ...`);
  await network.open();
  return first;
}

/** The node with the ledger that reaches furthest brings the service back. */
async function recover(network: LocalNetwork, say: Say): Promise<LocalNode> {
  const { folder } = network.workspace;
  const ledgers = Array.from({ length: nodeCount }, (_, i) => join(nodeFolder(folder, i), 'ledger'));
  const [best] = byReach(ledgers.filter((ledger) => existsSync(ledger)).map(reachOf));
  if (!best) throw new Error(`${folder} holds no ledger any more: remove it to begin anew`);
  const index = ledgers.indexOf(best.folder);
  say(
    `sandbox_${index} starts on the ledger that is there; members vote and give their shares of its key ...`,
  );
  return network.recover(index, await freeAddress(index));
}

async function joinOthers(network: LocalNetwork, first: LocalNode, say: Say): Promise<void> {
  const others = Array.from({ length: nodeCount }, (_, i) => i).filter((i) => i !== first.index);
  if (others.length === 0) return;
  say(`${others.length} more nodes ask to join; members vote to trust them ...`);
  const joiners = others.map(async (index) => network.join(index, await freeAddress(index)));
  await network.admit(...(await Promise.all(joiners)));
}

/** The port of that node if nobody has it, else any. */
async function freeAddress(index: number): Promise<string> {
  const [host, port] = ['127.0.0.1', 8000 + index];
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject);
      probe.listen(port, host, resolve);
    });
    return `${host}:${port}`;
  } catch {
    return `${host}:0`;
  } finally {
    await new Promise((resolve) => probe.close(resolve));
  }
}
