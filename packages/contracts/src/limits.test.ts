import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Attack, kindOf, testAttack } from './testing/attacks.ts';
import { callOf, reasonOf, Stage, textOf } from './testing/stage.ts';

const attacks: readonly Attack[] = [
  ['an endless loop over library functions', 'const a = [1, 2, 3]; for (;;) a.fill(0);', ['time']],
  [
    'an endless loop that allocates in passing',
    'const a = []; for (;;) a.push(new Array(1000).fill(1));',
    ['heap', 'time'],
  ],
  [
    'an endless chain of promises',
    // None waits for the next, which would keep all of them: on a quick machine that runs into the heap's limit first.
    'const f = () => void Promise.resolve().then(f); f(); return new Promise(() => {});',
    ['time'],
  ],
  ['an endless getter in the response', 'return { get body() { for (;;); } };', ['time']],
  ['an endless thenable', 'return { then() { for (;;); }, body: 1 };', ['response']],
  ['an endless stack of what is thrown', 'throw { get stack() { for (;;); } };', ['time']],
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
  ['an ever longer text', 'let s = "x"; for (;;) s += s;', ['failed']],
  ['one great buffer', 'return { body: new ArrayBuffer(2 ** 31).byteLength };', ['heap']],
  ['ever more buffers', 'const a = []; for (;;) a.push(new ArrayBuffer(1 << 20));', ['heap']],
  ['deep recursion', 'const f = (n) => f(n + 1) + 1; f(0);', ['stack']],
  ['a promise never settled', 'return new Promise(() => {});', ['failed']],
  [
    'a great many headers',
    'return { headers: Object.fromEntries(Array.from({ length: 1000 }, (_, i) => ["h" + i, "x"])) };',
    ['failed'],
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
  for (const attack of attacks) testAttack(attack);
});

describe('there is no way out:', () => {
  const escapes: readonly [what: string, expression: string][] = [
    ['the constructor of a host function', 'ccf.crypto.digest.constructor("return typeof process")()'],
    ['the constructor of a table', 'ccf.kv.x.constructor.constructor("return typeof process")()'],
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
      [1300, ['stack', 'response', 'response']],
      [5000, ['stack', 'stack', 'response']],
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
    `export const spin = () => { const end = 5e6; let n = 0; for (let i = 0; i < end; i++) n = (n * 31 + i) | 0; return { body: n }; };
     export const endless = () => { for (;;); };`,
    { max_execution_time_ms: 400 },
  );
  const names = [...new Array<string>(25).fill('spin'), 'endless', 'spin'];
  const outcomes = stage.run(names.map((name) => callOf(name)));
  assert.deepEqual(
    outcomes.map(kindOf),
    names.map((name) => (name === 'spin' ? 'response' : 'time')),
  );
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

test('what a call left behind without end, unseen, fails no call that comes after it', () => {
  using stage = new Stage(
    `const K = Promise;
     export const leave = () => { K.resolve().then(() => { for (;;); }); return {}; };
     export const fine = () => ({});`,
    { max_execution_time_ms: 100 },
  );
  // The constructor is seen to be read when the module is evaluated, with the first call.
  for (const names of [['fine'], ['leave'], ['fine'], ['fine', 'leave', 'fine'], ['fine']]) {
    const outcomes = stage.run(names.map((name) => callOf(name, { reuseKey: 'one' })));
    assert.deepEqual(
      outcomes.map(kindOf),
      names.map(() => 'response'),
    );
  }
});
