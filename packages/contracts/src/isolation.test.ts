import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callOf, jsonOf, reasonOf, Stage, textOf } from './testing/stage.ts';

/** What one request may try to leave behind, and how another would find it. */
const traces: readonly [what: string, leave: string, find: string, top?: string][] = [
  ['a global', 'globalThis.trace = 1', 'globalThis.trace === undefined'],
  ['a property of a prototype', 'Object.prototype.trace = 1', '({}).trace === undefined'],
  ['a replaced method', 'Array.prototype.map = () => "mine"', '[1].map((x) => x)[0] === 1'],
  ['a replaced method of maps', 'Map.prototype.get = () => 7', 'new Map([[1, 2]]).get(1) === 2'],
  ['an element of a prototype', 'Array.prototype[3] = "hole"', '[, , , ,][3] === undefined'],
  [
    'a getter of a prototype',
    'Object.defineProperty(Object.prototype, "t", { get: () => 1 })',
    '({}).t === undefined',
  ],
  ['the state of a module', 'counter++', 'counter === 0', 'let counter = 0;'],
  ['an object of a module', 'list.push(1)', 'list.length === 0', 'const list = [];'],
  ['a map of a module', 'cache.set(1, 2)', 'cache.size === 0', 'const cache = new Map();'],
  ['a closure', 'tick()', 'tick() === 1', 'const tick = (() => { let n = 0; return () => ++n; })();'],
  ['a property of a function', 'tagged.seen = 1', 'tagged.seen === undefined', 'function tagged() {}'],
  ['a property of the handler', 'find.seen = 1', 'find.seen === undefined'],
  ['a static member', 'Box.seen = 1', 'Box.seen === undefined', 'class Box {}'],
  [
    'a private static member',
    'Box.mark()',
    'Box.read() === 0',
    'class Box { static #n = 0; static mark() { Box.#n++ } static read() { return Box.#n } }',
  ],
  ['a block’s variable', 'bump()', 'bump() === 1', 'let bump; { let n = 0; bump = () => ++n; }'],
  [
    'a generator that was begun',
    'steps.next()',
    'steps.next().value === 1',
    'const steps = (function* () { yield 1; yield 2; })();',
  ],
  ['a sticky expression', 'sticky.test("aa")', 'sticky.lastIndex === 0', 'const sticky = /a/g;'],
  ['a recompiled expression', 'plain.compile("b")', 'plain.test("a")', 'const plain = /a/;'],
  ['a date', 'day.setFullYear(1999)', 'day.getTime() === 5', 'const day = new Date(5);'],
  ['bytes', 'bytes[0] = 9', 'bytes[0] === 0', 'const bytes = new Uint8Array(4);'],
  [
    'the last match',
    '/secret/.test("a secret b")',
    'RegExp.lastMatch !== "secret" && RegExp["$&"] !== "secret" && RegExp.leftContext !== "a " && RegExp.$1 !== "secret"',
  ],
  ['a stack formatter', 'Error.prepareStackTrace = () => "mine"', 'new Error("x").stack !== "mine"'],
  [
    'the stack’s length',
    'Error.stackTraceLimit = 0',
    'typeof new Error("x").stack === "string" && new Error("x").stack.includes("find")',
  ],
  ['a symbol’s property', 'Symbol.for("s").constructor.trace = 1', 'Symbol.trace === undefined'],
  [
    'a key of the symbol registry',
    'Object.prototype[Symbol.for("s")] = 1',
    '({})[Symbol.for("s")] === undefined',
  ],
  ['a property of ccf', 'ccf.trace = 1', 'ccf.trace === undefined'],
  ['a replaced ccf function', 'ccf.strToBuf = () => 1', 'ccf.strToBuf("a") instanceof ArrayBuffer'],
  ['a property of a table', 'ccf.kv.x.trace = 1', 'ccf.kv.x.trace === undefined'],
  [
    'a method of tables',
    'Object.getPrototypeOf(ccf.kv.x).get = () => 1',
    'ccf.kv.x.get(ccf.strToBuf("k")) === undefined',
  ],
  [
    'a method of requests',
    'Object.getPrototypeOf(request.body).text = () => "mine"',
    'request.body.text() === ""',
  ],
  ['a replaced console', 'console.log = () => { throw 1 }', '(console.log("x"), true)'],
  ['chance', 'Math.random = () => 0.5', 'Math.random() !== Math.random()'],
  ['the clock', 'Date.now = () => 0', 'Date.now() > 0'],
  ['a date’s method', 'Date.prototype.getTime = () => 0', 'new Date().getTime() > 0'],
  [
    'a locale’s format',
    'Intl.NumberFormat.prototype.format = () => "mine"',
    'new Intl.NumberFormat("en").format(1) !== "mine"',
  ],
  [
    'an iterator’s next',
    'Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: true })',
    '[...[1, 2]].length === 2',
  ],
  [
    'a generator’s next',
    'Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())).next = null',
    '[...(function* () { yield 1 })()].length === 1',
  ],
  [
    'a weak reference',
    'globalThis.w = typeof WeakRef',
    'typeof WeakRef === "undefined" && typeof FinalizationRegistry === "undefined"',
  ],
  [
    'a table row that failed',
    'ccf.kv.x.set(ccf.strToBuf("k"), ccf.strToBuf("v")); throw 1',
    'ccf.kv.x.has(ccf.strToBuf("k")) === false',
  ],
  ['a value of import.meta', 'import.meta.trace = 1', 'import.meta.trace === undefined'],
  ['JSON', 'JSON.parse = () => "mine"', 'JSON.parse("1") === 1'],
  ['Reflect', 'Reflect.apply = () => "mine"', 'Reflect.apply(() => 1, null, []) === 1'],
  ['the function constructor', 'Function.prototype.call = () => "mine"', '(() => 1).call() === 1'],
  ['text compiled to write a global', 'Function("trace = 1")()', 'typeof trace === "undefined"'],
  ['text evaluated', '(0, eval)("var traced = 1")', 'typeof traced === "undefined"'],
  [
    'a template’s object',
    'tag`a`.raw.trace = 1',
    'tag`a`.raw.trace === undefined',
    'const tag = (strings) => strings;',
  ],
];

