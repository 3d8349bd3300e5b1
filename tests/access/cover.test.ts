// Commits at beats: what disks and streams show when somebody deals, and when nobody does.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MemoryService } from '../workloads/memory-service.ts';
import { ann, bob, openMarket } from './orders.ts';

const beatMs = 1_000;
const cover = [{ name: 'set_access_settings', args: { cover_ms: beatMs } }];

const place = (service: MemoryService, id: string) =>
  service.ask(ann, 'POST', '/app/orders', { id, amount: 1, with: ['mill'] });

/** Lets time pass in steps. Answers when entries came, and how long they are, signatures aside. */
function watch(service: MemoryService, ms: number, act: (at: number) => void = () => {}): string[] {
  const seen: string[] = [];
  for (let at = 0; at < ms; at += 50) {
    const before = service.entries.length;
    act(at);
    service.pass(50);
    const lengths = service.entries.slice(before, -1).map(({ length }) => length);
    if (service.entries.length > before) seen.push(`${service.now % beatMs}: ${lengths.join(' ')}`);
  }
  return seen;
}

/** Begins with a beat, when all that was before is signed. */
function aligned(service: MemoryService): void {
  do service.pass(10);
  while (service.now % beatMs !== 0);
}

test('entries come at beats, one or two or four of them, whether or not anybody deals', async () => {
  const service = await openMarket(cover);
  place(service, 'first');
  aligned(service);
  place(service, 'second');
  aligned(service);
  const idle = watch(service, 4 * beatMs);
  assert.equal(idle.length, 4);
  assert.equal(new Set(idle).size, 1);
  const dealing = watch(service, 4 * beatMs, (at) => {
    if (at === 100) place(service, 'a');
    if (at === 2_500) place(service, 'b');
  });
  assert.deepEqual(dealing, idle);
  const busy = watch(service, beatMs, (at) => {
    if (at < 150) place(service, `busy ${at}`);
  });
  assert.deepEqual(
    busy.map((line) => line.split(' ').length - 1),
    [4],
  );
});

test('a write is answered at once and committed with the next beat', async () => {
  const service = await openMarket(cover);
  aligned(service);
  const placed = place(service, 'x');
  assert.equal(placed.status, 200);
  const path = `/app/tx?transaction_id=${placed.headers['x-ms-ccf-transaction-id']}`;
  const status = () => (service.ask(ann, 'GET', path).json as { status: string }).status;
  assert.equal(status(), 'Pending');
  service.pass(beatMs / 2);
  assert.equal(status(), 'Pending');
  aligned(service);
  assert.equal(status(), 'Committed');
});

test('streams get one piece of one length with each beat, events or none', async () => {
  const service = await openMarket(cover);
  aligned(service);
  const stream = service.stream(bob, '/app/events');
  const lengths: number[] = [];
  let told = 0;
  for (let beat = 0; beat < 4; beat++) {
    if (beat === 1) place(service, 'x');
    for (let at = 0; at < beatMs; at += 50) {
      service.pass(50);
      const piece = stream.read();
      if (piece === '') continue;
      lengths.push(piece.length);
      told += piece.split('event: transaction').length - 1;
    }
  }
  assert.equal(told, 1);
  assert.deepEqual(lengths, [2_048, 2_048, 2_048, 2_048]);
});
