import type { JoinPolicyOut, ProposalIn, ServiceInfoOut } from '@coco/api';
import { versioned } from '@coco/client';
import { decodeEntry, isSignature } from '@coco/ledger';
import type { Random } from '../world/random.ts';
import { Violation } from '../world/report.ts';
import { type Script, sleep } from '../world/script.ts';
import { Caller, contentOf, get } from './caller.ts';
import type { CommittedLedger } from './checkers/committed-ledger.ts';
import { assign, companyOf, introduce } from './companies.ts';
import type { Consortium } from './consortium.ts';
import type { Daemon } from './daemon.ts';
import type { Members } from './governance.ts';
import type { Machine } from './machine.ts';

const LOOK_MS = 200;
/** With nothing committed for so long, and a majority gone, the service is taken for lost. */
const PATIENCE_MS = 10_000;
const VALIDITY_DAYS = 30;

interface ListedNode {
  readonly node_id: string;
  readonly status: 'Pending' | 'Trusted' | 'Retired';
}

/**
 * Whoever runs the machines: starts the service, lets nodes join and asks for votes on them, replaces those that died,
 * and recovers the service from its files when too much of it is gone.
 */
export class Operator {
  /** The service serves, as far as the operator knows. */
  isOpen = false;
  /** No more changes of nodes than are needed. */
  isQuiet = false;
  /** Certificates of the service, the present one last. */
  readonly certificates: string[] = [];
  readonly #consortium: Consortium;
  readonly #members: Members;
  readonly #ledger: CommittedLedger;
  readonly #random: Random;
  readonly #caller: Caller;
  /** Puts back the undamaged files of a machine. */
  readonly #backups = new Map<Machine, () => void>();
  #progress = { last: 0, at: 0 };

  constructor(consortium: Consortium, members: Members, ledger: CommittedLedger, random: Random) {
    this.#consortium = consortium;
    this.#members = members;
    this.#ledger = ledger;
    this.#random = random;
    this.#caller = new Caller(consortium, null);
  }