describe('nothing is left for another request by', () => {
  for (const [what, leave, find, top = ''] of traces) {
    test(what, () => {
      const source = `${top}
        export function leave(request) { try { ${leave}; } finally { } return { body: true }; }
        export function find(request) { return { body: ${find} }; }`;
      using stage = new Stage(source);
      assert.equal(stage.json('find'), true, 'before');
      const outcomes = stage.run(['leave', 'find', 'leave', 'leave', 'find'].map((name) => callOf(name)));
      assert.deepEqual(
        [outcomes[1], outcomes[4]].map((each) => each && jsonOf(each)),
        [true, true],
        'in one batch',
      );
      assert.equal(stage.json('find'), true, 'in another batch');
    });
  }
});

/** Ways to make a promise with the word `async`; each has `act` done later. */
const asynchronous: readonly (readonly [what: string, make: string])[] = [
  ['an arrow without braces', '(async (n) => (await null, await null, act()))(1)'],
  ['an arrow that answers an object', '(async () => ({ a: await null }))().then(act)'],
  ['an arrow within another', '(async () => async () => 1)().then((inner) => inner()).then(act)'],
  ['a method', '({ async go() { "use strict"; await null; act(); } }).go()'],
  [
    'a method of a class',
    'new (class { static async #go() { await null; act(); } static { this.#go(); } })()',
  ],
  ['one that takes the rest', '(async (...all) => { await all; act(); })(1, 2)'],
  ['one that takes its argument apart', '(async ({ a }) => { await a; act(); })({})'],
  ['one whose argument cannot be taken apart', '(async ({ a }) => a)(null).catch(act)'],
  ['one whose default throws', '(async (a = null.b) => a)().catch(act)'],
  ['a generator', '(async function* () {})().next().then(act)'],
  ['a generator that never began', '(async function* () { yield 1; })().return().then(act)'],
  [
    'one begun where the stack ends',
    'const late = async () => 1; const deep = () => { try { deep(); } finally { late().then(act, act); } }; try { deep(); } catch {}',
  ],
  [
    'one that text compiled in the call takes back',
    '(async () => { await null; act(); })(); eval("$" + "coco.turn.promised = false")',
  ],
];

