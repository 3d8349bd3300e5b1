// Kills a node that is being written to and compares what clients were told with what the ledger holds.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Session, submit } from '@coco/client';
import { httpsTransport, nodeWorld } from '@coco/client/node';
import { decodeEntry, parseChunkName, readChunk } from '@coco/ledger';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { NodeProcess } from '../../apps/cli/src/dev/node-process.ts';
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
  const recoveredTo = await recover(service);
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
      if (done.outcome === 'Committed') acknowledged.push({ seqno: done.transactionId.seqno, id, message });
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

/** Starts a node that recovers the files, and says how far it came. */
async function recover(service: Service): Promise<number> {
  const { workspace } = service;
  const config = JSON.parse(readFileSync(join(workspace.node, 'config.json'), 'utf8')) as Record<
    string,
    unknown
  >;
  const previous = join(workspace.node, 'previous_service_cert.pem');
  writeFileSync(previous, service.certificate);
  // Gone, so that nobody takes it for that of the service to come.
  rmSync(workspace.serviceCert);
  const recovery = {
    ...config,
    command: {
      type: 'Recover',
      service_certificate_file: workspace.serviceCert,
      recover: { previous_service_identity_file: previous },
    },
  };
  writeFileSync(join(workspace.node, 'rpc_addresses.json'), '');
  await using node = new NodeProcess(workspace.node, recovery);
  const url = await node.address(workspace.serviceCert, 30_000);
  // Awaited here: the node ends when this function does.
  return await startupSeqno(url, workspace.serviceCert);
}

async function startupSeqno(url: string, serviceCert: string): Promise<number> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const certificate = readFileSync(serviceCert, 'utf8');
    using transport = httpsTransport({ serviceCertificate: certificate });
    const session = new Session(nodeWorld(transport), { addresses: [url], serviceCertificate: certificate });
    try {
      const answer = await session.request({ method: 'GET', path: '/node/state' });
      const state = JSON.parse(new TextDecoder().decode(answer.body)) as {
        state: string;
        startup_seqno: number;
      };
      if (state.state === 'PartOfPublicNetwork') return state.startup_seqno;
    } catch {
      // Not there yet.
    }
    await delay(25);
  }
  throw new Error('the node does not recover');
}
