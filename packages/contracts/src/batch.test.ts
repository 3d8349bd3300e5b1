import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { callOf, jsonOf, Stage } from './testing/stage.ts';

const source = `
  const bytes = (text) => ccf.strToBuf(text);
  const text = (buffer) => buffer === undefined ? '' : ccf.bufToStr(buffer);
  const rows = ccf.kv.rows;
  export function put({ body }) {
    const { key, value } = body.json();
    rows.set(bytes(key), bytes(value));
    return { body: value };
  }
  export function append({ body }) {
    const { key, value } = body.json();
    const longer = text(rows.get(bytes(key))) + value;
    rows.set(bytes(key), bytes(longer));
    return { body: longer };
  }
  // Looks at what is there for some keys only: what is believed of it is wrong now and then.
  export function sometimes(request) {
    return request.body.json().key === 'a' ? append(request) : put(request);
  }
  export function caught(request) {
    const { key, value } = request.body.json();
    let found = 'nothing';
    if (key !== 'b') try { found = text(rows.get(bytes(key))) + rows.size; } catch {}
    rows.set(bytes(key), bytes(value));
    return { body: found };
  }
  export function count() { return { body: rows.size }; }
  export function all() {
    const found = [];
    rows.forEach((value, key) => found.push([text(key), text(value)]));
    return { body: found };
  }
  export function remove({ body }) { rows.delete(bytes(body.json().key)); return {}; }
  export function clear() { rows.clear(); return {}; }
  export function refused(request) { put(request); return { statusCode: 400, body: 'no' }; }
  export function kept(request) { put(request); ccf.rpc.setApplyWrites(true); return { statusCode: 400, body: 'no' }; }
  export function thrown(request) { put(request); throw new Error('thrown'); }
  export function wrong(request) { put(request); return { headers: { a: {} } }; }
  export function many({ body }) {
    for (let i = 0; i < 600; i++) rows.set(bytes(body.json().key + i % 7), bytes(String(i)));
    return {};
  }
  export async function late(request) { return append(request); }
`;
const names = [
  ...['put', 'put', 'append', 'sometimes', 'sometimes', 'caught', 'count', 'all', 'remove', 'clear'],
  ...['refused', 'kept', 'thrown', 'wrong', 'many', 'late'],
];

const calls = fc.array(
  fc.record({
    name: fc.constantFrom(...names),
    key: fc.constantFrom('a', 'b', 'c'),
    value: fc.constantFrom('1', '2', '3'),
  }),
  { minLength: 1, maxLength: 12 },
);

/** What is in the store. */
const contents = (stage: Stage) =>
  [...stage.store.begin().range('rows')].map(({ key, value }) => [key, value] as const);

describe('calls of one batch', () => {
  test('do what they would do one after the other', () => {
    using together = new Stage(source);
    using apart = new Stage(source);
    const batches = fc.array(fc.tuple(calls, fc.boolean()), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(batches, (given) => {
        for (const [sketches, reused] of given) {
          const batch = sketches.map(({ name, ...body }) =>
            callOf(name, { body, ...(reused ? { reuseKey: 'one' } : {}) }),
          );
          const outcomes = together.run(batch);
          assert.deepEqual(
            outcomes,
            batch.flatMap((call) => apart.run([call])),
          );
          assert.deepEqual(contents(together), contents(apart));
          assert.equal(together.store.version, apart.store.version);
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test('are settled in order, each before the transaction of the next begins', () => {
    using stage = new Stage(source);
    const put = (key: string) => callOf('put', { body: { key, value: '1' } });
    stage.run([put('a'), put('b')]);
    const happened: string[] = [];
    stage.app.execute([put('c'), put('d'), callOf('count'), put('e')], {
      world: stage.world,
      begin: (index) => {
        happened.push(`begin ${index}`);
        return stage.store.begin();
      },
      settle: (index, outcome) => happened.push(`${index}: ${JSON.stringify(jsonOf(outcome))}`),
    });
    assert.deepEqual(happened, [
      ...['begin 0', '0: 1', 'begin 1', '1: 1', 'begin 2', '2: 2'],
      ...['begin 3', '3: 1'],
    ]);
  });
});
