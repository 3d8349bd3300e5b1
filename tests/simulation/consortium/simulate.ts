import { setFlagsFromString } from 'node:v8';
import { createEngine, requiredV8Flags } from '@coco/contracts';
import { calmNetwork } from '../world/network.ts';
import { between, split } from '../world/random.ts';
import { type Report, Violation, violationOf } from '../world/report.ts';
import { play, type Script, sleep } from '../world/script.ts';
import { seedCrypto } from '../world/seeded-crypto.ts';
import { SharedSandbox } from '../world/shared-sandbox.ts';
import { AtHome } from './checkers/at-home.ts';
import { expectSound } from './checkers/audited-files.ts';
import { CommittedLedger } from './checkers/committed-ledger.ts';
import { EqualState } from './checkers/equal-state.ts';
import { OneLeader } from './checkers/one-leader.ts';
import { Receipts } from './checkers/receipts.ts';
import { Registers } from './checkers/registers.ts';
import { Sessions } from './checkers/sessions.ts';
import { Client } from './clients.ts';
import { dealing } from './companies.ts';
import { Consortium } from './consortium.ts';
import { Dealer } from './dealer.ts';
import { Members } from './governance.ts';
import { Governor } from './governor.ts';
import { injectFault } from './nemesis.ts';
import { Operator } from './operator.ts';
import { drawParameters } from './parameters.ts';

for (const flag of requiredV8Flags) setFlagsFromString(flag);

/** How long the service may take to be opened, and to recover once faults stop, in virtual milliseconds. */
const OPENING_MS = 60_000;
const RECOVERY_MS = 120_000;
/** How many of the runs have companies that deal. */
const COMPANIES_SHARE = 0.2;

/** What one run came to. */
export interface ServiceReport extends Report {
  readonly operations: number;
  readonly receipts: number;
}

/** Writes a line of the trace. */
export type WriteLine = (line: string) => void;

/** Runs a whole consortium from a seed: faults for a while, then calm, and checkers all along. */
export function simulate(seed: number, write: WriteLine | null = null, isContested = false): ServiceReport {
  const bytes = split(seed, 'crypto');
  seedCrypto((length) => Uint8Array.from({ length }, () => between(bytes, 0, 255)));
  using sandbox = new SharedSandbox();
  using engine = createEngine({ makeSandbox: sandbox.make });
  const drawn = drawParameters(split(seed, 'parameters'), isContested);
  // Drawn apart, so that the other runs stay what they were.
  const hasCompanies = !isContested && split(seed, 'companies')() < COMPANIES_SHARE;
  const parameters = { ...drawn, hasCompanies };
  const consortium = new Consortium(seed, parameters, engine, write);
  const run = new Run(seed, consortium);
  const violation = violationOf(() => run.run());
  const { faults, reached, steps, clock, trace } = consortium;
  return {
    seed,
    parameters,
    violation,
    faults,
    reached,
    committed: run.ledger.last,
    operations: run.registers.operations.length,
    receipts: run.receipts.count,
    steps,
    virtualMs: clock.now,
    fingerprint: trace.fingerprint(),
  };
}

/** One run: everybody who takes part, and its phases. */
class Run {
  readonly ledger = new CommittedLedger();
  readonly registers = new Registers(this.ledger);
  readonly sessions = new Sessions(this.ledger);
  readonly receipts = new Receipts(this.ledger);
  readonly #seed: number;
  readonly #consortium: Consortium;
  readonly #operator: Operator;
  readonly #governor: Governor;
  readonly #state = new EqualState(this.ledger);
  #clients: readonly Client[] = [];
  readonly #dealers: readonly Dealer[];
  #hasFaults = true;

  constructor(seed: number, consortium: Consortium) {
    this.#seed = seed;
    this.#consortium = consortium;
    consortium.observers.push(new OneLeader(), this.ledger, this.#state, new AtHome());
    const members = new Members(consortium);
    this.#operator = new Operator(consortium, members, this.ledger, split(seed, 'operator'));
    this.#governor = new Governor(consortium, members, this.#operator, split(seed, 'governor'));
    const { registers, sessions, receipts } = this;
    const world = { seed, consortium, registers, sessions, receipts };
    this.#clients = members.users.map((person, i) => new Client(i, { ...world, person }));
    this.#dealers = members.dealers.map(
      (person, i) => new Dealer(consortium, person, dealing[i]!, split(seed, `dealer ${i}`)),
    );
  }

  run(): void {
    const { clock, parameters } = this.#consortium;
    this.#consortium.isCalm = true;
    play(this.#operator.run());
    this.#until(OPENING_MS, () => this.#operator.isOpen, 'the service does not open');
    this.#consortium.isCalm = false;
    for (const each of [...this.#clients, ...this.#dealers]) play(each.run());
    play(this.#governor.run());
    play(this.#faults(clock.now + parameters.chaosMs));
    clock.runUntil(clock.now + parameters.chaosMs);
    this.#calm();
    this.#finish();
  }

  *#faults(end: number): Script {
    const random = split(this.#seed, 'nemesis');
    const { clock, parameters } = this.#consortium;
    for (;;) {
      yield* sleep(clock, random() * 2 * parameters.faultEveryMs);
      if (clock.now >= end || !this.#hasFaults) return;
      injectFault({ consortium: this.#consortium, operator: this.#operator }, random);
    }
  }

  /** No more faults: connections hold, disks have room, processes go on. */
  #calm(): void {
    this.#hasFaults = false;
    this.#consortium.isCalm = true;
    this.#governor.isStopped = true;
    this.#operator.isQuiet = true;
    this.#consortium.wires.network.options = calmNetwork;
    this.#consortium.wires.network.heal();
    this.#consortium.note('nemesis', 'calm');
    for (const machine of this.#consortium.machines) {
      machine.disk.isFull = false;
      machine.daemon?.resume();
    }
  }

  /** Progress, and what must hold at the end of everything. */
  #finish(): void {
    this.#until(RECOVERY_MS, () => this.#operator.isOpen, 'the service does not come back');
    this.#until(RECOVERY_MS, () => this.#operator.isComplete, 'the nodes are not as many as they should be');
    const { last } = this.ledger;
    this.#until(RECOVERY_MS, () => this.ledger.last > last + 10, 'nothing more is committed');
    const asking = [...this.#clients, ...this.#dealers];
    for (const each of asking) each.isStopped = true;
    const isSettled = () => asking.every(({ isWaiting }) => !isWaiting);
    this.#until(RECOVERY_MS, isSettled, 'somebody never learns what became of a transaction');
    for (const dealer of this.#dealers) play(dealer.lookBack());
    const isFound = () => this.#dealers.every(({ hasFoundAll }) => hasFoundAll);
    this.#until(RECOVERY_MS, isFound, 'a deal that was committed is not found again');
    for (const daemon of this.#consortium.daemons()) this.#state.check(daemon);
    this.registers.expectLinearizable();
    this.sessions.expectConsistent();
    this.receipts.expectValid();
    const { machines } = this.#consortium;
    for (const machine of machines) expectSound(machine, machines);
  }

  #until(patienceMs: number, holds: () => boolean, complaint: string): void {
    const { clock } = this.#consortium;
    const deadline = clock.now + patienceMs;
    while (!holds()) {
      if (clock.now >= deadline) throw new Violation(`${complaint}, ${patienceMs / 1000} s after it should`);
      clock.runUntil(clock.now + 100);
    }
  }
}
