import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ack, keySigner, plainBallot, propose, Session, type Signer, submitShare, vote } from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { identity } from '../../apps/cli/src/commands/key.ts';
import { NodeProcess } from '../../apps/cli/src/dev/node-process.ts';
import {
  constitutionFiles,
  nodeConfiguration,
  prepareWorkspace,
  type Workspace,
} from '../../apps/cli/src/dev/workspace.ts';

const samples = join(import.meta.dirname, '..');
const memberCount = 3;
const waitMs = 60_000;

/** Somebody who speaks for a company, with keys of its own. */
export interface CompanyUser {
  readonly company: string;
  readonly certificate: string;
  readonly privateKey: string;
}

/** A service of one node whose members vote, in a folder that a later run takes up again. */
export class Consortium implements AsyncDisposable {
  readonly url: string;
  readonly certificate: string;
  readonly certificateFile: string;
  readonly folder: string;
  /** Whether this run went on with a ledger that was there. */
  readonly continued: boolean;
  readonly node: NodeProcess;
  readonly #members: readonly Signer[];
  readonly #resources: AsyncDisposableStack;
  readonly #session: Session;

  private constructor(parts: {
    readonly url: string;
    readonly certificateFile: string;
    readonly folder: string;
    readonly continued: boolean;
    readonly node: NodeProcess;
    readonly members: readonly Signer[];
    readonly resources: AsyncDisposableStack;
  }) {
    this.url = parts.url;
    this.certificateFile = parts.certificateFile;
    this.certificate = readFileSync(parts.certificateFile, 'utf8');
    this.folder = parts.folder;
    this.continued = parts.continued;
    this.node = parts.node;
    this.#members = parts.members;
    this.#resources = parts.resources;
    this.#session = this.session();
  }

  /** Starts the node, new or by recovery of the ledger that is there. */
  static async start(folder: string, say: (line: string) => void): Promise<Consortium> {
    const continued = existsSync(join(folder, 'sandbox_0', 'ledger')) && existsSync(join(folder, 'opened'));
    await using resources = new AsyncDisposableStack();
    const workspace = continued
      ? takeUp(folder)
      : prepareWorkspace(folder, { members: memberCount, users: 0 }, Date.now());
    const constitution = constitutionFiles([join(samples, 'constitutions/default')]);
    const address = await freeAddress('127.0.0.1', 8000);
    const fresh = nodeConfiguration(workspace, { address, constitution });
    const configuration = continued ? recovering(fresh, workspace) : withThreshold(fresh);
    say(continued ? 'starting a node on the ledger that is there ...' : 'starting a node ...');
    const node = resources.use(new NodeProcess(workspace.node, configuration));
    const url = await node.address(workspace.serviceCert, waitMs);
    const members = workspace.members.map(({ cert, key }) => keySigner(read(cert), read(key)));
    const certificateFile = workspace.serviceCert;
    const consortium = new Consortium({
      url,
      certificateFile,
      folder,
      continued,
      node,
      members,
      resources: resources.move(),
    });
    try {
      if (continued) await consortium.#recover(workspace, say);
      else await consortium.#open(say);
    } catch (error) {
      await consortium[Symbol.asyncDispose]();
      throw error;
    }
    writeFileSync(join(folder, 'opened'), '');
    return consortium;
  }

