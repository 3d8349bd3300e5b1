// A small market for the tests of private transactions: parties, users, and an app written by hand.
import { type MemoryBundle, MemoryService, person } from '../workloads/memory-service.ts';

const source = `
const bytes = (value) => ccf.strToBuf(typeof value === 'string' ? value : JSON.stringify(value));
const orders = ccf.kv['audience:orders'];
const rows = (map) => [...map.range()].map(([key, value]) => [ccf.bufToStr(key), ccf.bufToJsonCompatible(value)]);

export function place({ body }) {
  const { id, with: others, ...order } = body.json();
  ccf.access.setAudience(['caller', ...others]);
  if (orders.has(bytes(id))) return { statusCode: 409, body: { error: 'exists' } };
  orders.set(bytes(id), bytes(order));
  ccf.access.setClaims({ id, ...order });
  return { body: { id } };
}
export function read({ params }) {
  const row = orders.get(bytes(params.id));
  return row === undefined ? { statusCode: 404, body: { error: 'none' } } : { body: ccf.bufToJsonCompatible(row) };
}
export const list = () => ({ body: { orders: rows(orders), size: orders.size } });
export const total = () => ({ body: { total: rows(orders).reduce((sum, [, { amount }]) => sum + amount, 0) } });
export function amend({ params, body }) {
  const { audience, ...order } = body.json();
  if (audience) ccf.access.setRowAudience('audience:orders', bytes(params.id), audience);
  orders.set(bytes(params.id), bytes(order));
  return { body: {} };
}
export function drop({ params }) {
  orders.delete(bytes(params.id));
  return { body: {} };
}
export function widen({ body }) {
  ccf.access.setAudience(['caller']);
  ccf.access.setAudience(body.json());
  return { body: {} };
}
export function hurry({ body }) {
  ccf.access.setAudience(['caller']);
  while (body.json() === 'never ends');
  return { body: {} };
}
export function note({ body }) {
  ccf.kv['notes'].set(bytes('note'), bytes(body.text()));
  return { body: {} };
}
export function plain({ body }) {
  ccf.kv['plain'].set(bytes(body.json().id), bytes('x'));
  return { body: {} };
}
export const who = () => ({ body: ccf.access.caller() });
export function peek({ params }) {
  ccf.kv[\`ccf.internal.access.\${params.map}\`].forEach(() => {});
  return { body: {} };
}
export function past() {
  const { kv } = ccf.historicalState;
  const internal = ['ccf.internal.access.transactions', 'ccf.internal.access.keys'].map((name) => kv[name].size);
  return { body: { orders: rows(kv['audience:orders']), internal } };
}
`;

const endpoint = (js_function: string, mode: string, access?: object) => ({
  js_module: 'market.js',
  js_function,
  mode,
  forwarding_required: 'sometimes',
  authn_policies: ['user_cert', 'no_auth'],
  openapi: {},
  ...(access === undefined ? {} : { access }),
});

export const market: MemoryBundle = {
  metadata: {
    endpoints: {
      '/orders': { post: endpoint('place', 'readwrite'), get: endpoint('list', 'readonly') },
      '/orders/{id}': {
        get: endpoint('read', 'readonly'),
        put: endpoint('amend', 'readwrite', { audience: ['caller'] }),
        delete: endpoint('drop', 'readwrite'),
      },
      '/total': { get: endpoint('total', 'readonly', { reads: ['audience:orders'] }) },
      '/widen': { post: endpoint('widen', 'readwrite') },
      '/hurry': { post: endpoint('hurry', 'readwrite') },
      '/bounded': { post: endpoint('place', 'readwrite', { within: ['caller', 'party:mill'] }) },
      '/note': { post: endpoint('note', 'readwrite', { audience: ['caller'] }) },
      '/plain': { post: endpoint('plain', 'readwrite') },
      '/peek/{map}': { get: endpoint('peek', 'readonly') },
      '/who': { get: endpoint('who', 'readonly') },
      '/past': { get: endpoint('past', 'historical') },
    },
  },
  modules: [{ name: 'market.js', module: source }],
};

/** Users by name, and the party that each acts for. */
export const parties = { ann: 'grocer', amy: 'grocer', bob: 'mill', cid: 'baker', dan: 'farm' } as const;
/** Users with no party: one has a role, the other nothing. */
export const ann = person('ann');
export const amy = person('amy');
export const bob = person('bob');
export const cid = person('cid');
export const dan = person('dan');
export const eve = person('eve');
export const rita = person('rita');

/** Everything that members decide before the market opens. */
export function founding(): object[] {
  return [
    ...[ann, amy, bob, cid, dan, eve, rita].map(({ certificate }) => ({
      name: 'set_user',
      args: { cert: certificate },
    })),
    ...[...new Set(Object.values(parties))].map((party) => ({ name: 'set_party', args: { party } })),
    ...Object.entries(parties).map(([name, party]) => ({
      name: 'set_access_user',
      args: { user_id: person(name).id, party },
    })),
    {
      name: 'set_js_runtime_options',
      args: {
        max_heap_bytes: 100_000_000,
        max_stack_bytes: 1_000_000,
        max_execution_time_ms: 5000,
        return_exception_details: true,
      },
    },
    { name: 'set_access_user', args: { user_id: rita.id, roles: ['regulator'] } },
  ];
}

export function openMarket(more: readonly object[] = [], seed?: string): Promise<MemoryService> {
  return MemoryService.open({
    bundle: market,
    actions: () => [...founding(), ...more],
    ...(seed === undefined ? {} : { seed }),
  });
}
