import { header } from '@coco/api';
import { fromBase64Url } from '@coco/crypto';
import { formatTxId, parseTxId, type Receipt, type TxId } from '@coco/ledger';
import type { HttpRequest } from '@coco/node';
import { between, pick, type Random, split } from '../world/random.ts';
import { Violation } from '../world/report.ts';
import { play, type Script, sleep } from '../world/script.ts';
import { Caller, contentOf, get, post, type Reply } from './caller.ts';
import type { Receipts } from './checkers/receipts.ts';
import type { Registers } from './checkers/registers.ts';
import type { Sessions } from './checkers/sessions.ts';
import type { Consortium } from './consortium.ts';
import { ACCOUNTS, OPENING_BALANCE } from './contract.ts';
import type { Operation } from './history.ts';
import type { Person } from './people.ts';

const KEYS = ['public 0', 'public 1', 'secret 0', 'secret 1', 'secret 2'];
/** Between two questions about one transaction: longer each time. */
const POLL_MS = 100;
const POLL_MS_MAX = 5_000;
/** A client that waits to hear of so many begins nothing new. */
const FOLLOWING_MAX = 10;
/** Refusals that mean that nothing was done. */
const REFUSED = new Set([400, 401, 403, 404, 405]);

type Answered = Extract<Reply, { kind: 'answer' }>;

/**
 * One user of the service: it writes, swaps and reads registers, moves money, follows what it wrote until its fate is
 * known, keeps receipts, and looks at the past. Whatever it is told goes to the checkers.
 */
export class Client {
  readonly #number: number;
  readonly #consortium: Consortium;
  readonly #random: Random;
  readonly #registers: Registers;
  readonly #receipts: Receipts;
  readonly #person: Person;
  readonly #caller: Caller;
  readonly #sessions: Sessions;
  #written = 0;
  /** Transactions whose fate is not known yet. */
  #following = 0;
  isStopped = false;

  constructor(
    number: number,
    world: {
      readonly seed: number;
      readonly consortium: Consortium;
      readonly registers: Registers;
      readonly sessions: Sessions;
      readonly receipts: Receipts;
      readonly person: Person;
    },
  ) {
    this.#number = number;
    this.#consortium = world.consortium;
    this.#registers = world.registers;
    this.#sessions = world.sessions;
    this.#receipts = world.receipts;
    this.#person = world.person;
    this.#random = split(world.seed, `client ${number}`);
    this.#caller = new Caller(world.consortium, world.person.der);
  }

  /** Whether it still waits to learn what became of something. */
  get isWaiting(): boolean {
    return this.#following > 0;
  }