const acting = (make: string): string =>
  `const act = () => ccf.kv.x.set(ccf.strToBuf("t"), ccf.strToBuf("1")); ${make}`;

describe('a promise of one request cannot act in another', () => {
  const chains: readonly [what: string, leave: string][] = [
    [
      'a chain that goes on',
      'let n = 0; const step = () => { ccf.kv.x.set(ccf.strToBuf("t"), ccf.strToBuf("1")); if (n++ < 50) return Promise.resolve().then(step); }; Promise.resolve().then(step); return { statusCode: 400 }',
    ],
    [
      'an async function not awaited',
      '(async () => { for (let i = 0; i < 50; i++) { await null; ccf.kv.x.set(ccf.strToBuf("t"), ccf.strToBuf("1")); } })(); return { statusCode: 400 }',
    ],
    [
      'one made by compiled text',
      "Function(\"return (async () => { for (let i = 0; i < 50; i++) { await null; ccf.kv.x.set(ccf.strToBuf('t'), ccf.strToBuf('1')); } })()\")(); return { statusCode: 400 }",
    ],
    [
      'one found by a hidden name',
      'globalThis["Pro" + "mise"].resolve().then(() => ccf.kv.x.set(ccf.strToBuf("t"), ccf.strToBuf("1"))); return { statusCode: 400 }',
    ],
    [
      'one of Array.fromAsync',
      'Array["from" + "Async"]([1, 2, 3], () => ccf.kv.x.set(ccf.strToBuf("t"), ccf.strToBuf("1"))); return { statusCode: 400 }',
    ],
    [
      'one made while the answer is written',
      'return { statusCode: 400, body: { toJSON() { globalThis["Pro" + "mise"].resolve().then(() => {}).then(() => ccf.kv.x.set(ccf.strToBuf("t"), ccf.strToBuf("1"))); return 1; } } }',
    ],
    ...asynchronous.map(([what, make]): [string, string] => [
      what,
      `${acting(make)}; return { statusCode: 400 }`,
    ]),
  ];
  /** Ways to make one that nothing sees: by what an earlier request, or the module itself, has kept. */
  const kept: readonly [what: string, make: string, top: string][] = [
    ['one by a constructor that the module kept', 'K.resolve().then(act)', 'const K = Promise;'],
    ['one by an heir of the constructor', 'K.resolve().then(act)', 'class K extends Promise {}'],
    ['one of a promise that the module kept', 'k.then(act)', 'const k = globalThis["Promise"].resolve();'],
    ['one by a constructor that a request kept', '(globalThis.K ??= Promise).resolve().then(act)', ''],
    [
      'one of a generator that a request began',
      '(globalThis.g ??= ticks()).next().then(act)',
      'async function* ticks() { for (;;) yield 1; }',
    ],
  ];
  const all = [
    ...chains.map(([what, leave]) => [what, leave, ''] as const),
    ...kept.map(([what, make, top]) => [what, `${acting(make)}; return { statusCode: 400 }`, top] as const),
  ];
  for (const [what, leave, top] of all) {
    for (const reuse of [{}, { reuseKey: 'one' }]) {
      test(`${what}${reuse.reuseKey ? ', in an interpreter that is reused' : ''}`, () => {
        using stage = new Stage(`${top}
          export function leave() { ${leave}; }
          export function find() { return { body: ccf.kv.x.has(ccf.strToBuf('t')) }; }
          export function other() {
            let last = Promise.resolve({ body: 1 });
            for (let i = 0; i < 9; i++) last = last.then((given) => given);
            return last;
          }`);
        const names = ['leave', 'other', 'find', 'leave', 'find', 'other'];
        for (let round = 0; round < 2; round++) {
          const outcomes = stage.run(names.map((name) => callOf(name, reuse)));
          assert.deepEqual(
            outcomes.map((each) => each.kind === 'response' && each.status),
            [400, 200, 200, 400, 200, 200],
          );
          assert.deepEqual(
            [outcomes[2], outcomes[4]].map((each) => each && jsonOf(each)),
            [false, false],
          );
        }
        assert.equal(stage.json('find', reuse), false);
      });
    }
  }
});

