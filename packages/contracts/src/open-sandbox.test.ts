import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Store, type Tx } from '@coco/kv';
import { createEngine, type Engine, type Outcome } from './index.ts';
import { openSandbox } from './node/open-sandbox.ts';
import { callOf, emptyWorld } from './testing/stage.ts';

const closed = createEngine();
const open = createEngine({ makeSandbox: (limits) => openSandbox(limits, true) });
after(() => {
  closed[Symbol.dispose]();
  open[Symbol.dispose]();
});

/** How two calls of a handler end, on a store of their own. */
function outcomes(engine: Engine, source: string): Outcome[] {
  using app = engine.install(new Map([['/app.js', source]]), { max_execution_time_ms: 500 });
  const store = new Store();
  const settled: Outcome[] = [];
  let tx: Tx | undefined;
  app.execute([callOf('f', { body: { n: 1 } }), callOf('f')], {
    world: emptyWorld,
    begin: () => {
      tx = store.begin();
      return tx;
    },
    settle: (_, outcome) => {
      settled.push(outcome);
      tx?.commit();
      tx = undefined;
    },
  });
  return settled;
}

const handlers: [what: string, source: string][] = [
  ['answers', 'export const f = (r) => ({ statusCode: 201, body: { path: r.path, n: r.body.text() } });'],
  ['prints', 'export function f() { console.log("a", { b: 1 }); console.error("c"); return {}; }'],
  ['throws', 'export function f() { throw new RangeError("too far"); }'],
  ['throws from below', 'const g = () => { null.x; }; export function f() { g(); }'],
  ['waits', 'export async function f() { await 1; await 2; return { body: "done" }; }'],
  ['waits in vain', 'export const f = () => new Promise(() => {});'],
  ['fails later', 'export async function f() { await 1; throw new Error("late"); }'],
  ['loops', 'export function f() { for (;;); }'],
  ['recurses', 'export function f() { return f(); }'],
  ['keeps state in a module', 'let n = 0; export const f = () => ({ body: { n: ++n } });'],
  ['changes the language', 'export function f() { Array.prototype.own = 1; return { body: [].own }; }'],
  [
    'keeps data',
    `const rows = ccf.kv.rows; const key = ccf.strToBuf('k');
     export function f() {
       const before = rows.has(key) ? ccf.bufToStr(rows.get(key)) : '';
       rows.set(key, ccf.strToBuf(before + 'x'));
       return { body: { before, size: rows.size, keys: [...rows.range()].length } };
     }`,
  ],
  [
    'looks at the clock',
    'export const f = () => ({ body: { now: Date.now(), date: new Date().toISOString() } });',
  ],
  ['imports what is not there', "import './gone.js'; export const f = () => ({});"],
];
for (const [what, source] of handlers) {
  test(`a contract that ${what} ends the same with and without walls`, () => {
    assert.deepEqual(outcomes(open, source), outcomes(closed, source));
  });
}
