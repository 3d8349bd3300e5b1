import { between, pick, type Random } from '../world/random.ts';
import type { Consortium } from './consortium.ts';
import type { Machine } from './machine.ts';
import type { Operator } from './operator.ts';

/** What may be done to a consortium. */
export interface Victims {
  readonly consortium: Consortium;
  readonly operator: Operator;
}

type Fault = (victims: Victims, random: Random) => void;

const FAULTS: readonly Fault[] = [kill, kill, killAndDamage, pause, pause, stallDisk, fillDisk];

/** One fault of a process or of a disk. What lasts ends by itself, or when the operator sees to it. */
export function injectFault(victims: Victims, random: Random): void {
  pick(random, FAULTS)!(victims, random);
}

function anyRunning({ consortium }: Victims, random: Random): Machine | undefined {
  return pick(
    random,
    consortium.machines.filter(({ daemon }) => daemon !== null),
  );
}

function kill(victims: Victims, random: Random): void {
  victims.consortium.faults.add('process killed');
  anyRunning(victims, random)?.daemon?.kill();
}

/** The process dies, and a bit of its ledger changes before the next one reads it. There is a copy of the files. */
function killAndDamage(victims: Victims, random: Random): void {
  const machine = anyRunning(victims, random);
  if (machine === undefined || !victims.operator.isOpen) return;
  machine.daemon?.kill();
  victims.operator.backUp(machine);
  machine.disk.corrupt(between(random, machine.disk.first, machine.disk.last));
}

function pause(victims: Victims, random: Random): void {
  const daemon = anyRunning(victims, random)?.daemon;
  if (daemon == null) return;
  victims.consortium.faults.add('process paused');
  daemon.pause();
  victims.consortium.clock.after(between(random, 1, 5_000), () => daemon.resume());
}

function stallDisk(victims: Victims, random: Random): void {
  victims.consortium.faults.add('disk stalled');
  anyRunning(victims, random)?.disk.stall(between(random, 1, 5_000));
}

function fillDisk(victims: Victims, random: Random): void {
  const machine = anyRunning(victims, random);
  if (machine !== undefined) machine.disk.isFull = true;
}
