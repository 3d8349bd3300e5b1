import { between, pick, type Random } from '../world/random.ts';
import { play, type Script, sleep } from '../world/script.ts';
import type { Consortium } from './consortium.ts';
import type { Daemon } from './daemon.ts';
import type { Operator } from './operator.ts';

/** What may be done to a consortium. */
export interface Victims {
  readonly consortium: Consortium;
  readonly operator: Operator;
}

type Fault = (victims: Victims, random: Random) => void;

const FAULTS: readonly Fault[] = [
  kill,
  kill,
  killAndDamage,
  pause,
  pause,
  stallDisk,
  fillDisk,
  split,
  split,
  isolate,
  clog,
  flicker,
  jumpClocks,
  heal,
  heal,
];

/** One fault of a process, a disk or the network. What lasts ends by itself, by `heal`, or when the operator sees to it. */
export function injectFault(victims: Victims, random: Random): void {
  pick(random, FAULTS)!(victims, random);
}

/** Usually one that may be spared; in some runs any, so that the service has to be recovered. */
function victim({ consortium, operator }: Victims, random: Random): Daemon | undefined {
  const daemon = pick(random, consortium.daemons());
  if (daemon === undefined || !operator.isOpen) return undefined;
  const isFatal = !operator.survives([daemon]);
  return isFatal && random() >= consortium.parameters.disaster ? undefined : daemon;
}

function kill(victims: Victims, random: Random): void {
  const daemon = victim(victims, random);
  if (daemon === undefined) return;
  victims.consortium.faults.add('process killed');
  daemon.kill();
}

/** The process dies, and a bit of its ledger changes before the next one reads it. There is a copy of the files. */
function killAndDamage(victims: Victims, random: Random): void {
  const daemon = victim(victims, random);
  if (daemon === undefined) return;
  const { machine } = daemon;
  daemon.kill();
  victims.operator.backUp(machine);
  machine.disk.corrupt(between(random, machine.disk.first, machine.disk.last));
}

function pause({ consortium }: Victims, random: Random): void {
  const daemon = pick(random, consortium.daemons());
  if (daemon === undefined) return;
  consortium.faults.add('process paused');
  daemon.pause();
  consortium.clock.after(between(random, 1, 5_000), () => daemon.resume());
}

function stallDisk({ consortium }: Victims, random: Random): void {
  consortium.faults.add('disk stalled');
  pick(random, consortium.daemons())?.machine.disk.stall(between(random, 1, 5_000));
}

function fillDisk(victims: Victims, random: Random): void {
  const daemon = victim(victims, random);
  if (daemon !== undefined) daemon.machine.disk.isFull = true;
}

function split({ consortium }: Victims, random: Random): void {
  const names = consortium.machines.map(({ name }) => name);
  const here = names.filter(() => random() < 0.5);
  const there = names.filter((name) => !here.includes(name));
  if (here.length > 0 && there.length > 0) consortium.wires.network.partition(here, there, random() < 0.3);
}

/** The leader, usually: nobody else is missed. */
function isolate({ consortium }: Victims, random: Random): void {
  const leaders = consortium.daemons().filter(({ node }) => node.replica?.isPrimary);
  const lonely = (pick(random, leaders) ?? pick(random, consortium.daemons()))?.machine.name;
  const others = consortium.machines.map(({ name }) => name).filter((name) => name !== lonely);
  if (lonely !== undefined && others.length > 0) {
    consortium.wires.network.partition([lonely], others, random() < 0.3);
  }
}

function clog({ consortium }: Victims, random: Random): void {
  const [from, to] = [pick(random, consortium.machines), pick(random, consortium.machines)];
  if (from !== undefined && to !== undefined && from !== to)
    consortium.wires.network.clog(from.name, to.name);
}

/** For some elections every link comes and goes by itself, in each direction. */
function flicker({ consortium }: Victims, random: Random): void {
  const { clock, faults, machines, parameters } = consortium;
  faults.add('links flicker');
  const end = clock.now + between(random, 1, 5) * parameters.electionMs;
  for (const { name: from } of machines) {
    for (const { name: to } of machines)
      if (from !== to) play(flickerOne(consortium, { from, to, end }, random));
  }
}

function* flickerOne(
  { clock, parameters, wires }: Consortium,
  { from, to, end }: { readonly from: string; readonly to: string; readonly end: number },
  random: Random,
): Script {
  while (clock.now < end) {
    yield* sleep(clock, random() * parameters.electionMs);
    wires.network.cut(from, to);
    yield* sleep(clock, random() * parameters.electionMs);
    wires.network.mend(from, to);
  }
}

/** For some nodes a while passes at once: leaders give up, several campaign together. */
function jumpClocks({ consortium }: Victims, random: Random): void {
  for (const daemon of consortium.daemons()) {
    if (random() < 0.5) continue;
    consortium.faults.add('clock jumped');
    daemon.jump(between(random, 1, consortium.parameters.electionMs));
  }
}

function heal({ consortium }: Victims): void {
  consortium.wires.network.heal();
}