  /** A session as a user, or as nobody. */
  session(user?: CompanyUser): Session {
    const client = user && { certificate: user.certificate, privateKey: user.privateKey };
    const { certificate: serviceCertificate } = this;
    const transport = this.#resources.use(
      httpsTransport({ serviceCertificate, ...(client ? { client } : {}) }),
    );
    return new Session(nodeWorld(transport), { addresses: [this.url], serviceCertificate });
  }

  /** Puts actions to the members' vote; throws when they do not accept. */
  async decide(actions: readonly object[]): Promise<void> {
    const [proposer, ...others] = this.#members;
    if (!proposer) throw new Error('a consortium needs a member');
    let { proposalId, proposalState } = await propose(this.#session, proposer, {
      actions: [...actions],
    } as never);
    for (const member of [proposer, ...others]) {
      if (proposalState !== 'Open') break;
      ({ proposalState } = await vote(this.#session, member, proposalId, plainBallot(true)));
    }
    if (proposalState !== 'Accepted') throw new Error(`the members' proposal is ${proposalState}`);
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
    return { company, certificate: read(`${file}_cert.pem`), privateKey: read(`${file}_privk.pem`) };
  }

  async #open(say: (line: string) => void): Promise<void> {
    say(`${memberCount} members acknowledge the state and vote to open the service ...`);
    await this.#until('the first signature', async () => {
      try {
        await this.#acknowledge();
        return true;
      } catch (error) {
        // There is no digest to acknowledge before the first signature, a moment after the start.
        if (error instanceof Error && /InternalError|500/.test(error.message)) return false;
        throw error;
      }
    });
    await this.decide([
      { name: 'transition_service_to_open', args: { next_service_identity: this.certificate } },
    ]);
    await this.#untilOpen();
  }

  async #acknowledge(): Promise<void> {
    for (const member of this.#members) await ack(this.#session, member);
  }

  async #recover(workspace: Workspace, say: (line: string) => void): Promise<void> {
    await this.#until('the public ledger', async () => (await this.#state()) === 'PartOfPublicNetwork');
    say('members vote to recover the service and give their shares of its key ...');
    await this.decide([
      {
        name: 'transition_service_to_open',
        args: {
          previous_service_identity: read(join(this.folder, 'previous_service_cert.pem')),
          next_service_identity: this.certificate,
        },
      },
    ]);
    for (const [i, { encryptionKey }] of workspace.members.entries()) {
      const member = this.#members[i] as Signer;
      const { submittedCount, recoveryThreshold } = await submitShare(
        this.#session,
        member,
        read(encryptionKey),
      );
      if (submittedCount >= recoveryThreshold) break;
    }
    await this.#untilOpen();
  }

  async #state(): Promise<string> {
    const answer = await this.#session.request({ method: 'GET', path: '/node/state' });
    return (JSON.parse(new TextDecoder().decode(answer.body)) as { state?: string }).state ?? '';
  }

  async #untilOpen(): Promise<void> {
    await this.#until('the service', async () => {
      const { status } = await this.#session.request({ method: 'GET', path: '/node/ready/app' });
      return status === 204;
    });
  }

  async #until(what: string, done: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + waitMs;
    while (!(await done())) {
      if (!this.node.running) throw this.node.died();
      if (Date.now() > deadline)
        throw new Error(
          `${what} is not ready after ${waitMs / 1000} s; the node's logs are in ${this.folder}`,
        );
      await this.#session.world.sleep(25);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync().then(() => undefined);
  }
}

/** The folder of an earlier run: keys stay, the service certificate becomes that of the service to recover. */
function takeUp(folder: string): Workspace {
  const common = join(folder, 'sandbox_common');
  const serviceCert = join(common, 'service_cert.pem');
  // Gone, so that nobody takes it for that of the service to come.
  renameSync(serviceCert, join(folder, 'previous_service_cert.pem'));
  const file = (name: string): string => join(common, name);
  const members = Array.from({ length: memberCount }, (_, i) => ({
    name: `member${i}`,
    cert: file(`member${i}_cert.pem`),
    key: file(`member${i}_privk.pem`),
    encryptionCert: file(`member${i}_enc_pubk.pem`),
    encryptionKey: file(`member${i}_enc_privk.pem`),
  }));
  const node = join(folder, 'sandbox_0');
  writeFileSync(join(node, 'rpc_addresses.json'), '');
  return { common, node, serviceCert, members, users: [] };
}

/** Two members together bring a lost service back; one alone cannot. */
function withThreshold(configuration: object): object {
  const { command } = configuration as { command: { start: { service_configuration: object } } };
  const service_configuration = { ...command.start.service_configuration, recovery_threshold: 2 };
  return { ...configuration, command: { ...command, start: { ...command.start, service_configuration } } };
}

function recovering(configuration: object, workspace: Workspace): object {
  return {
    ...configuration,
    command: {
      type: 'Recover',
      service_certificate_file: workspace.serviceCert,
      recover: {
        initial_service_certificate_validity_days: 365,
        previous_service_identity_file: join(workspace.node, '..', 'previous_service_cert.pem'),
      },
    },
  };
}

/** The wanted port if nobody has it, else any. */
async function freeAddress(host: string, port: number): Promise<string> {
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

function read(file: string): string {
  return readFileSync(file, 'utf8');
}
