import { type Entry, emptyJoiner, genesis, type Message, type NodeId, Raft } from '@coco/consensus';

const HEARTBEAT_MS = 10;
const ELECTION_MS = 100;
const encoder = new TextEncoder();

/** A message on its way. One queue per sender, whatever the destination. */
export interface Queued {
  readonly to: NodeId;
  readonly message: Message;
}

/** A node of the scenario driver: its disk answers at once, its messages wait to be dispatched. */
export class CcfNode {
  readonly id: NodeId;
  readonly raft: Raft;
  readonly ledger: Entry[] = [];
  queue: Queued[] = [];

  constructor(options: {
    readonly id: NodeId;
    readonly first: boolean;
    readonly preVote: boolean;
    readonly random: () => number;
  }) {
    this.id = options.id;
    this.raft = new Raft({
      id: options.id,
      random: options.random,
      origin: options.first ? genesis : emptyJoiner,
      heartbeatTicks: HEARTBEAT_MS,
      electionTicks: ELECTION_MS,
      preVote: options.preVote,
      // The scenarios were written for voters that grant a pre-vote even if they have just heard a leader,
      // and for leaders that send with the heartbeat only.
      stickyLeader: false,
      eager: false,
      // Their message counts know nothing of entries that must first be read back from the ledger.
      limits: { memoryAloneBytesMax: Number.POSITIVE_INFINITY },
    });
  }

  tick(ms: number): void {
    this.raft.step({ kind: 'tick', ticks: ms });
    this.#settle();
  }

  receive(from: NodeId, message: Message): void {
    this.raft.step({ kind: 'received', from, message });
    this.#settle();
  }

  propose(text: string, kind: Partial<Pick<Entry, 'committable' | 'configuration' | 'retired'>> = {}): void {
    const entry = { view: this.raft.view, seqno: this.raft.last + 1, committable: false, ...kind };
    this.raft.step({ kind: 'propose', entries: [{ ...entry, bytes: encoder.encode(text) }] });
    this.#settle();
  }

  #settle(): void {
    for (let outputs = this.raft.ready(); outputs.length > 0; outputs = this.raft.ready()) {
      for (const output of outputs) {
        if (output.kind === 'send') this.queue.push({ to: output.to, message: output.message });
        else if (output.kind === 'truncate') this.ledger.length = output.seqno;
        else if (output.kind === 'append') {
          this.ledger.push(...output.entries);
          this.raft.step({ kind: 'appended', seqno: this.ledger.length, token: output.token });
        } else if (output.kind === 'read') {
          const entries = this.ledger.slice(output.from - 1, output.to);
          this.raft.step({ kind: 'entries-read', from: output.from, entries });
        }
      }
    }
  }
}

/** A node as `/node/consensus` of CCF words it: what `assert_detail` looks into. */
export function detailsOf({ raft }: CcfNode): Record<string, unknown> {
  const status = raft.status();
  return {
    leadership_state: status.role,
    membership_state: status.membership,
    ...(status.retirementPhase === null ? {} : { retirement_phase: status.retirementPhase }),
    current_view: status.view,
    primary_id: status.leader,
    // The driver's nodes tick from their creation.
    ticking: true,
    configs: status.configurations.map(({ seqno, voters }) => ({ idx: seqno, nodes: voters })),
    acks: Object.fromEntries([...status.peers].map(([node, { seqno }]) => [node, { seqno }])),
  };
}

/** Two entries are the same when everything that is replicated is. */
export function sameEntry(a: Entry | undefined, b: Entry | undefined): boolean {
  return (
    a !== undefined &&
    b !== undefined &&
    a.view === b.view &&
    a.seqno === b.seqno &&
    a.bytes.length === b.bytes.length &&
    a.bytes.every((byte, at) => byte === b.bytes[at])
  );
}
