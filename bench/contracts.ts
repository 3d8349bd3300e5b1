import type { BatchHost, CallRequest, Outcome, PendingCall } from '@coco/contracts';
import { createEngine } from '@coco/contracts';
import { Store, type Tx } from '@coco/kv';

/** One measured figure. */
interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly budget?: number;
}

const handlers = `
export function post(request) {
  const { id, msg } = request.body.json();
  const records = ccf.kv['records'];
  const key = ccf.strToBuf(String(id));
  const known = records.get(key);
  if (known !== undefined && ccf.bufToStr(known).length === 0) throw new Error('empty');
  records.set(key, ccf.strToBuf(msg));
  return { body: true };
}
export function get() {
  const value = ccf.kv['records'].get(ccf.strToBuf('42'));
  return { body: value === undefined };
}
export function nothing() {
  return { body: true };
}
export async function later() {
  await null;
  return { body: true };
}
export function loop() {
  let sum = 0;
  for (let i = 0; i < 200000; i++) sum = (sum + i * 3) | 0;
  return { body: sum };
}
`;

// The same handlers in a module whose top level keeps something: evaluated again for each call.
const stateful = `let calls = 0;\n${handlers.replace('const { id', 'calls++;\n  const { id')}`;

const request: CallRequest = {
  headers: {
    host: '127.0.0.1:8000',
    'content-type': 'application/json',
    'content-length': '43',
    'user-agent': 'curl/8.5.0',
    accept: '*/*',
  },
  query: '',
  path: '/app/records',
  url: '/app/records',
  route: '/app/records',
  method: 'POST',
  hostname: '127.0.0.1:8000',
  params: {},
  body: '{"id":42,"msg":"Hello world, hello ledger!"}',
  caller: { policy: 'user_cert', id: 'a'.repeat(64), data: null, cert: 'c'.repeat(700) },
};

/** Time per call in us, the best of a few rounds: others share the machine. */
function timeCalls(source: string, exported: string, batch: number, calls: number): number {
  using engine = createEngine();
  using app = engine.install(new Map([['/app.js', source]]));
  const store = new Store();
  let tx: Tx | undefined;
  const host: BatchHost = {
    world: {
      consensus: {
        lastCommitted: () => ({ view: 2, seqno: 1 }),
        statusOf: () => 'Unknown',
        viewOf: () => null,
      },
      historical: { stateRange: () => null, drop: () => false },
      random: (length) => crypto.getRandomValues(new Uint8Array(length)),
      access: () => 'read-write',
    },
    begin: () => {
      tx = store.begin();
      return tx;
    },
    settle: (_, outcome: Outcome) => {
      if (outcome.kind !== 'response' || outcome.status !== 200) throw new Error(JSON.stringify(outcome));
      tx?.commit();
    },
  };
  const call: PendingCall = { module: 'app.js', export: exported, mode: 'readwrite', request, now: 1 };
  const pending = Array.from({ length: batch }, () => call);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint();
    for (let done = 0; done < calls; done += batch) app.execute(pending, host);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / 1000 / calls);
  }
  return best;
}

/** Costs of the contract engine. */
export function run(): Row[] {
  timeCalls(handlers, 'post', 50, 20_000);
  const micros = (name: string, value: number, budget?: number): Row => ({
    name,
    value: Math.round(value * 100) / 100,
    unit: 'us/call',
    ...(budget === undefined ? undefined : { budget }),
  });
  return [
    micros('post: get and set, batches of 50', timeCalls(handlers, 'post', 50, 50_000), 6),
    micros('post: get and set, one at a time', timeCalls(handlers, 'post', 1, 20_000)),
    micros('post in a module with state, batches of 50', timeCalls(stateful, 'post', 50, 50_000)),
    micros('get, batches of 50', timeCalls(handlers, 'get', 50, 50_000)),
    micros('nothing, batches of 50', timeCalls(handlers, 'nothing', 50, 50_000)),
    micros('async handler, batches of 50', timeCalls(handlers, 'later', 50, 20_000)),
    micros('loop of 200,000 integer steps', timeCalls(handlers, 'loop', 50, 2_000)),
  ];
}

if (import.meta.main) console.table(run());
