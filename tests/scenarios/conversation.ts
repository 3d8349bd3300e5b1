import {
  type Entry,
  emptyJoiner,
  genesis,
  type Limits,
  type Message,
  type Output,
  Raft,
} from '@coco/consensus';
import { describeMessage, describeOutput, describeState } from './transcript.ts';

interface Participant {
  readonly raft: Raft;
  ledger: Entry[];
  /** First seqno of the ledger, later than 1 after a snapshot. */
  start: number;
  /** Answers the disk owes while it is held; null while it answers at once. */
  held: { readonly seqno: number; readonly token: number }[] | null;
}

/** What nodes created from now on are like. */
interface Manner {
  preVote: boolean;
  stickyLeader: boolean;
  eager: boolean;
  limits: Partial<Limits>;
}

const HEARTBEAT = 10;
const ELECTION = 100;
const SETTLE_MESSAGES_MAX = 10_000;

/**
 * The world of a scenario: nodes, their disks, and one queue of messages between them. A command changes it
 * and answers with the lines that the transcript shows beneath it.
 */
export class Conversation {
  readonly #participants = new Map<string, Participant>();
  readonly #manner: Manner = { preVote: true, stickyLeader: true, eager: true, limits: {} };
  #queue: { readonly from: string; readonly to: string; readonly message: Message }[] = [];
  #lines: string[] = [];

  /** Runs one command. `quietly` before it leaves out what it printed. */
  run(command: string): string[] {
    this.#lines = [];
    const words = command.split(/\s+/);
    const quiet = words[0] === 'quietly';
    const [verb = '', ...args] = quiet ? words.slice(1) : words;
    const act = this.#verbs[verb];
    if (act === undefined) throw new Error(`there is no command ${verb}`);
    act(args);
    return quiet ? [] : this.#lines;
  }

