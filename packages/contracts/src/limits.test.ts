import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Outcome } from './index.ts';
import { callOf, reasonOf, Stage, textOf } from './testing/stage.ts';

const seconds = 0.3;
const options = { max_execution_time_ms: seconds * 1000, max_heap_bytes: 32 * 1024 * 1024 };

function kindOf(outcome: Outcome | undefined): string {
  if (!outcome) return 'nothing';
  if (outcome.kind === 'response') return 'response';
  return outcome.limit ?? 'failed';
}

/** What a call may try, and how it may end: 'time', 'heap', 'stack', 'failed', or 'response' when harmless. */
const attacks: readonly [what: string, body: string, ends: readonly string[]][] = [
  ['an endless loop', 'for (;;);', ['time']],
  ['an endless loop over library functions', 'const a = [1, 2, 3]; for (;;) a.fill(0);', ['time']],
  [
    'an endless loop that allocates in passing',
    'const a = []; for (;;) a.push(new Array(1000).fill(1));',
    ['heap', 'time'],
  ],
  ['an endless loop that catches all', 'for (;;) { try { for (;;); } catch {} finally {} }', ['time']],
  ['an endless finally', 'const f = () => { try { f(); } finally { f(); } }; f();', ['time', 'stack']],
  ['an endless chain of promises', 'const f = () => Promise.resolve().then(f); return f();', ['time']],
  ['an endless async loop', 'return (async () => { for (;;) await null; })();', ['time']],
  ['an endless async loop not awaited', '(async () => { for (;;) await null; })(); return {};', ['time']],
  ['an endless getter in the response', 'return { get body() { for (;;); } };', ['time']],
  ['an endless toJSON', 'return { body: { toJSON() { for (;;); } } };', ['time']],
  ['an endless proxy as response', 'return new Proxy({}, { get() { for (;;); } });', ['time']],
  ['an endless thenable', 'return { then() { for (;;); }, body: 1 };', ['response']],
  ['an endless toString of what is thrown', 'throw { toString() { for (;;); } };', ['time']],
  ['an endless stack of what is thrown', 'throw { get stack() { for (;;); } };', ['time']],
  ['an endless print', 'console.log({ toJSON() { for (;;); } });', ['time']],
  ['a regular expression that blows up', '/^(a+)+$/.test("a".repeat(40) + "b");', ['time']],
  [
    'a walk along 2^53 claimed elements',
    'Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1);',
    ['failed'],
  ],
  ['a sort of 2^32 - 1 holes', 'const a = []; a.length = 2 ** 32 - 1; a.sort();', ['failed']],
  ['a list of 2^32 - 1 nothings', 'Array.from({ length: 2 ** 32 - 1 });', ['failed']],
  ['a text of 2^32 - 1 nothings', 'const a = []; a[4294967294] = 1; String(a);', ['failed']],
  ['a raw template of 2^53 parts', 'String.raw({ raw: { length: 2 ** 53 - 1 } });', ['failed']],
  ['ever more arrays', 'const a = []; for (;;) a.push([1, 2, 3, {}]);', ['heap', 'time']],
  ['ever more objects', 'const o = {}; for (let i = 0; ; i++) o["k" + i] = { i };', ['heap', 'time']],
  ['ever more map entries', 'const m = new Map(); for (let i = 0; ; i++) m.set(i, { i });', ['heap', 'time']],
  [
    'one great array',
    'const a = new Array(30_000_000).fill(0); return { body: a.length };',
    ['heap', 'failed'],
  ],
  ['an ever longer text', 'let s = "x"; for (;;) s += s;', ['failed']],
  [
    'an ever longer text, flattened',
    'let s = "x"; for (;;) { s += s; s.charCodeAt(s.length - 1); JSON.stringify(s).length; }',
    ['heap', 'failed', 'time'],
  ],
  ['one great buffer', 'return { body: new ArrayBuffer(2 ** 31).byteLength };', ['heap']],
  ['ever more buffers', 'const a = []; for (;;) a.push(new ArrayBuffer(1 << 20));', ['heap']],
  ['ever more small buffers', 'const a = []; for (;;) a.push(new Uint8Array(65536));', ['heap', 'time']],
  ['deep recursion', 'const f = (n) => f(n + 1) + 1; f(0);', ['stack']],
  [
    'deep JSON in the response',
    'let a = []; for (let i = 0; i < 1e5; i++) a = [a]; return { body: a };',
    ['response', 'failed', 'stack', 'heap'],
  ],
  [
    'a deep proxy',
    'let p = {}; for (let i = 0; i < 1e5; i++) p = new Proxy(p, {}); p.x;',
    ['stack', 'failed', 'time'],
  ],
  ['a promise never settled', 'return new Promise(() => {});', ['failed']],
  ['a huge response', 'return { body: "x".repeat(70 * 1024 * 1024) };', ['failed', 'heap']],
  [
    'a great many headers',
    'return { headers: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ["h" + i, "x"])) };',
    ['failed'],
  ],
  [
    'a great many writes',
    'for (let i = 0; i < 100000; i++) ccf.kv.x.set(ccf.strToBuf("k" + i), ccf.strToBuf("v")); return {};',
    ['response', 'time', 'heap'],
  ],
  [
    'a great many tables',
    'for (let i = 0; i < 3000; i++) ccf.kv["t" + i].has(ccf.strToBuf("k")); return {};',
    ['response', 'time'],
  ],
  ['waiting for another thread', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0);', ['failed']],
  ['a module of machine code', 'new WebAssembly.Memory({ initial: 65536 });', ['failed']],
  ['a module fetched at run time', 'return import("node:fs").then(() => ({ body: "got it" }));', ['failed']],
  [
    'a module fetched by compiled text',
    'return Function("return import(\'node:fs\')")().then(() => ({ body: "got it" }));',
    ['failed'],
  ],
  [
    'a pollution of all objects',
    'JSON.parse(\'{"__proto__":{"x":1}}\').__proto__.y = 2; ({}).__proto__.z = 3; return {};',
    ['response'],
  ],
];

