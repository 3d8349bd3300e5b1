import { Raft } from '@coco/consensus';
import { calmNetwork } from '../world/network.ts';
import { type Random, split } from '../world/random.ts';
import { type Report, Violation, violationOf } from '../world/report.ts';
import { Consortium, type MakeRaft } from './consortium.ts';
import { curseLeaders, injectFault } from './nemesis.ts';
import { Operator } from './operator.ts';
import { drawParameters } from './parameters.ts';

/** How long faults are injected, and how long the service may take to recover once they stop. */
const CHAOS_ELECTIONS = 100;
const RECOVERY_ELECTIONS = 60;
/** New nodes may have to be sent the whole log, in the worst case an entry at a time. */
const RECOVERY_MS_PER_ENTRY = 15;

/** What one run came to. */
export interface ConsensusReport extends Report {
  /** Reads that were confirmed to be current. */
  readonly reads: number;
}

export const productRaft: MakeRaft = (options) => new Raft(options);

/** Runs a consortium from a seed: faults for a while, then calm, and checkers all along. */
export function simulate(seed: number, makeRaft: MakeRaft = productRaft): ConsensusReport {
  const parameters = drawParameters(split(seed, 'parameters'));
  const consortium = new Consortium(seed, parameters, makeRaft);
  const violation = violationOf(() => run(seed, consortium));
  const { faults, reached, steps, clock, fingerprint, committed, reads } = consortium;
  return {
    seed,
    parameters,
    violation,
    faults,
    reached,
    committed: committed.length,
    reads: reads.confirmed,
    steps,
    virtualMs: clock.now,
    fingerprint,
  };
}

function run(seed: number, consortium: Consortium): void {
  const { clock, parameters } = consortium;
  const operator = new Operator(consortium, split(seed, 'operator'));
  operator.grow(consortium.found(), parameters.voters);
  clock.runUntil(2 * parameters.election);
  const chaosEnd = clock.now + CHAOS_ELECTIONS * parameters.election;
  startClients(seed, consortium);
  startFaults(seed, consortium, operator, chaosEnd);
  clock.runUntil(chaosEnd);
  calm(consortium, operator);
  recover(consortium);
}

function startClients(seed: number, consortium: Consortium): void {
  const random = split(seed, 'clients');
  const { proposalEvery, readEvery } = consortium.parameters;
  let written = 0;
  every(consortium, random, proposalEvery, Number.POSITIVE_INFINITY, () => {
    const value = new Uint8Array([written, written >>> 8, written >>> 16, written >>> 24]);
    for (const leader of consortium.leaders()) {
      if (leader.raft.admission === 'open' && leader.propose(value, {})) written++;
    }
  });
  let context = 0;
  every(consortium, random, readEvery, Number.POSITIVE_INFINITY, () => {
    for (const leader of consortium.leaders()) {
      const asked = ++context;
      consortium.watch((observer) => observer.onReadAsked?.(asked));
      leader.step({ kind: 'confirm', context: asked });
    }
  });
}

function startFaults(seed: number, consortium: Consortium, operator: Operator, end: number): void {
  const random = split(seed, 'nemesis');
  const { faultEvery, reconfigureEvery } = consortium.parameters;
  every(consortium, random, faultEvery, end, () => injectFault(consortium, random));
  curseLeaders(consortium, split(seed, 'curse'), end);
  every(consortium, random, faultEvery * 5, end, () => operator.crash());
  every(consortium, random, faultEvery * 5, end, () => operator.transfer());
  every(consortium, random, reconfigureEvery, end, () => operator.reconfigure());
  every(consortium, random, reconfigureEvery, Number.POSITIVE_INFINITY, () => operator.stopRemovable());
}

/** At random times, on average `mean` apart. */
function every(consortium: Consortium, random: Random, mean: number, end: number, action: () => void): void {
  const again = () => {
    if (consortium.clock.now >= end) return;
    action();
    consortium.clock.after(random() * 2 * mean, again);
  };
  consortium.clock.after(random() * 2 * mean, again);
}

/** No more faults: links are mended, processes go on, and nodes of no configuration are switched off. */
function calm(consortium: Consortium, operator: Operator): void {
  consortium.network.options = calmNetwork;
  consortium.network.heal();
  operator.stopRemovable();
  operator.stopDisturbers();
  for (const replica of consortium.alive()) {
    replica.disk.latency = [0, 2];
    replica.resume();
  }
}

/** Progress: what is written now is committed, and known to be, by every live member. */
function recover(consortium: Consortium): void {
  const { clock, parameters } = consortium;
  const target = consortium.committed.length + 1;
  const deadline =
    clock.now +
    RECOVERY_ELECTIONS * parameters.election +
    RECOVERY_MS_PER_ENTRY * consortium.committed.length;
  while (clock.now < deadline) {
    clock.runUntil(clock.now + parameters.election);
    if (hasRecovered(consortium, target)) return;
  }
  const states = consortium.alive().map(({ id, raft }) => {
    const members = raft.configurations.map(({ seqno, voters }) => `${seqno}[${voters}]`);
    return `${id} ${raft.role} ${raft.view} last ${raft.last} commit ${raft.commit} ${members.join('')}`;
  });
  throw new Violation(`no progress beyond ${target - 1} after the faults stopped: ${states.join('; ')}`);
}

function hasRecovered(consortium: Consortium, target: number): boolean {
  const leader = consortium.leader();
  if (leader === undefined || leader.raft.commit < target || leader.raft.configurations.length > 1)
    return false;
  const members = leader.raft.configurations.flatMap(({ voters, learners }) => [...voters, ...learners]);
  const living = members.map((id) => consortium.replicas.get(id)!).filter(({ alive }) => alive);
  return living.every(({ raft }) => raft.commit >= target && raft.view === leader.view);
}