  readonly #verbs: Readonly<Record<string, (args: readonly string[]) => void>> = {
    options: (args) => this.#options(args),
    found: ([id = '']) => {
      this.#create(id, true);
      this.#propose(id, [{ configuration: { voters: [id], learners: [] } }, { committable: true }]);
    },
    join: (ids) => {
      for (const id of ids) this.#create(id, false);
    },
    configure: ([id = '', ...args]) => {
      const { voters = '', learners = '' } = settings(args);
      this.#propose(id, [{ configuration: { voters: list(voters), learners: list(learners) } }]);
    },
    propose: ([id = '', count = '1']) => this.#propose(id, Array(Number(count)).fill({})),
    sign: ([id = '']) => this.#propose(id, [{ committable: true }]),
    retired: ([id = '', ...nodes]) => this.#propose(id, [{ retired: nodes }]),
    tick: ([id = '', ticks = '1']) => this.#step(id, () => ({ kind: 'tick', ticks: Number(ticks) })),
    transfer: ([id = '', to]) => this.#step(id, () => ({ kind: 'transfer', to: to ?? null })),
    confirm: ([id = '', context = '1']) =>
      this.#step(id, () => ({ kind: 'confirm', context: Number(context) })),
    deliver: ([link, count]) => this.#deliver(link, Number(count ?? Number.POSITIVE_INFINITY)),
    settle: () => this.#settle(),
    drop: ([link]) => {
      this.#queue = this.#queue.filter((queued) => !matches(queued, link));
    },
    hold: ([id = '']) => {
      this.#node(id).held ??= [];
    },
    release: ([id = '', count]) => this.#release(id, count),
    snapshot: ([id = '', , from = '']) => this.#snapshot(id, from),
    state: (ids) => {
      for (const id of ids.length > 0 ? ids : this.#participants.keys()) {
        this.#lines.push(describeState(this.#node(id).raft));
      }
    },
    queue: () => {
      for (const { from, to, message } of this.#queue) {
        this.#lines.push(`${from} > ${to} ${describeMessage(message)}`);
      }
    },
  };

  #node(id: string): Participant {
    const found = this.#participants.get(id);
    if (found === undefined) throw new Error(`there is no node ${id}`);
    return found;
  }

  #options(args: readonly string[]): void {
    for (const [key, value] of Object.entries(settings(args))) {
      if (key === 'preVote' || key === 'stickyLeader' || key === 'eager') this.#manner[key] = value === 'yes';
      else this.#manner.limits = { ...this.#manner.limits, [key]: Number(value) };
    }
  }

  #create(id: string, first: boolean): void {
    const raft = new Raft({
      id,
      random: () => 0.5,
      origin: first ? genesis : emptyJoiner,
      heartbeatTicks: HEARTBEAT,
      electionTicks: ELECTION,
      ...this.#manner,
    });
    this.#participants.set(id, { raft, ledger: [], start: 1, held: null });
  }

  #propose(id: string, kinds: readonly Partial<Entry>[]): void {
    this.#step(id, ({ raft }) => {
      const entries = kinds.map((kind, at) => {
        const place = { view: raft.view, seqno: raft.last + 1 + at };
        return { ...place, committable: false, bytes: new Uint8Array(10), ...kind };
      });
      return { kind: 'propose', entries };
    });
  }

  #step(id: string, event: (node: Participant) => Parameters<Raft['step']>[0]): void {
    const node = this.#node(id);
    node.raft.step(event(node));
    for (let outputs = node.raft.ready(); outputs.length > 0; outputs = node.raft.ready()) {
      for (const output of outputs) {
        this.#lines.push(describeOutput(id, output));
        this.#carryOut(id, node, output);
      }
    }
  }

  #carryOut(id: string, node: Participant, output: Output): void {
    const { ledger, start, raft } = node;
    if (output.kind === 'send') this.#queue.push({ from: id, to: output.to, message: output.message });
    else if (output.kind === 'truncate') ledger.length = Math.max(0, output.seqno - start + 1);
    else if (output.kind === 'append') {
      ledger.push(...output.entries);
      const answer = { seqno: raft.last, token: output.token };
      if (node.held !== null) node.held.push(answer);
      else raft.step({ kind: 'appended', ...answer });
    } else if (output.kind === 'read') {
      const reachesBack = output.from >= start;
      const entries = reachesBack ? ledger.slice(output.from - start, output.to - start + 1) : [];
      raft.step({ kind: 'entries-read', from: output.from, entries });
    }
  }

  #deliver(link: string | undefined, count: number): void {
    const due = this.#queue.filter((queued) => matches(queued, link)).slice(0, count);
    this.#queue = this.#queue.filter((queued) => !due.includes(queued));
    for (const { from, to, message } of due) {
      this.#step(to, () => ({ kind: 'received', from, message }));
    }
  }

  #settle(): void {
    for (let i = 0; i < SETTLE_MESSAGES_MAX && this.#queue.length > 0; i++) this.#deliver(undefined, 1);
  }

  /** The disk answers for what it owes, oldest first; when for all of it, it answers at once from then on. */
  #release(id: string, count: string | undefined): void {
    const node = this.#node(id);
    const owed = node.held ?? [];
    const answered = owed.splice(0, Number(count ?? owed.length));
    if (count === undefined) node.held = null;
    for (const answer of answered) this.#step(id, () => ({ kind: 'appended', ...answer }));
  }

  #snapshot(id: string, from: string): void {
    const node = this.#node(id);
    const origin = this.#node(from).raft.snapshotOrigin();
    node.ledger = [];
    node.start = origin.seqno + 1;
    this.#step(id, () => ({ kind: 'installed', origin }));
  }
}

/** `a>b`: that link; `a`: everything from a; nothing: everything. */
function matches(queued: { readonly from: string; readonly to: string }, link: string | undefined): boolean {
  const [from, to] = (link ?? '').split('>');
  return (from === '' || from === queued.from) && (to === undefined || to === queued.to);
}

function settings(args: readonly string[]): Record<string, string> {
  return Object.fromEntries(args.map((arg) => [arg.split('=')[0], arg.split('=')[1] ?? '']));
}

function list(names: string): string[] {
  return names === '' ? [] : names.split(',');
}
