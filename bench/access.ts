// What privacy costs: a private write against a plain one on the same node, and a list among ever more hidden entries.
import { type AccessRule, Audiences, CallAccess, listPage, TransactionIndex, viewerOf } from '@coco/access';
import { Store } from '@coco/kv';
import { type MemoryBundle, MemoryService, person } from '../tests/workloads/memory-service.ts';
import type { Result } from './result.ts';

const hiddenCounts = [0, 1_000, 10_000, 100_000, 1_000_000];
const batch = 50;

const source = `
const bytes = (text) => ccf.strToBuf(text);
const plain = ccf.kv['messages'];
const rows = ccf.kv['audience:messages'];
export function writePlain({ body }) {
  const { id, msg } = body.json();
  plain.set(bytes(id), bytes(msg));
  return { body: true };
}
export function writePrivate({ body }) {
  const { id, msg } = body.json();
  ccf.access.setAudience(['caller', 'party:mill']);
  rows.set(bytes(id), bytes(msg));
  return { body: true };
}
`;

const endpoint = (js_function: string, access?: AccessRule) => ({
  js_module: 'messages.js',
  js_function,
  mode: 'readwrite',
  forwarding_required: 'always',
  authn_policies: ['user_cert'],
  openapi: {},
  ...(access ? { access } : {}),
});

const bundle: MemoryBundle = {
  metadata: {
    endpoints: {
      '/plain': { post: endpoint('writePlain') },
      '/ruled': { post: endpoint('writePlain', { audience: ['caller'] }) },
      '/private': { post: endpoint('writePrivate') },
    },
  },
  modules: [{ name: 'messages.js', module: source }],
};

/** Microseconds that the node takes for one write of a batch, without TLS, HTTP and disk: `service.ts` has all of it. */
async function writeCosts(): Promise<Result[]> {
  const ann = person('ann');
  const service = await MemoryService.open({
    bundle,
    actions: () => [
      { name: 'set_user', args: { cert: ann.certificate } },
      { name: 'set_party', args: { party: 'grocer' } },
      { name: 'set_access_user', args: { user_id: ann.id, party: 'grocer' } },
    ],
  });
  const paths = ['/app/plain', '/app/ruled', '/app/private'];
  const best = new Map<string, number>();
  let next = 0;
  for (let round = 0; round < 200; round++) {
    for (const path of paths) {
      const requests = Array.from({ length: batch }, () => ({
        who: ann,
        method: 'POST',
        target: path,
        json: { id: String(next++ % 1000), msg: 'Private message of 40 characters, about.' },
      }));
      const begun = performance.now();
      const statuses = service.together(requests);
      const micros = ((performance.now() - begun) * 1000) / batch;
      if (statuses.some((status) => status !== 200))
        throw new Error(`${path} was answered with ${statuses[0]}`);
      // The first rounds warm up; of the others the quickest is what the work takes on a machine that does other things too.
      if (round >= 50) best.set(path, Math.min(best.get(path) ?? Number.POSITIVE_INFINITY, micros));
    }
  }
  const [plain, ruled, priv] = paths.map((path) => best.get(path) ?? Number.NaN) as [number, number, number];
  return [
    { name: 'plain write, node alone', value: plain, unit: 'us' },
    { name: 'private by rule', value: ruled, unit: 'us' },
    { name: 'private, row sealed for its audience', value: priv, unit: 'us' },
    // TLS, HTTP and disk come on top of each alike.
    { name: 'private by rule, in plain ones', value: ruled / plain, unit: '', budget: 1.3 },
    { name: 'private and sealed, in plain ones', value: priv / plain, unit: '', budget: 1.3 },
  ];
}

/** A list of the newest 100 of one's own thousand, among what others wrote. */
function listCosts(): Result[] {
  const store = new Store();
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const audiences = new Audiences(store, random);
  const index = new TransactionIndex(store);
  const mine = viewerOf('ann', 'grocer', []);
  const others = Array.from({ length: 100 }, (_, i) => viewerOf(`user${i}`, `party${i}`, []));
  const write = (viewer: typeof mine, partner: string): void => {
    const tx = store.begin();
    const access = new CallAccess(tx, { audiences, viewer, rule: {} });
    access.setAudience(['caller', partner]);
    tx.set('messages', `${store.version}`, 'x');
    access.record({ view: 2, seqno: store.version + 1 }, 1_700_000_000_000 + store.version, 'POST /private');
    tx.commit();
  };
  for (let i = 0; i < 1000; i++) write(mine, `partner${i % 10}`);
  const results: Result[] = [];
  let hidden = 0;
  for (const count of hiddenCounts) {
    for (; hidden < count; hidden++) write(others[hidden % others.length] ?? mine, `partner${hidden % 10}`);
    const times: number[] = [];
    for (let i = 0; i < 300; i++) {
      const begun = performance.now();
      const state = store.begin();
      const query = { order: 'newest', limit: 100 } as const;
      const page = listPage({ state, index }, audiences.seenBy(mine), query, {
        after: 0,
        before: store.version + 1,
      });
      state.discard();
      times.push((performance.now() - begun) * 1000);
      if (page.items.length !== 100) throw new Error(`a page of ${page.items.length}`);
    }
    const median = times.toSorted((a, b) => a - b)[150] ?? Number.NaN;
    const name = `newest 100 of 1,000 own, ${count.toLocaleString('en')} hidden`;
    results.push({ name, value: median, unit: 'us' });
  }
  return results;
}

export async function run(): Promise<Result[]> {
  return [...(await writeCosts()), ...listCosts()];
}

if (import.meta.main) {
  const { table } = await import('./result.ts');
  console.log(table(await run()));
}
