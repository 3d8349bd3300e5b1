import type { Entry, NodeId } from '@coco/consensus';
import { generator } from '../simulation/world/random.ts';
import { CcfNode, detailsOf, sameEntry } from './ccf-node.ts';

/** What a scenario line asked for and did not get. */
export class ScenarioFailed extends Error {}

function fail(message: string): never {
  throw new ScenarioFailed(message);
}

const DISPATCH_ROUNDS_MAX = 5;
const SYNC_ROUNDS_MAX = 20;

/** The world of CCF's scenario language: nodes, the links between them, and one queue per sender. */
export class CcfDriver {
  preVote = false;
  readonly transcript: string[] = [];
  readonly #nodes = new Map<NodeId, CcfNode>();
  readonly #links = new Set<string>();
  readonly #random = generator(1);

  /** Nodes in lexicographic order, which decides who is dispatched first. */
  nodes(): CcfNode[] {
    return [...this.#nodes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  node(id: NodeId | undefined): CcfNode {
    return this.#nodes.get(id ?? '') ?? fail(`there is no node ${id}`);
  }

  startNode(id: NodeId): void {
    if (this.#nodes.size > 0) fail('start_node is for the first node only');
    this.#create(id, true);
    this.#proposeMembers(this.node(id), [id]);
  }

  /** Creates and connects `incoming`, and lets the leader of `view` configure all but `outgoing`. */
  swapNodes(view: string, incoming: readonly NodeId[], outgoing: readonly NodeId[]): void {
    for (const id of incoming) this.createNode(id);
    const voters = this.nodes().map((node) => node.id);
    this.#proposeMembers(
      this.leaderOf(view) ?? fail('there is no leader'),
      voters.filter((id) => !outgoing.includes(id)),
    );
  }

  createNode(id: NodeId): void {
    if (this.#nodes.has(id)) fail(`node ${id} exists`);
    this.#create(id, false);
    for (const other of this.#nodes.keys()) if (other !== id) this.connect(id, other);
  }

  configure(view: string, voters: readonly NodeId[]): void {
    this.#proposeMembers(this.leaderOf(view) ?? fail('there is no leader'), voters);
  }

  cleanupNodes(view: string, retired: readonly NodeId[]): void {
    this.leaderOf(view)?.propose(`retired ${retired.join(' ')}`, { retired });
  }

  replicate(view: string, text: string, committable: boolean): void {
    this.leaderOf(view)?.propose(text, { committable });
  }

  /** The leader of a view; of the newest for `latest`, which alone may have none. */
  leaderOf(view: string): CcfNode | null {
    const leaders = this.nodes().filter(({ raft }) => raft.role === 'Leader');
    if (view === 'latest') {
      return leaders.reduce<CcfNode | null>(
        (best, node) => (best === null || node.raft.view > best.raft.view ? node : best),
        null,
      );
    }
    return leaders.find(({ raft }) => String(raft.view) === view) ?? fail(`no leader in view ${view}`);
  }

  /** Delivers what `id` has queued, until nothing is left or `max` messages were delivered. */
  dispatch(id: NodeId, max = Number.POSITIVE_INFINITY): void {
    const node = this.node(id);
    for (let delivered = 0; delivered < max && node.queue.length > 0; ) {
      if (this.#deliver(node, node.queue.shift()!)) delivered++;
    }
  }

  dispatchAllOnce(): void {
    const counts = this.nodes().map(({ id, queue }) => [id, queue.length] as const);
    for (const [id, count] of counts) this.dispatch(id, count);
  }

  dispatchAll(): void {
    for (let round = 0; round < DISPATCH_ROUNDS_MAX; round++) {
      if (this.nodes().every(({ queue }) => queue.length === 0)) return;
      this.dispatchAllOnce();
    }
  }

  dispatchSingle(from: NodeId, to: NodeId): void {
    const { queue } = this.node(from);
    const at = queue.findIndex((queued) => queued.to === to);
    if (at >= 0) this.#deliver(this.node(from), queue.splice(at, 1)[0]!);
  }

  dropPending(from: NodeId, to?: NodeId): void {
    const node = this.node(from);
    node.queue = to === undefined ? [] : node.queue.filter((queued) => queued.to !== to);
  }

  shuffle(id: NodeId): void {
    const { queue } = this.node(id);
    for (let i = queue.length - 1; i > 0; i--) {
      const j = Math.floor(this.#random() * (i + 1));
      [queue[i], queue[j]] = [queue[j]!, queue[i]!];
    }
  }

  connect(a: NodeId, b: NodeId): void {
    this.#links.add(`${a} ${b}`).add(`${b} ${a}`);
  }

  disconnect(a: NodeId, b: NodeId): void {
    this.#links.delete(`${a} ${b}`);
    this.#links.delete(`${b} ${a}`);
  }

  connectNode(id: NodeId, connected: boolean): void {
    for (const { id: other } of this.nodes()) {
      if (other === id) continue;
      if (connected) this.connect(id, other);
      else this.disconnect(id, other);
    }
  }

  assertDetail(id: NodeId, key: string, expected: string, equal: boolean): void {
    const value = detailsOf(this.node(id))[key];
    const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
    if ((text === expected) !== equal) fail(`${key} of ${id} is ${text}`);
  }

  assertCommit(id: NodeId, expected: string): void {
    const { commit } = this.node(id).raft;
    if (String(commit) !== expected) fail(`commit of ${id} is ${commit}`);
  }

  assertLast(id: NodeId, expected: string): void {
    const { raft } = this.node(id);
    const last = `${raft.viewAt(raft.last)}.${raft.last}`;
    if (last !== expected) fail(`the last transaction of ${id} is ${last}`);
  }

  /** `voters` null: there is to be no active configuration at `seqno`. */
  assertConfiguration(id: NodeId, seqno: string, voters: readonly NodeId[] | null): void {
    const active = this.node(id).raft.status().configurations;
    const found = active.find((configuration) => String(configuration.seqno) === seqno);
    const text = [...(found?.voters ?? [])].sort().join(',');
    if (voters === null && found !== undefined) fail(`${id} has a configuration ${text} at ${seqno}`);
    if (voters !== null && text !== [...voters].sort().join(',')) fail(`${id} has [${text}] at ${seqno}`);
  }

  assertSync(nodes = this.nodes()): void {
    const [first, ...others] = nodes;
    for (const other of others) {
      for (const key of ['view', 'last', 'commit'] as const) {
        const [a, b] = [first!.raft[key], other.raft[key]];
        if (a !== b) fail(`${key} of ${first!.id} is ${a}, of ${other.id} ${b}`);
      }
      const at = first!.ledger.findIndex((entry, i) => !sameEntry(entry, other.ledger[i]));
      if (at >= 0) fail(`${first!.id} and ${other.id} differ at ${at + 1}`);
    }
  }

  /** What a node has committed is held by a majority of each of its configurations. */
  assertCommitSafety(node: CcfNode): void {
    const { commit, configurations } = node.raft.status();
    const held = node.ledger.slice(0, commit);
    const holds = (id: NodeId) => {
      const other = this.#nodes.get(id);
      return other !== undefined && held.every((entry, at) => sameEntry(entry, other.ledger[at]));
    };
    for (const { seqno, voters } of configurations) {
      if (seqno > commit) continue;
      const count = voters.filter(holds).length;
      if (count * 2 <= voters.length) {
        fail(`${node.id} committed ${commit}, which only ${count} of [${voters}] hold`);
      }
    }
  }

  loopUntilSync(): void {
    const leader = this.leaderOf('latest') ?? fail('there is no leader to synchronise with');
    const active = () => this.nodes().filter(({ raft }) => raft.status().membership === 'Active');
    leader.propose('signature', { committable: true });
    for (const { id } of this.nodes()) this.connectNode(id, true);
    for (let round = 0; round < SYNC_ROUNDS_MAX; round++) {
      leader.tick(10);
      this.dispatchAll();
    }
    this.assertSync(active());
  }

  describe({ id, raft }: CcfNode): string {
    const { role, view, last, commit } = raft;
    return `${id}: ${role} in view ${view}, last ${raft.viewAt(last)}.${last}, commit ${commit}`;
  }

  describeLog({ id, raft, ledger }: CcfNode): string {
    const place = ({ view, seqno, committable }: Entry) =>
      committable ? `[${view}.${seqno}]` : `${view}.${seqno}`;
    return `${id}: ${ledger.map(place).join(', ')} (commit ${raft.commit})`;
  }

  #create(id: NodeId, first: boolean): void {
    this.#nodes.set(id, new CcfNode({ id, first, preVote: this.preVote, random: this.#random }));
  }

  #proposeMembers(leader: CcfNode, voters: readonly NodeId[]): void {
    leader.propose(`members ${voters.join(' ')}`, { configuration: { voters, learners: [] } });
  }

  /** Answers whether it was delivered: messages over a cut link, or whose entries are gone, are lost. */
  #deliver(
    from: CcfNode,
    { to, message }: { to: NodeId; message: Parameters<CcfNode['receive']>[1] },
  ): boolean {
    if (!this.#links.has(`${from.id} ${to}`)) return false;
    // CCF's driver reads the entries from the sender's ledger only now.
    const isHeld = (entry: Entry) => sameEntry(entry, from.ledger[entry.seqno - 1]);
    if (message.kind === 'append' && !message.entries.every(isHeld)) return false;
    this.node(to).receive(from.id, message);
    return true;
  }
}
