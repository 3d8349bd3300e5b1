// Clients that write as long as there is somebody to write to, and keep what they were told of commits: whatever happens to
// nodes meanwhile, that must still hold afterwards.
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { type Session, submit } from '@coco/client';
import { decodeEntry, formatTxId, type TxId } from '@coco/ledger';
import { listChunks, readEntries } from '../../apps/cli/src/ledger/folder.ts';
import { keysOf, type Service } from './service.ts';

/** A writer turns to another node when one has been silent for so long. */
const timeoutMs = 3_000;

/** A write whose commit a client was told of. */
export interface Acknowledged {
  readonly transactionId: TxId;
  readonly id: number;
  readonly message: string;
  /** When the client heard of it; `performance.now()`. */
  readonly at: number;
}

/** Writes to the logging sample, each in its own row. */
export class Writers {
  readonly acknowledged: Acknowledged[] = [];
  readonly #running: Promise<void>[];
  #stopped = false;
  #next = Promise.withResolvers<Acknowledged>();

  /** Begins at once, with one writer for each session. */
  constructor(sessions: readonly Session[]) {
    this.#running = sessions.map((session, writer) => this.#write(session, writer));
  }

  /** The next commit of a write that was begun after this call. */
  async next(): Promise<Acknowledged> {
    const begun = performance.now();
    for (;;) {
      const told = await this.#next.promise;
      if (told.at > begun) return told;
    }
  }

  /** Resolves when so many more commits were told of. */
  async more(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    while (this.acknowledged.length < wanted) await this.#next.promise;
  }

  /** Ends when every writer has heard of its last write, one way or the other. */
  async stop(): Promise<readonly Acknowledged[]> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return this.acknowledged;
  }

  async #write(session: Session, writer: number): Promise<void> {
    for (let turn = 0; !this.#stopped; turn++) {
      const id = writer * 1_000_000 + turn;
      const message = `message ${turn} of writer ${writer}`;
      const request = { method: 'POST', path: '/app/log/public', json: { id, msg: message } };
      try {
        const done = await submit(session, request, { waitMs: 2_000 });
        if (done.outcome === 'Committed' && done.transactionId)
          this.#note({ transactionId: done.transactionId, id, message });
      } catch {
        // Whoever was asked is gone, or does not know who leads.
        await delay(20);
      }
    }
  }

  #note(told: Omit<Acknowledged, 'at'>): void {
    const acknowledged = { ...told, at: performance.now() };
    this.acknowledged.push(acknowledged);
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers();
    resolve(acknowledged);
  }
}

/** Writers with keys of the service's user, who know every node, each another one first. They stop with the service. */
export function startWriters(service: Service, count = 8): Writers {
  const { ended, network, workspace } = service;
  const keys = keysOf(workspace, 0);
  const sessions = Array.from({ length: count }, (_, i) => network.session(keys, { first: i, timeoutMs }));
  const writers = new Writers(sessions);
  ended.addEventListener('abort', () => void writers.stop(), { once: true });
  return writers;
}

/** What the files of a ledger hold: the transaction id at each place, and the public log messages it wrote. */
export function logOf(
  ledger: string,
): Map<number, { txId: TxId; written: ReadonlyMap<string, string | null> }> {
  const log = new Map<number, { txId: TxId; written: ReadonlyMap<string, string | null> }>();
  for (const chunk of listChunks(ledger)) {
    // A node may be at work on it: what is not whole at its end is left out.
    for (const item of readEntries([chunk])) {
      if (item.kind !== 'entry') break;
      const { seqno, view, writeSet } = decodeEntry(item.bytes);
      log.set(seqno, { txId: { view, seqno }, written: writeSet.get('public:records') ?? new Map() });
    }
  }
  return log;
}

/** Holds a ledger to everything that clients were told from its first entry on. */
export function assertKept(ledger: string, acknowledged: readonly Acknowledged[]): void {
  const log = logOf(ledger);
  const first = Math.min(...log.keys());
  for (const { id, message, transactionId } of acknowledged) {
    if (transactionId.seqno < first) continue;
    const found = log.get(transactionId.seqno);
    const name = formatTxId(transactionId);
    assert.ok(found, `${ledger} lacks ${name}, which a client was told is committed`);
    assert.deepEqual(found.txId, transactionId);
    assert.equal(found.written.get(String(id)), message, `${ledger} holds something else as ${name}`);
  }
}