describe('a call that makes promises', () => {
  const source = `
    const look = () => ccf.kv.x.size;
    export const plain = () => { look(); return { body: 1 }; };
    export const compare = (request) => { look(); return { body: request instanceof Promise }; };
    export const late = async () => { look(); return { body: 1 }; };
    export const once = () => { look(); if (!globalThis.done) { globalThis.done = true; eval('1'); } return { body: 1 }; };`;
  /** Which transactions were begun by two batches of these calls: one twice where its call was run again, alone. */
  const begun = (...names: string[]): number[][] => {
    using stage = new Stage(source);
    return [0, 1].map(() => {
      stage.begun.length = 0;
      const outcomes = stage.run(names.map((name) => callOf(name, { reuseKey: 'one' })));
      for (const outcome of outcomes) assert.equal(outcome.kind, 'response');
      return [...stage.begun];
    });
  };
  test('is run alone from its beginning, and known from then on', () => {
    assert.deepEqual(begun('plain', 'late', 'plain', 'late'), [
      [0, 1, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
  });
  test('is run with others again once it makes none', () => {
    assert.deepEqual(begun('plain', 'once', 'once', 'once'), [
      [0, 1, 1, 2, 3],
      [0, 1, 2, 3],
    ]);
  });
  test('is not one that only compares with them', () => {
    assert.deepEqual(begun('plain', 'compare', 'compare'), [
      [0, 1, 2],
      [0, 1, 2],
    ]);
  });
});

describe('ordinary habits work though the language is frozen:', () => {
  const habits: readonly [what: string, expression: string][] = [
    [
      'an own toString',
      '(() => { const o = {}; o.toString = () => "mine"; return String(o); })() === "mine"',
    ],
    [
      'an old-style heir of Error',
      '(() => { function E() {} E.prototype = Object.create(Error.prototype); E.prototype.constructor = E; E.prototype.name = "E"; E.prototype.message = "m"; return String(new E()); })() === "E: m"',
    ],
    [
      'the name of an error',
      '(() => { const e = new Error("m"); e.name = "Mine"; e.message = "n"; return String(e); })() === "Mine: n"',
    ],
    [
      'a class of errors',
      '(() => { class E extends TypeError { constructor() { super("m"); this.name = "E"; } } return new E() instanceof TypeError && new E().name; })() === "E"',
    ],
    ['an own constructor', '(() => { const o = {}; o.constructor = 3; return o.constructor; })() === 3'],
    [
      'a subclass that overrides',
      '(() => { class L extends Array { push(x) { return super.push(x * 2); } } const l = new L(); l.push(2); return l[0]; })() === 4',
    ],
    [
      'a buffer with an own toString',
      '(() => { const u = new Uint8Array(2); u.toString = () => "u"; u.slice = () => 1; return String(u) + u.slice(); })() === "u1"',
    ],
    [
      'hasOwnProperty as a key',
      '(() => { const o = JSON.parse(\'{"hasOwnProperty":1,"toString":2}\'); o.valueOf = 3; return o.hasOwnProperty + o.toString + o.valueOf; })() === 6',
    ],
    ['assigning all', 'Object.assign({}, { toString: 1, constructor: 2 }).constructor === 2'],
    ['a null prototype', 'Object.create(null, { a: { value: 1 } }).a === 1'],
    ['sorting and spreading', '[...new Set([3, 1, 2])].toSorted().join() === "1,2,3"'],
    ['matching', '"a1b22".replace(/[0-9]+/g, (d) => "<" + d + ">") === "a<1>b<22>"'],
    ['compiled text', 'new Function("a", "b", "return a + b")(1, 2) === 3'],
    ['evaluated text', 'eval("1 + 1") === 2'],
    ['the global through a function', 'Function("return this")() === globalThis'],
  ];
  for (const [what, expression] of habits) {
    test(what, () => {
      using stage = new Stage(`export function habit() { return { body: ${expression} }; }`);
      assert.equal(stage.json('habit'), true);
    });
  }
});

describe('an app that changes what others share', () => {
  test('gets it for the length of a request, as in CCF', () => {
    using stage = new Stage(`
      export function extend() {
        Array.prototype.last = function () { return this[this.length - 1]; };
        globalThis.seen = (globalThis.seen ?? 0) + 1;
        return { body: [[1, 2, 3].last(), globalThis.seen] };
      }
      export function plain() { return { body: [typeof [].last, typeof globalThis.seen] }; }`);
    const outcomes = stage.run(['extend', 'plain', 'extend', 'plain'].map((name) => callOf(name)));
    assert.deepEqual(outcomes.map(jsonOf), [
      [3, 1],
      ['undefined', 'undefined'],
      [3, 1],
      ['undefined', 'undefined'],
    ]);
  });
  test('at its top level, too', () => {
    using stage = new Stage(`
      String.prototype.shout = function () { return this.toUpperCase() + '!'; };
      export const shout = () => ({ body: 'a'.shout() });`);
    assert.equal(textOf(stage.call('shout')), 'A!');
    assert.equal(textOf(stage.call('shout')), 'A!');
  });
  test('fails as itself when it fails either way', () => {
    using stage = new Stage(`
      export const change = () => { ccf.kv.x.size; Object.freeze({ a: 1 }).a = 2; return {}; };`);
    assert.match(reasonOf(stage.call('change')), /^TypeError: Cannot assign to read only property 'a'/);
    assert.deepEqual(stage.begun, [0, 0, 0], 'tried where less and less is shared');
  });
});

describe('an interpreter that is reused', () => {
  const source = `
    let count = 0;
    export function increment() { globalThis.total = (globalThis.total ?? 0) + 1; return { body: [++count, globalThis.total] }; }
    export function patch() { Array.prototype.last = () => 'mine'; return {}; }
    export function last() { return { body: typeof [].last }; }`;
  test('keeps its state for calls of the same key and mode', () => {
    using stage = new Stage(source);
    const run = (reuseKey?: string, mode: 'readwrite' | 'readonly' = 'readwrite') =>
      stage.json('increment', { mode, ...(reuseKey && { reuseKey }) });
    assert.deepEqual(run('a'), [1, 1]);
    assert.deepEqual(run('a'), [2, 2]);
    assert.deepEqual(run('b'), [1, 1]);
    assert.deepEqual(run('a', 'readonly'), [1, 1]);
    assert.deepEqual(run(), [1, 1]);
    assert.deepEqual(run(), [1, 1]);
    assert.deepEqual(run('a'), [3, 3]);
  });
  test('in one batch, too, in the order of the calls', () => {
    using stage = new Stage(source);
    const keys = ['a', 'a', undefined, 'b', 'a'];
    const outcomes = stage.run(keys.map((reuseKey) => callOf('increment', reuseKey ? { reuseKey } : {})));
    assert.deepEqual(
      outcomes.map((each) => (jsonOf(each) as number[])[0]),
      [1, 2, 1, 1, 3],
    );
  });
  test('does not touch the others', () => {
    using stage = new Stage(source);
    stage.call('patch', { reuseKey: 'a' });
    assert.equal(textOf(stage.call('last', { reuseKey: 'a' })), 'function');
    assert.equal(textOf(stage.call('last', { reuseKey: 'b' })), 'undefined');
    assert.equal(textOf(stage.call('last')), 'undefined');
  });
  test('is dropped when others were used more recently', () => {
    using stage = new Stage(source, { max_cached_interpreters: 2 });
    const run = (reuseKey: string) => (stage.json('increment', { reuseKey }) as number[])[0];
    assert.deepEqual([run('a'), run('b'), run('a'), run('c'), run('a'), run('b')], [1, 1, 2, 1, 3, 1]);
  });
});