  *run(): Script {
    const { operationEveryMs } = this.#consortium.parameters;
    while (!this.isStopped) {
      yield* sleep(this.#consortium.clock, this.#random() * 2 * operationEveryMs);
      if (this.#following < FOLLOWING_MAX) yield* this.#act();
      if (this.#random() < 0.02) this.#caller.hangUp();
      if (this.#random() < 0.1) this.#caller.turnElsewhere();
    }
  }

  *#act(): Script {
    const choice = this.#random();
    if (choice < 0.4) yield* this.#write();
    else if (choice < 0.55) yield* this.#swap();
    else if (choice < 0.8) yield* this.#read();
    else if (choice < 0.92) yield* this.#transfer();
    else yield* this.#total();
  }

  *#write(): Script {
    const value = this.#newValue();
    const operation = this.#begin({ kind: 'write', value });
    const prefer = pick(this.#random, ['', 'wait=2', 'wait=5, receipt'])!;
    const headers = prefer === '' ? {} : { [header.prefer]: prefer };
    const reply = yield* this.#caller.call(post('/app/register', { key: operation.key, value }, headers));
    this.#settle(operation, reply, contentOf<{ before: string | null }>(reply)?.before);
  }

  *#swap(): Script {
    const key = pick(this.#random, KEYS)!;
    const last = this.#registers.operations.findLast((operation) => operation.key === key);
    const from = last === undefined ? null : last.action.kind === 'write' ? last.action.value : last.seen;
    const to = this.#newValue();
    const operation = this.#begin({ kind: 'swap', from, to }, { key });
    const reply = yield* this.#caller.call(post('/app/register/swap', { key, from, to }));
    this.#settle(operation, reply, contentOf<{ before: string | null }>(reply)?.before);
  }

  *#read(): Script {
    const isCurrent = this.#random() < 0.4;
    const operation = this.#begin({ kind: 'read' }, { isCurrent });
    const headers = isCurrent ? { [header.read]: 'current' } : {};
    const target = `/app/register?key=${encodeURIComponent(operation.key)}`;
    const reply = yield* this.#caller.call(get(target, headers));
    if (isCurrent && reply.kind === 'answer' && reply.status === 200)
      this.#consortium.reached.add('current read');
    this.#settle(operation, reply, contentOf<{ value: string | null }>(reply)?.value);
  }

  *#transfer(): Script {
    const account = () => `account ${between(this.#random, 0, ACCOUNTS - 1)}`;
    const [from, to, amount] = [account(), account(), between(this.#random, 1, 100)];
    if (from !== to) yield* this.#caller.call(post('/app/transfer', { from, to, amount }));
  }

  *#total(): Script {
    const reply = yield* this.#caller.call(get('/app/total'));
    const total = contentOf<{ total: number }>(reply)?.total ?? ACCOUNTS * OPENING_BALANCE;
    if (total !== ACCOUNTS * OPENING_BALANCE) throw new Violation(`all accounts together hold ${total}`);
  }

  #newValue(): string {
    return `c${this.#number}-${this.#written++}`;
  }

  #begin(
    action: Operation['action'],
    { key = pick(this.#random, KEYS)!, isCurrent = false }: { key?: string; isCurrent?: boolean } = {},
  ): Operation {
    const operation: Operation = {
      client: this.#number,
      key,
      action,
      // A node that was primary may not know yet that it is no more, and answer what only reads; unless it must not.
      isCurrent: isCurrent || this.#consortium.parameters.nodes === 1,
      invoked: this.#consortium.clock.now,
      returned: null,
      seen: null,
      txId: null,
      outcome: 'pending',
    };
    this.#registers.operations.push(operation);
    return operation;
  }

  /** The answer to an operation came, or did not. */
  #settle(operation: Operation, reply: Reply, seen: string | null | undefined): void {
    if (reply.kind === 'lost') {
      operation.outcome = reply.wasSent ? 'unknown' : 'refused';
      return;
    }
    const txId = reply.headers[header.transactionId];
    if (seen === undefined || txId === undefined) {
      const status = reply.headers[header.transactionStatus];
      operation.outcome = REFUSED.has(reply.status) || status === 'Invalid' ? 'refused' : 'unknown';
      return;
    }
    operation.returned = this.#consortium.clock.now;
    operation.seen = seen;
    operation.txId = parseTxId(txId);
    this.#sessions.onAnswer(reply.session, operation.txId);
    play(this.#follow(operation, operation.txId, reply));
  }

  /** Asks what became of a transaction until that is known. */
  *#follow(operation: Operation, txId: TxId, first: Answered): Script {
    this.#following++;
    const name = formatTxId(txId);
    const caller = new Caller(this.#consortium, this.#person.der);
    let status = first.headers[header.transactionStatus];
    if (status !== undefined) this.#registers.onStatus(name, status);
    for (let wait = POLL_MS; status !== 'Committed' && status !== 'Invalid'; wait *= 1.5) {
      yield* sleep(this.#consortium.clock, Math.min(wait, POLL_MS_MAX));
      const reply = yield* caller.call(get(`/app/tx?transaction_id=${name}`));
      status = contentOf<{ status: string }>(reply)?.status;
      if (status !== undefined) this.#registers.onStatus(name, status);
    }
    operation.outcome = status === 'Committed' ? 'committed' : 'invalid';
    if (status === 'Committed') {
      this.#registers.onCommitted(operation);
      this.#keepReceipt(operation, txId, first);
      if (operation.action.kind === 'write' && this.#random() < 0.2)
        yield* this.#lookBack(caller, operation, txId);
    }
    this.#following--;
  }

  /** The receipt that came with an answer. */
  #keepReceipt({ action }: Operation, txId: TxId, { headers, daemon }: Answered): void {
    const encoded = headers[header.receipt];
    if (encoded === undefined || action.kind !== 'write') return;
    const receipt = JSON.parse(new TextDecoder().decode(fromBase64Url(encoded))) as Receipt;
    this.#consortium.reached.add('receipt with an answer');
    this.#receipts.take({
      receipt,
      txId,
      serviceCertificate: daemon.serviceCertificate!,
      claim: action.value,
    });
  }

  /** Fetches the receipt of a committed write, and reads what it wrote from the past. */
  *#lookBack(caller: Caller, { key, action }: Operation, txId: TxId): Script {
    if (action.kind !== 'write') return;
    yield* sleep(this.#consortium.clock, this.#random() * 10_000);
    const name = formatTxId(txId);
    const receipt = yield* this.#untilFound(caller, get(`/app/receipt?transaction_id=${name}`));
    if (receipt !== undefined) {
      this.#consortium.reached.add('receipt fetched');
      const serviceCertificate = receipt.daemon.serviceCertificate!;
      this.#receipts.take({
        receipt: contentOf<Receipt>(receipt)!,
        txId,
        serviceCertificate,
        claim: action.value,
      });
    }
    const target = `/app/register/past?key=${encodeURIComponent(key)}`;
    const past = yield* this.#untilFound(caller, get(target, { [header.transactionId]: name }));
    if (past === undefined) return;
    this.#consortium.reached.add('past read');
    const { value } = contentOf<{ value: string }>(past)!;
    if (value !== action.value)
      throw new Violation(`the past of ${key} at ${name} is ${value}, not ${action.value}`);
  }

  /** Historical answers take a while: asks until one comes, for some time. */
  *#untilFound(caller: Caller, request: HttpRequest): Script<Answered | undefined> {
    for (let attempt = 0; attempt < 20; attempt++) {
      const reply = yield* caller.call(request);
      if (reply.kind === 'answer' && reply.status === 200) return reply;
      yield* sleep(this.#consortium.clock, POLL_MS);
    }
    return undefined;
  }
}
