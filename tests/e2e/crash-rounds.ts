// Kills a node that is being written to and compares what clients were told with what the ledger holds.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { submit } from '@coco/client';
import { decodeEntry, parseChunkName, readChunk } from '@coco/ledger';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { recoverFiles } from '../workloads/recovery.ts';
import { type Service, startService } from '../workloads/service.ts';

/** A write whose commit a client was told of. */
interface Acknowledged {
  readonly seqno: number;
  readonly id: number;
  readonly message: string;
}

export interface RoundResult {
  readonly acknowledged: number;
  readonly entries: number;
  readonly recoveredTo: number;
}

const root = join(import.meta.dirname, '../..');

/** One life of a node: written to by several clients, killed after `lifeMs`, its last write torn, recovered. */
export async function crashRound(lifeMs: number, tornBytes: number): Promise<RoundResult> {
  const { bundle } = await buildBundle(join(root, 'samples/contracts/logging'));
  await using service = await startService({ bundle });
  const acknowledged: Acknowledged[] = [];
  const writers = Array.from({ length: 8 }, (_, writer) => write(service, writer, acknowledged));
  while (acknowledged.length === 0) await delay(5);
  await delay(lifeMs);
  service.node.kill('SIGKILL');
  await Promise.all(writers);
  await service.node.ended;
  const ledger = join(service.workspace.node, 'ledger');
  tear(ledger, tornBytes);
  const entries = publicWrites(ledger);
  for (const { seqno, id, message } of acknowledged) {
    assert.equal(
      entries.get(seqno)?.get(String(id)),
      message,
      `committed write ${seqno} is in the ledger files`,
    );
  }
  const { startupSeqno: recoveredTo } = await recoverFiles(service);
  const highest = Math.max(0, ...acknowledged.map((write) => write.seqno));
  assert.ok(
    recoveredTo >= highest,
    `recovery kept ${recoveredTo}, clients were told ${highest} is committed`,
  );
  return { acknowledged: acknowledged.length, entries: entries.size, recoveredTo };
}

async function write(service: Service, writer: number, acknowledged: Acknowledged[]): Promise<void> {
  const session = service.session(0);
  for (let turn = 0; ; turn++) {
    const id = writer * 1_000_000 + turn;
    const message = `message ${turn} of writer ${writer}`;
    try {
      const done = await submit(session, {
        method: 'POST',
        path: '/app/log/public',
        json: { id, msg: message },
      });
      if (done.outcome === 'Committed' && done.transactionId)
        acknowledged.push({ seqno: done.transactionId.seqno, id, message });
    } catch {
      return;
    }
  }
}

/** Leaves part of the entry that would have come next, as a disk may that was writing when the power went. */
function tear(ledger: string, bytes: number): void {
  const file = readdirSync(ledger).find((each) => {
    const name = parseChunkName(each);
    return name !== undefined && name.end === undefined;
  });
  const name = file === undefined ? undefined : parseChunkName(file);
  if (file === undefined || name === undefined || bytes === 0) return;
  const entries = [...readChunk(readFileSync(join(ledger, file)), name)].filter(
    (item) => item.kind === 'entry',
  );
  const last = entries.at(-1);
  if (last === undefined) return;
  const next = Buffer.from(last.bytes);
  // The seqno stands in the initialisation vector and at the head of the public part.
  for (const at of [24, 45]) next.writeBigUInt64LE(BigInt(last.seqno + 1), at);
  writeFileSync(join(ledger, file), next.subarray(0, bytes), { flag: 'a' });
}

/** Public log messages by the seqno that wrote them. */
function publicWrites(ledger: string): Map<number, ReadonlyMap<string, string | null>> {
  const writes = new Map<number, ReadonlyMap<string, string | null>>();
  for (const file of readdirSync(ledger)) {
    const name = parseChunkName(file);
    if (name === undefined) continue;
    for (const item of readChunk(readFileSync(join(ledger, file)), name)) {
      if (item.kind === 'torn') continue;
      const entry = decodeEntry(item.bytes);
      writes.set(entry.seqno, entry.writeSet.get('public:records') ?? new Map());
    }
  }
  return writes;
}