  /** The life of the service. */
  *run(): Script {
    const first = this.#consortium.addMachine();
    const daemon = this.#consortium.launch(first, { type: 'Start', members: this.#members.members });
    yield* this.#open(daemon);
    for (;;) {
      yield* sleep(this.#consortium.clock, LOOK_MS);
      if (this.#isLost()) yield* this.#recover(this.#mostComplete());
      else yield* this.#look();
    }
  }

  /** Remembers what is on the platter, before it is damaged. */
  backUp(machine: Machine): void {
    if (!this.#backups.has(machine)) this.#backups.set(machine, machine.disk.backUp());
  }

  /** As many nodes as there should be, and all of them take part. */
  get isComplete(): boolean {
    const { nodes } = this.#consortium.parameters;
    const trusted = this.#consortium.daemons().filter((daemon) => this.#isVoter(daemon));
    return this.isOpen && trusted.length >= nodes;
  }

  /** Whether the living, without these, are a majority of every configuration that one of them knows; and one knows any. */
  survives(lost: readonly Daemon[]): boolean {
    const living = this.#consortium.daemons().filter((daemon) => !lost.includes(daemon));
    const ids = new Set(living.map(({ node }) => node.id));
    const configurations = this.#consortium
      .daemons()
      .flatMap(({ node }) => node.replica?.raft.status().configurations ?? []);
    if (configurations.length === 0) return false;
    return configurations.every(
      ({ voters }) => voters.filter((id) => ids.has(id)).length * 2 > voters.length,
    );
  }

  #isVoter({ node }: Daemon): boolean {
    const current = node.replica?.raft.status().configurations ?? [];
    return current.some(({ voters }) => voters.includes(node.id));
  }

  /** From a service that was just created to one that serves clients. */
  *#open(daemon: Daemon): Script {
    yield* this.#serviceCertificate(daemon);
    yield* this.#members.activate();
    yield* this.#members.pass(() => [
      ...[...this.#members.users, ...this.#members.dealers].map(({ certificate }) => ({
        name: 'set_user',
        args: { cert: certificate },
      })),
      ...(this.#consortium.parameters.hasCompanies
        ? introduce(this.#members.dealers, daemon.node.id, daemon.machine)
        : []),
      { name: 'set_js_app', args: { bundle: this.#consortium.bundle } },
      { name: 'transition_service_to_open', args: { next_service_identity: daemon.serviceCertificate } },
    ]);
    while ((yield* this.#serviceStatus()) !== 'Open') yield* sleep(this.#consortium.clock, LOOK_MS);
    this.#opened();
  }

  // Nodes come and go.

  /** One look at how nodes stand, and what it leads to. */
  *#look(): Script {
    this.#startNodes();
    // Another node may know better: one that was voted out while it was cut off goes on as if nothing had happened.
    this.#caller.turnElsewhere();
    const reply = yield* this.#caller.call(get('/node/network/nodes'), 2_000);
    const listed = contentOf<{ nodes: readonly ListedNode[] }>(reply)?.nodes;
    if (listed === undefined || this.#isLost()) return;
    yield* this.#stopRemovable();
    this.#stopOutdated(listed);
    const policy = yield* this.#policyChanges(listed);
    const actions = [...policy, ...this.#newcomers(listed), ...this.#departures(listed)];
    if (actions.length > 0) {
      const isAccepted = yield* this.#members.pass(() => actions, 1);
      if (isAccepted) for (const { name } of actions) this.#consortium.reached.add(name);
    }
  }

  /** Every machine runs a node; there are as many machines as there should be. */
  #startNodes(): void {
    const { machines, parameters } = this.#consortium;
    while (machines.length < parameters.nodes) this.#consortium.addMachine();
    const target = machines.find(({ daemon }) => daemon?.node.replica !== undefined);
    // When a majority is gone, files of the dead may be all there is of what was committed.
    if (target === undefined || !this.survives([])) return;
    const serviceCertificate = this.certificates.at(-1)!;
    for (const machine of machines) {
      if (machine.daemon !== null) continue;
      machine.disk.isFull = false;
      this.#backups.get(machine)?.();
      this.#backups.delete(machine);
      // Old entries before the snapshot that it will begin after leave a gap, which only other nodes' files can fill.
      if (this.#random() < 0.5) machine.disk.wipe();
      if (this.#random() < 0.5) machine.snapshots.wipe();
      this.#consortium.launch(machine, { type: 'Join', serviceCertificate, target });
    }
  }

  /** Votes for those who wait to be trusted. */
  #newcomers(listed: readonly ListedNode[]): ProposalIn['actions'] {
    const living = new Set(this.#consortium.daemons().map(({ node }) => node.id));
    const { epoch, clock } = this.#consortium;
    const from = new Date(epoch + clock.now - 7_200_000).toISOString();
    return listed
      .filter(({ node_id, status }) => status === 'Pending' && living.has(node_id))
      .map(({ node_id }) => ({
        name: 'transition_node_to_trusted',
        args: { node_id, valid_from: from, validity_period_days: VALIDITY_DAYS, ...this.#partyOf(node_id) },
      }));
  }

  /** Of which company a node is, in runs that have companies. */
  #partyOf(id: string): { readonly party?: string } {
    const { machines, parameters } = this.#consortium;
    const machine = machines.find(({ lastNode }) => lastNode === id);
    return parameters.hasCompanies && machine ? { party: companyOf(machine) } : {};
  }

  /** Votes against those who are gone; now and then against one that is not. */
  #departures(listed: readonly ListedNode[]): ProposalIn['actions'] {
    const daemons = this.#consortium.daemons();
    const living = new Set(daemons.map(({ node }) => node.id));
    const gone = listed.filter(({ node_id, status }) => status !== 'Retired' && !living.has(node_id));
    const leaving = gone.map(({ node_id }) => node_id);
    const trusted = listed.filter(({ node_id, status }) => status === 'Trusted' && living.has(node_id));
    const isSpare = !this.isQuiet && gone.length === 0 && trusted.length > 1;
    if (isSpare && this.#random() < this.#consortium.parameters.replacement) {
      leaving.push(trusted[Math.floor(this.#random() * trusted.length)]!.node_id);
      // Whoever takes its place runs newer code, beside the old.
      this.#consortium.release();
    }
    return leaving.map((node_id) => ({ name: 'remove_node', args: { node_id } }));
  }

  /** What the members have to change so that exactly the code may join that runs and is to run. */
  *#policyChanges(listed: readonly ListedNode[]): Script<ProposalIn['actions']> {
    if (!this.#consortium.hasReleased) return [];
    const reply = yield* this.#caller.call(get(versioned('/gov/service/join-policy')), 2_000);
    const accepted = contentOf<JoinPolicyOut>(reply)?.virtual.hostData;
    if (accepted === undefined) return [];
    const trusted = new Set(listed.flatMap(({ node_id, status }) => (status === 'Trusted' ? [node_id] : [])));
    const running = this.#consortium.daemons().filter(({ node }) => trusted.has(node.id));
    const wanted = new Set([this.#consortium.code, ...running.map(({ launch }) => launch.code)]);
    const change = (name: string, codes: readonly string[]) =>
      codes.map((host_data) => ({ name: `${name}_virtual_host_data`, args: { host_data } }));
    return [
      ...change(
        'add',
        [...wanted].filter((code) => !accepted.includes(code)),
      ),
      ...change(
        'remove',
        accepted.filter((code) => !wanted.has(code)),
      ),
    ];
  }

  /** Nodes that wait to join with code that is no longer the newest give way to others. */
  #stopOutdated(listed: readonly ListedNode[]): void {
    const waiting = new Set(listed.flatMap(({ node_id, status }) => (status === 'Pending' ? [node_id] : [])));
    for (const daemon of this.#consortium.daemons())
      if (waiting.has(daemon.node.id) && daemon.launch.code !== this.#consortium.code) daemon.kill();
  }

  /** A node that the service goes on without may be stopped; another takes its machine. It may not know of it. */
  *#stopRemovable(): Script {
    const reply = yield* this.#caller.call(get('/node/network/removable_nodes'), 2_000);
    const removable = contentOf<{ nodes: readonly ListedNode[] }>(reply)?.nodes ?? [];
    const ids = new Set(removable.map(({ node_id }) => node_id));
    for (const daemon of this.#consortium.daemons()) {
      if (!ids.has(daemon.node.id)) continue;
      this.#consortium.reached.add('node retired');
      this.#consortium.note('operator', 'stops retired', daemon.node.id.slice(0, 8));
      daemon.kill();
    }
  }

  // When too much is lost.

  /** A majority is gone, and nothing has been committed for a while: only disaster recovery is left. */
  #isLost(): boolean {
    const { clock } = this.#consortium;
    const { last } = this.#ledger;
    if (this.#consortium.daemons().every(({ node }) => node.replica === undefined)) return true;
    if (last !== this.#progress.last || this.survives([])) this.#progress = { last, at: clock.now };
    return clock.now - this.#progress.at > PATIENCE_MS;
  }

  /** The machine whose ledger goes furthest: by the view of its last signature, then by its seqno. */
  #mostComplete(): Machine {
    const standing = this.#consortium.machines.map((machine) => {
      const { disk } = machine;
      const restore = this.#backups.get(machine);
      for (let seqno = disk.last; seqno >= disk.first && seqno > 0; seqno--) {
        const entry = decodedOrNull(disk.at(seqno)!);
        if (entry !== null && isSignature(entry.writeSet))
          return { machine, restore, view: entry.view, seqno };
      }
      return { machine, restore, view: 0, seqno: 0 };
    });
    return standing.sort((a, b) => b.view - a.view || b.seqno - a.seqno)[0]!.machine;
  }

  /** From the files of one machine to a service that serves again. If its process dies meanwhile, so much for that. */
  *#recover(machine: Machine): Script {
    this.isOpen = false;
    for (const daemon of this.#consortium.daemons()) daemon.kill();
    this.#consortium.reached.add('recovery');
    machine.disk.isFull = false;
    this.#completeFiles(machine);
    const previous = this.certificates.at(-1)!;
    const hasGap = machine.disk.gap !== undefined;
    const daemon = this.#consortium.launch(machine, { type: 'Recover', serviceCertificate: previous });
    yield* this.#serviceCertificate(daemon);
    if (hasGap) this.#consortium.reached.add('gap refused');
    if (hasGap && daemon.isAlive) throw new Violation(`${machine.name} recovered from files with a gap`);
    // A node refuses files that are damaged. There is a copy, which is of no use to one that has gone on.
    if (!daemon.isAlive) this.#backups.get(machine)?.();
    this.#backups.delete(machine);
    while (daemon.isAlive) {
      const status = yield* this.#serviceStatus();
      if (status === 'Open') break;
      if (status === 'Recovering')
        yield* this.#members.pass(() => [...this.#reassign(daemon), opening(previous, daemon)], 3);
      if (status === 'WaitingForRecoveryShares') yield* this.#members.submitShares();
      yield* sleep(this.#consortium.clock, LOOK_MS);
    }
    if (daemon.isAlive) this.#opened();
  }

  /** The node that recovers the service is another than before, on the same machine. */
  #reassign({ node, machine }: Daemon): ProposalIn['actions'] {
    return this.#consortium.parameters.hasCompanies ? [assign(node.id, machine)] : [];
  }

  /**
   * A ledger that begins after a snapshot lacks what is before it, at least in part; every other copy of that is the same.
   * Sometimes nobody thinks of it until a node has refused files with a gap.
   */
  #completeFiles(machine: Machine): void {
    const { disk } = machine;
    if (disk.gap !== undefined && this.#random() < 0.3) return;
    const others = this.#consortium.machines.filter((other) => other !== machine);
    for (const other of others) disk.completeFrom(other.disk);
    for (let { gap } = disk; gap !== undefined; gap = disk.gap) disk.dropBefore(gap.to + 1);
  }

  *#serviceStatus(): Script<string | undefined> {
    const reply = yield* this.#caller.call(get(versioned('/gov/service/info')), 2_000);
    return contentOf<ServiceInfoOut>(reply)?.status;
  }

  #opened(): void {
    this.isOpen = true;
    this.#consortium.note('operator', 'service open');
  }

  *#serviceCertificate(daemon: Daemon): Script {
    while (daemon.isAlive && daemon.serviceCertificate === null)
      yield* sleep(this.#consortium.clock, LOOK_MS);
    if (daemon.serviceCertificate !== null) this.certificates.push(daemon.serviceCertificate);
  }
}

function opening(previous: string, { serviceCertificate }: Daemon): ProposalIn['actions'][number] {
  return {
    name: 'transition_service_to_open',
    args: { previous_service_identity: previous, next_service_identity: serviceCertificate },
  };
}

function decodedOrNull(entry: Uint8Array) {
  try {
    return decodeEntry(entry);
  } catch {
    return null;
  }
}