describe('a limit fails the call and nothing else:', () => {
  for (const [what, body, ends] of attacks) {
    test(what, () => {
      using stage = new Stage(
        `export function attack() { ${body} }
         export function fine() { return { body: 'fine' }; }`,
        options,
      );
      const outcomes = stage.run(['fine', 'attack', 'fine', 'fine'].map((name) => callOf(name)));
      assert.deepEqual(outcomes.map(kindOf).with(1, ''), ['response', '', 'response', 'response']);
      assert.ok(
        ends.includes(kindOf(outcomes[1])),
        `ended by ${kindOf(outcomes[1])}: ${JSON.stringify(outcomes[1])}`,
      );
      assert.equal(textOf(stage.call('fine')), 'fine', 'and the app serves on');
    });
  }
});

describe('there is no way out:', () => {
  const escapes: readonly [what: string, expression: string][] = [
    ['the constructor of a host function', 'ccf.crypto.digest.constructor("return typeof process")()'],
    [
      'the constructor of its constructor',
      'ccf.kv.constructor === undefined ? "undefined" : ccf.kv.constructor.constructor("return typeof process")()',
    ],
    [
      'the constructor of what it returns',
      'ccf.consensus.getLastCommittedTxId().constructor.constructor("return typeof process")()',
    ],
    [
      'the constructor of a buffer it gives',
      'ccf.crypto.digest("SHA-256", ccf.strToBuf("")).constructor.constructor("return typeof process")()',
    ],
    [
      'the constructor of an error it throws',
      '(() => { try { ccf.crypto.digest("MD5", ccf.strToBuf("")); } catch (e) { return e.constructor.constructor("return typeof process")(); } })()',
    ],
    [
      'its callers',
      '(() => { try { return String(ccf.strToBuf.caller); } catch { return "undefined"; } })().replace("null", "undefined")',
    ],
    [
      'call sites of the stack',
      '(() => { try { Error.prepareStackTrace = (_, sites) => sites.map((s) => typeof s.getFunction?.() + typeof s.getThis?.()).join(); return String(new Error().stack).includes("object") ? "object" : "undefined"; } catch { return "undefined"; } })()',
    ],
    ['the isolate library', 'typeof ivm + typeof isolated === "undefinedundefined" ? "undefined" : "there"'],
    ['require', 'typeof require'],
    [
      'the sandbox’s own names',
      'typeof Session + typeof Guest + typeof port === "undefinedundefinedundefined" ? "undefined" : "there"',
    ],
  ];
  for (const [what, expression] of escapes) {
    test(what, () => {
      using stage = new Stage(`export const attempt = () => ({ body: String(${expression}) });`);
      assert.equal(textOf(stage.call('attempt')), 'undefined');
    });
  }
  test('an exception of the host brings no line of the host', () => {
    using stage = new Stage(`
      export function attempt() {
        try { ccf.crypto.digest('MD5', ccf.strToBuf('')); } catch (error) { return { body: error.stack }; }
      }`);
    const stack = textOf(stage.call('attempt'));
    assert.match(stack, /RangeError: unsupported digest algorithm/);
    assert.doesNotMatch(stack, /file:|node_modules|packages/);
  });
});

