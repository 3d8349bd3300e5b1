import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { NodesOut, StateOut } from '@coco/api';
import {
  get,
  keySigner,
  network,
  nodeState,
  nodes as nodesOf,
  Session,
  type Signer,
  submitShare,
} from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import type { Bundle } from '../contract/bundle.ts';
import { decide, type ProposedAction } from './govern.ts';
import { NodeProcess, nodeExecutable } from './node-process.ts';
import { open, openService, text } from './open-service.ts';
import { until } from './waiting.ts';
import {
  joinCommand,
  type NodeCommand,
  nodeConfiguration,
  nodeFolder,
  recoverCommand,
  startCommand,
  type Workspace,
} from './workspace.ts';

const waitMs = 60_000;
const anywhere = '127.0.0.1:0';

/** How the nodes of a network are run. */
export interface LocalNetworkOptions {
  /** Scripts of the constitution of a new service. */
  readonly constitution: readonly string[];
  /** Members who together bring the service back from a disaster. */
  readonly recoveryThreshold?: number;
  /** The daemon to run, when it is not the one of this release; or which one as a given node. */
  readonly executable?: string | ((index: number) => string);
  /** Where a node serves unless it is said when it starts: any port of loopback. */
  readonly address?: (index: number) => string;
  /** Changes the configuration of a node before it starts. */
  readonly configure?: (configuration: Record<string, unknown>, index: number) => void;
}

/** One node of the network, in a process of its own. */
export interface LocalNode {
  /** Its folder is `sandbox_<index>`. */
  readonly index: number;
  readonly id: string;
  readonly url: string;
  readonly process: NodeProcess;
  /** Speaks to this node alone, as nobody. */
  readonly session: Session;
}

/** Keys to speak to the service with. */
export interface ClientKeys {
  readonly certificate: string;
  readonly privateKey: string;
}

/** How a session takes to the nodes. */
export interface SessionTaste {
  /** The place of the running node to turn to first. */
  readonly first?: number;
  /** Silence after which it turns to another, in milliseconds. */
  readonly timeoutMs?: number;
}

/**
 * A service whose nodes are processes on this machine, run as operators and members of a consortium would run it:
 * nodes start, join and recover by their configuration, and whatever needs a vote is voted.
 */
export class LocalNetwork implements AsyncDisposable {
  readonly workspace: Workspace;
  /** Every node that was started, those that ended included, in that order. */
  readonly nodes: LocalNode[] = [];
  readonly #options: LocalNetworkOptions;
  readonly #resources = new AsyncDisposableStack();
  #stopping = false;

  constructor(workspace: Workspace, options: LocalNetworkOptions) {
    this.workspace = workspace;
    this.#options = options;
  }

  /** Starts the first node of a new service; the service is not open yet. */
  start(address?: string): Promise<LocalNode> {
    const { constitution, recoveryThreshold } = this.#options;
    return this.#launch(0, address, startCommand(this.workspace, constitution, recoveryThreshold));
  }

  /** Members acknowledge, install the contract and open the service. */
  async open(bundle?: Bundle): Promise<void> {
    await openService(this.session(), this.workspace, bundle);
  }

  /** Starts a node that asks a running one to let it join; see `admit`. */
  join(index: number, address?: string): Promise<LocalNode> {
    const [target] = this.running;
    if (target === undefined) throw new Error('there is no node to join by');
    return this.#launch(index, address, joinCommand(this.workspace, new URL(target.url).host));
  }

