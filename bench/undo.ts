// What undo costs: recording what transactions read, and previews at the end of a long history, on a node whole but for
// network and disk. `bin/runtime bench/undo.ts [TRANSACTIONS]`.
import type { UndoPreviewIn } from '@coco/api';
import { previewUndo } from '@coco/client';
import { type MemoryBundle, MemoryService, person } from '../tests/workloads/memory-service.ts';
import { type Result, table } from './result.ts';

const items = 10_000;
const batch = 50;

const source = `
const bytes = (text) => ccf.strToBuf(String(text));
const prices = ccf.kv['public:prices'];
const orders = ccf.kv['orders'];
export function setPrice({ body }) {
  const { item, price } = body.json();
  prices.set(bytes(item), bytes(price));
  return { body: true };
}
export function amendOrders({ body }) {
  for (const id of body.json().ids) orders.set(bytes(id), bytes(0));
  return { body: true };
}
export function placeOrder({ body }) {
  const { id, item } = body.json();
  const price = prices.get(bytes(item));
  orders.set(bytes(id), price === undefined ? bytes(0) : price);
  return { body: true };
}
`;

const endpoint = (js_function: string) => ({
  js_module: 'shop.js',
  js_function,
  mode: 'readwrite',
  forwarding_required: 'always',
  authn_policies: ['user_cert'],
  openapi: {},
});

const bundle: MemoryBundle = {
  metadata: {
    endpoints: {
      '/price': { post: endpoint('setPrice') },
      '/order': { post: endpoint('placeOrder') },
      '/amend': { post: endpoint('amendOrders') },
    },
  },
  modules: [{ name: 'shop.js', module: source }],
};

const ann = person('ann');

async function openShop(recordReads: boolean): Promise<MemoryService> {
  const limits = { max_heap_bytes: 100_000_000, max_stack_bytes: 1_000_000, max_execution_time_ms: 5_000 };
  return MemoryService.open({
    bundle,
    actions: () => [
      { name: 'set_user', args: { cert: ann.certificate } },
      { name: 'set_js_runtime_options', args: { ...limits, record_reads: recordReads } },
    ],
  });
}

/** Sends a batch of writes. Answers microseconds for each. */
function write(service: MemoryService, path: string, bodies: readonly object[]): number {
  const requests = bodies.map((json) => ({ who: ann, method: 'POST', target: `/app/${path}`, json }));
  const begun = performance.now();
  const statuses = service.together(requests);
  const micros = ((performance.now() - begun) * 1000) / bodies.length;
  if (statuses.some((status) => status !== 200)) throw new Error(`${path} was answered with ${statuses[0]}`);
  return micros;
}

/** A write that reads one key and writes another, with its reads recorded and without, in turns. */
async function recordingCosts(): Promise<Result[]> {
  const services = [await openShop(true), await openShop(false)] as const;
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  let next = 0;
  for (let round = 0; round < 300; round++) {
    const bodies = Array.from({ length: batch }, () => ({ id: next++ % 1000, item: next % 100 }));
    services.forEach((service, i) => {
      const micros = write(service, 'order', bodies);
      if (round >= 100) best[i] = Math.min(best[i] ?? 0, micros);
    });
  }
  const [recorded = 0, bare = 0] = best;
  return [
    { name: 'write with one read, recorded, node alone', value: recorded, unit: 'us' },
    { name: 'the same, not recorded', value: bare, unit: 'us' },
    { name: 'recorded, in unrecorded ones', value: recorded / bare, unit: '' },
  ];
}

/** One write; answers its transaction. */
function writeOne(service: MemoryService, path: string, json: object): string {
  const { headers, status } = service.ask(ann, 'POST', `/app/${path}`, json);
  if (status !== 200) throw new Error(`${path} was answered with ${status}`);
  return headers['x-ms-ccf-transaction-id'] ?? '';
}

function orders(service: MemoryService, name: string, count: number, itemOf: (i: number) => number): void {
  for (let i = 0; i < count; i += batch) {
    const bodies = Array.from({ length: batch }, (_, j) => ({ id: `${name} ${i + j}`, item: itemOf(i + j) }));
    write(service, 'order', bodies);
  }
}

/** Milliseconds until the client has the whole preview, checked, past values read from the ledger included. */
async function timed(service: MemoryService, name: string, asked: UndoPreviewIn): Promise<Result> {
  const begun = performance.now();
  const { possible, undone } = await previewUndo(service.session(), service.signer(), asked);
  const value = performance.now() - begun;
  if (!possible) throw new Error(`${name}: it cannot be undone`);
  return { name: `${name}, ${undone.length} undone`, value, unit: 'ms', budget: 1000 };
}

/** A wrong price at the beginning of a long history, and one at its end that a thousand orders were placed at. */
async function previewCosts(transactions: number): Promise<Result[]> {
  const service = await openShop(true);
  const heapBefore = process.memoryUsage().heapUsed;
  const before = service.entries.length;
  const early = writeOne(service, 'price', { item: 5, price: 555 });
  orders(service, 'order', transactions, (i) => i % items);
  const late = writeOne(service, 'price', { item: 7, price: 777 });
  orders(service, 'late', 1_000, () => 7);
  const ids = Array.from({ length: 1_000 }, (_, i) => `order ${Math.floor((i * transactions) / 1_000)}`);
  const wide = writeOne(service, 'amend', { ids });
  const last = writeOne(service, 'order', { id: 'last', item: 9 });
  service.settle();
  const entries = `${(service.entries.length - before).toLocaleString('en')} entries`;
  return [
    await timed(service, `preview after ${entries}: the latest`, { transactions: [last], policy: 'restore' }),
    await timed(service, 'a late one and all that hangs on it', { transactions: [late], policy: 'cascade' }),
    await timed(service, 'one that overwrote a thousand others', { transactions: [wide], policy: 'restore' }),
    await timed(service, 'the first and all that hangs on it', { transactions: [early], policy: 'cascade' }),
    {
      name: `heap of ${entries}, state included`,
      value: (process.memoryUsage().heapUsed - heapBefore) / 1e6,
      unit: 'MB',
    },
  ];
}

/** The figures; a million transactions unless said otherwise. */
export async function run(transactions = 1_000_000): Promise<Result[]> {
  return [...(await recordingCosts()), ...(await previewCosts(transactions))];
}

if (import.meta.main) console.log(table(await run(Number(process.argv[2] ?? 1_000_000))));