describe('limits are those of the options:', () => {
  const source = `
    const recurse = (depth) => (depth === 0 ? 0 : 1 + recurse(depth - 1));
    export const recursive = (request) => ({ body: recurse(request.body.json().depth) });
    export const alloc = (request) => ({ body: new Uint8Array(request.body.json().size).length });
    export const elements = (request) => ({ body: Array.from({ length: request.body.json().size }, (_, i) => ({ i })).length });
    export function sleep(request) { for (let i = 0; i < request.body.json().times; i++) Math.sqrt(i * 3.1); return {}; }`;
  const ends = (name: string, body: object, limits: object): string => {
    using stage = new Stage(source, limits);
    return kindOf(stage.call(name, { body }));
  };
  test('a stack of 40 KiB holds less than one of 200 KiB, and that less than the default', () => {
    for (const [depth, expected] of [
      [10, ['response', 'response', 'response']],
      [700, ['stack', 'response', 'response']],
      [4000, ['stack', 'stack', 'response']],
      [100_000, ['stack', 'stack', 'stack']],
    ] as const) {
      const limits = [{ max_stack_bytes: 40 * 1024 }, { max_stack_bytes: 200 * 1024 }, {}];
      assert.deepEqual(
        limits.map((limit) => ends('recursive', { depth }, limit)),
        expected,
        `depth ${depth}`,
      );
    }
  });
  test('a heap of 3 MiB holds less than one of 50 MiB', () => {
    const mebibyte = 1024 * 1024;
    for (const [size, expected] of [
      [mebibyte, ['response', 'response']],
      [5 * mebibyte, ['heap', 'response']],
      [500 * mebibyte, ['heap', 'heap']],
    ] as const) {
      const limits = [{ max_heap_bytes: 3 * mebibyte }, { max_heap_bytes: 50 * mebibyte }];
      assert.deepEqual(
        limits.map((limit) => ends('alloc', { size }, limit)),
        expected,
        `${size} bytes`,
      );
    }
  });
  test('objects count as buffers do', () => {
    assert.equal(ends('elements', { size: 200_000 }, { max_heap_bytes: 3 * 1024 * 1024 }), 'heap');
    assert.equal(ends('elements', { size: 200_000 }, {}), 'response');
  });
  test('time is what one call takes', () => {
    assert.equal(ends('sleep', { times: 3e9 }, { max_execution_time_ms: 50 }), 'time');
    assert.equal(ends('sleep', { times: 10 }, { max_execution_time_ms: 50 }), 'response');
  });
  test('senseless ones are refused', () => {
    assert.throws(() => new Stage(source, { max_heap_bytes: -1 }), {
      code: 'LimitInvalid',
      message: /max_heap_bytes is -1/,
    });
  });
});

test('a call that was not alone when time ran out is given its own time', () => {
  using stage = new Stage(
    `export const spin = () => { const end = 12e7; let n = 0; for (let i = 0; i < end; i++) n = (n * 31 + i) | 0; return { body: n }; };
     export const endless = () => { for (;;); };`,
    { max_execution_time_ms: 700 },
  );
  const outcomes = stage.run(['spin', 'spin', 'spin', 'spin', 'endless', 'spin'].map((name) => callOf(name)));
  assert.deepEqual(outcomes.map(kindOf), [
    'response',
    'response',
    'response',
    'response',
    'time',
    'response',
  ]);
});

test('what ran out of time is told as CCF tells it', () => {
  using stage = new Stage('export const endless = () => { for (;;); };', { max_execution_time_ms: 50 });
  const outcome = stage.call('endless');
  assert.equal(outcome.kind === 'failed' && outcome.message, 'Operation took too long to complete.');
});

test('what a call wrote before it was ended is not there', () => {
  using stage = new Stage(
    `export const write = () => { ccf.kv.x.set(ccf.strToBuf('k'), ccf.strToBuf('v')); ccf.kv.x.size; for (;;); };
     export const read = () => ({ body: ccf.kv.x.size });`,
    { max_execution_time_ms: 50 },
  );
  assert.equal(reasonOf(stage.call('write')), 'Operation took too long to complete.');
  assert.equal(textOf(stage.call('read')), '0');
});