  /** Members vote the nodes that ask to join in, where a vote is needed; resolves when they take part, caught up. */
  async admit(...joiners: readonly LocalNode[]): Promise<void> {
    const session = this.session();
    const found = async () => {
      const recorded = await nodesOf(session);
      return joiners.flatMap(({ id }) => recorded.filter(({ node_id }) => node_id === id));
    };
    await this.#until(
      joiners,
      'the nodes ask to join',
      async () => (await found()).length === joiners.length,
    );
    const pending = (await found()).filter(({ status }) => status === 'Pending');
    const valid_from = new Date().toISOString();
    if (pending.length > 0) {
      const trust = ({ node_id }: { node_id: string }) => ({
        name: 'transition_node_to_trusted',
        args: { node_id, valid_from },
      });
      await this.decide(pending.map(trust));
    }
    for (const node of joiners) await this.#reaches(node, 'PartOfNetwork');
    const isLearning = ({ role, votes }: NodesOut['nodes'][number]) => role === 'vote' && votes === false;
    await this.#until(joiners, 'the nodes have caught up', async () => !(await found()).some(isLearning));
  }

  /** Members vote a node out; resolves when its process may be stopped. */
  async retire(node: LocalNode): Promise<void> {
    await this.decide([{ name: 'remove_node', args: { node_id: node.id } }]);
    const others = this.running.filter((other) => other !== node);
    await until('the node is retired', async () => {
      const removable = others.map(({ session }) => get<NodesOut>(session, '/node/network/removable_nodes'));
      const { nodes } = await Promise.any(removable);
      return nodes.some(({ node_id }) => node_id === node.id);
    });
  }

  /**
   * Brings the service back from the ledger of one node: it recovers, members vote, and enough of them give their
   * shares. The certificate of the lost service is moved to `previous_service_cert.pem` of the workspace.
   */
  async recover(index: number, address?: string): Promise<LocalNode> {
    const { folder, members, serviceCert } = this.workspace;
    const previous = join(folder, 'previous_service_cert.pem');
    // Gone, so that nobody takes it for that of the service to come. An interrupted recovery has moved it already.
    if (existsSync(serviceCert)) renameSync(serviceCert, previous);
    const node = await this.#launch(index, address, recoverCommand(this.workspace, previous));
    await this.#reaches(node, 'PartOfPublicNetwork');
    const previous_service_identity = text(previous);
    const next_service_identity = text(serviceCert);
    await this.decide([
      { name: 'transition_service_to_open', args: { previous_service_identity, next_service_identity } },
    ]);
    for (const { cert, encryptionKey, key } of members) {
      const signer = keySigner(text(cert), text(key));
      const { recoveryThreshold, submittedCount } = await submitShare(
        node.session,
        signer,
        text(encryptionKey),
      );
      if (submittedCount >= recoveryThreshold) break;
    }
    await open(node.session);
    return node;
  }

  /** Puts actions to the vote of all members, who are in favour. */
  async decide(actions: readonly ProposedAction[]): Promise<void> {
    await decide(this.session(), this.#signers, actions);
  }

  /** Tells of each node that ends by itself, and rejects when none is left. */
  async outlive(tell: (line: string) => void): Promise<never> {
    const ends = this.nodes.map(async ({ index, process }) => {
      await process.ended;
      if (!this.#stopping && this.running.length > 0) tell(`sandbox_${index} has ended; the others go on`);
      return process;
    });
    const [last] = await Promise.all(ends);
    throw last?.died() ?? new Error('there is no node');
  }

  /** The nodes whose processes run. */
  get running(): readonly LocalNode[] {
    return this.nodes.filter(({ process }) => process.running);
  }

  /** The node that leads, as the others say; undefined while they do not. */
  async primary(): Promise<LocalNode | undefined> {
    for (const node of this.running) {
      const seen = await network(node.session).catch(() => undefined);
      const primary = this.running.find(({ id }) => id === seen?.primary_id);
      if (primary) return primary;
    }
    return undefined;
  }

  /** A session with the running nodes, as somebody or as nobody. */
  session(client?: ClientKeys, options: SessionTaste = {}): Session {
    const urls = this.running.map(({ url }) => url);
    const first = (options.first ?? 0) % Math.max(1, urls.length);
    return this.#sessionWith([...urls.slice(first), ...urls.slice(0, first)], client, options.timeoutMs);
  }

  /** Stops every node. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.nodes.map(({ process }) => process[Symbol.asyncDispose]()));
    await this.#resources.disposeAsync();
  }

  /** The member who proposes. */
  get proposer(): Signer {
    const [first] = this.#signers;
    if (first === undefined) throw new Error('there is no member');
    return first;
  }

  get #signers(): readonly Signer[] {
    return this.workspace.members.map(({ cert, key }) => keySigner(text(cert), text(key)));
  }

  async #launch(index: number, given: string | undefined, command: NodeCommand): Promise<LocalNode> {
    const { configure, executable: wanted = nodeExecutable } = this.#options;
    const executable = typeof wanted === 'string' ? wanted : wanted(index);
    const address = given ?? this.#options.address?.(index) ?? anywhere;
    const folder = nodeFolder(this.workspace.folder, index);
    mkdirSync(folder, { recursive: true });
    const configuration = nodeConfiguration(folder, { address, command });
    configure?.(configuration, index);
    const process = this.#resources.use(new NodeProcess(folder, configuration, executable));
    const url = await process.address(this.workspace.serviceCert, waitMs);
    const session = this.#sessionWith([url]);
    const node = { index, id: await process.id(waitMs), url, process, session };
    this.nodes.push(node);
    return node;
  }

  #sessionWith(addresses: readonly string[], client?: ClientKeys, timeoutMs?: number): Session {
    const serviceCertificate = text(this.workspace.serviceCert);
    const transport = this.#resources.use(
      httpsTransport({ serviceCertificate, ...(client && { client }), ...(timeoutMs && { timeoutMs }) }),
    );
    return new Session(nodeWorld(transport), { addresses, serviceCertificate });
  }

  /** A node that does not take part yet cannot prove to be of the service, so it cannot be asked. */
  async #reaches(node: LocalNode, state: StateOut['state']): Promise<void> {
    const isThere = async () => (await nodeState(node.session).catch(() => undefined))?.state === state;
    await this.#until([node], `sandbox_${node.index} is ${state}`, isThere);
  }

  /** Waits for something that these nodes must live to see. */
  async #until(needed: readonly LocalNode[], what: string, done: () => Promise<boolean>): Promise<void> {
    const alive = async () => {
      for (const { process } of needed) if (!process.running) throw process.died();
      return done();
    };
    await until(what, alive, waitMs);
  }
}
