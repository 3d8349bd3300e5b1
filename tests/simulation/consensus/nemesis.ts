import { between, pick, type Random } from '../world/random.ts';
import type { Consortium } from './consortium.ts';

type Fault = (consortium: Consortium, random: Random) => void;

const FAULTS: readonly Fault[] = [
  split,
  split,
  isolate,
  clog,
  clog,
  stallDisk,
  pause,
  jumpClocks,
  heal,
  heal,
];

/** One fault of the network, of a disk or of a process. What lasts ends by `heal`, or by itself. */
export function injectFault(consortium: Consortium, random: Random): void {
  pick(random, FAULTS)!(consortium, random);
}

/** Now and then cuts a new leader off as soon as it has done something. */
export function curseLeaders(consortium: Consortium, random: Random, end: number): void {
  const { curse, heartbeat } = consortium.parameters;
  consortium.onLed = (leader) => {
    if (random() >= curse) return;
    consortium.clock.after(between(random, 1, 3 * heartbeat), () => {
      if (consortium.clock.now >= end) return;
      consortium.faults.add('new leader cut off');
      cutOff(consortium, random, leader.id);
    });
  };
}

function split(consortium: Consortium, random: Random): void {
  const ids = consortium.alive().map(({ id }) => id);
  const here = ids.filter(() => random() < 0.5);
  consortium.network.partition(
    here,
    ids.filter((id) => !here.includes(id)),
    random() < 0.3,
  );
}

/** The leader, usually: nobody else is missed. */
function isolate(consortium: Consortium, random: Random): void {
  const victim = random() < 0.7 ? consortium.leader() : consortium.any();
  if (victim === undefined) return;
  cutOff(consortium, random, victim.id);
}

/** From all or from most of the others, in both directions or in one. */
function cutOff(consortium: Consortium, random: Random, victim: string): void {
  const spared = random() < 0.5 ? consortium.any()?.id : undefined;
  const others = consortium.alive().flatMap(({ id }) => (id === victim || id === spared ? [] : [id]));
  if (random() < 0.7) consortium.network.partition([victim], others, random() < 0.3);
  else consortium.network.partition(others, [victim], true);
}

function clog(consortium: Consortium, random: Random): void {
  const ids = consortium.alive().map(({ id }) => id);
  const [from, to] = [pick(random, ids), pick(random, ids)];
  if (from !== undefined && to !== undefined) consortium.network.clog(from, to);
}

function stallDisk(consortium: Consortium, random: Random): void {
  consortium.faults.add('disk stalled');
  consortium.any()?.disk.stall(between(random, 1, 3 * consortium.parameters.election));
}

function pause(consortium: Consortium, random: Random): void {
  const victim = random() < 0.5 ? consortium.leader() : consortium.any();
  if (victim === undefined) return;
  consortium.faults.add('process paused');
  victim.pause();
  consortium.clock.after(between(random, 1, 3 * consortium.parameters.election), () => victim.resume());
}

/** For some nodes an election timeout passes at once: leaders give up, several nodes campaign together. */
function jumpClocks(consortium: Consortium, random: Random): void {
  for (const replica of consortium.alive()) {
    if (random() < 0.5) continue;
    consortium.faults.add('clock jumped');
    replica.step({ kind: 'tick', ticks: between(random, 1, consortium.parameters.election) });
  }
}

function heal(consortium: Consortium): void {
  consortium.network.heal();
}
