import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { Store } from '@coco/kv';
import { createEngine, type HostValue } from './index.ts';
import { evaluate } from './testing/stage.ts';

const engine = createEngine();
after(() => engine[Symbol.dispose]());

const constitution = `
  let calls = 0;
  export function validate(input) {
    calls++;
    const parsed = JSON.parse(input);
    return { valid: parsed.ok === true, description: 'calls ' + calls, list: [1, 'a', null, { b: undefined }] };
  }
  export function resolve(proposal, proposerId, votes, proposalId) {
    return votes.every(({ vote }) => vote) ? 'Accepted' : 'Open';
  }
  export function apply(proposal, proposalId) {
    ccf.kv['public:ccf.gov.x'].set(ccf.strToBuf('k'), ccf.strToBuf(proposal));
    return ccf.node.trigger(new Uint8Array([1, 2, 255]).buffer, undefined, { deep: [ccf.strToBuf('z')] });
  }
  export function fails() {
    throw new TypeError('no');
  }
  export async function later() { return 1; }
  export const bytes = () => ccf.strToBuf('raw');
  export const nothing = () => {};
  export const endless = () => { for (;;); };
  export const deep = () => deep() + 1;
  export const prints = () => { console.log('seen'); return Math.random() < 1 && Date.now(); };
  export const world = () => [typeof ccf.rpc, typeof ccf.historical, typeof ccf.consensus, typeof ccf.crypto.digest, typeof ccf.kv];
  export const globals = () => { const before = typeof globalThis.left; globalThis.left = 1; Array.prototype.x = 1; return before; };
  export const refused = () => ccf.node.refuses();
  export const counted = () => ccf.node.trigger();
  export const gone = () => ccf.node.other;
`;

describe('governance code', () => {
  test('gets arguments and gives a value, in a world of its own each time', () => {
    const [first, second] = [1, 2].map(() => evaluate(engine, constitution, 'validate', ['{"ok":true}']));
    const expected = {
      kind: 'returned',
      value: { valid: true, description: 'calls 1', list: [1, 'a', null, { b: undefined }] },
      log: [],
    };
    assert.deepEqual(first, expected);
    assert.deepEqual(second, expected);
    assert.deepEqual(evaluate(engine, constitution, 'globals'), {
      kind: 'returned',
      value: 'undefined',
      log: [],
    });
    assert.deepEqual(evaluate(engine, constitution, 'globals'), {
      kind: 'returned',
      value: 'undefined',
      log: [],
    });
  });
  test('gets arguments of any JSON form', () => {
    const votes = [
      { member_id: 'a', vote: true },
      { member_id: 'b', vote: true },
    ];
    const result = evaluate(engine, constitution, 'resolve', ['{}', 'me', votes, 'id']);
    assert.equal(result.kind === 'returned' && result.value, 'Accepted');
  });
  test('writes tables and calls host functions with bytes and undefined', () => {
    const store = new Store();
    const seen: HostValue[][] = [];
    const trigger = {
      arity: 3,
      optional: 1,
      call: (...args: readonly HostValue[]) => {
        seen.push([...args]);
        return { at: new Uint8Array([7]) };
      },
    };
    const result = evaluate(engine, constitution, 'apply', ['text', 'id'], {
      store,
      functions: { 'ccf.node.trigger': trigger },
    });
    assert.deepEqual(result, { kind: 'returned', value: { at: Uint8Array.of(7) }, log: [] });
    assert.deepEqual(seen, [
      [Uint8Array.of(1, 2, 255), undefined, { deep: [new TextEncoder().encode('z')] }],
    ]);
    assert.equal(store.begin().get('public:ccf.gov.x', 'k'), 'text');
  });
  test('that throws is a value with reason and trace', () => {
    const result = evaluate(engine, constitution, 'fails');
    assert.deepEqual(result, {
      kind: 'threw',
      failure: { reason: 'TypeError: no', trace: '    at fails (/constitution.js:16:11)' },
      log: [],
    });
  });
  test('gives bytes, nothing, and no promise', () => {
    assert.deepEqual(evaluate(engine, constitution, 'bytes'), {
      kind: 'returned',
      value: new TextEncoder().encode('raw'),
      log: [],
    });
    assert.deepEqual(evaluate(engine, constitution, 'nothing'), {
      kind: 'returned',
      value: undefined,
      log: [],
    });
    assert.deepEqual(evaluate(engine, constitution, 'later'), { kind: 'returned', value: {}, log: [] });
  });
  test('has a clock, chance and a console', () => {
    const result = evaluate(engine, constitution, 'prints');
    assert.deepEqual(result, {
      kind: 'returned',
      value: 1_700_000_000_000,
      log: [{ level: 'info', text: 'seen' }],
    });
  });
  test('has no rpc, history or consensus', () => {
    const result = evaluate(engine, constitution, 'world');
    assert.deepEqual(result.kind === 'returned' && result.value, [
      'undefined',
      'undefined',
      'undefined',
      'function',
      'object',
    ]);
  });
  test('is refused what its tables do not allow', () => {
    const result = evaluate(engine, constitution, 'apply', ['a', 'b'], { access: () => 'read-only' });
    assert.match(
      (result.kind === 'threw' && result.failure.reason) || '',
      /^TypeError: Cannot call set on table named public:ccf\.gov\.x\. This table is read-only in current read-write governance execution context/,
    );
  });
  test('sees what a host function throws as an error of the same kind', () => {
    const refuses = {
      arity: 0,
      call: () => {
        throw new RangeError('not now');
      },
    };
    const functions = { 'ccf.node.refuses': refuses, 'ccf.node.trigger': { arity: 2, call: () => 1 } };
    const result = evaluate(engine, constitution, 'refused', [], { functions });
    assert.equal(result.kind === 'threw' && result.failure.reason, 'RangeError: not now');
    const counted = evaluate(engine, constitution, 'counted', [], { functions });
    assert.equal(
      counted.kind === 'threw' && counted.failure.reason,
      'TypeError: Passed 0 arguments, but expected 2',
    );
  });
  test('that overflows the stack fails, and the next call succeeds', () => {
    const result = evaluate(engine, constitution, 'deep');
    assert.equal(result.kind === 'threw' && result.limit, 'stack');
    assert.equal(evaluate(engine, constitution, 'nothing').kind, 'returned');
  });
  test('that leaves a hostile promise behind does not hang the host', () => {
    const source = `export function vote() {
      Promise.reject({ get message() { for (;;); }, get stack() { for (;;); } });
      (async () => { throw new Error('nobody looks'); })();
      return true;
    }`;
    const result = evaluate(engine, source, 'vote', []);
    assert.deepEqual(result, { kind: 'returned', value: true, log: [] });
  });
  test('cannot hang the host in a walk along elements that are only claimed', () => {
    const result = evaluate(
      engine,
      'export const vote = () => [].indexOf.call({ length: 2 ** 53 - 1 }, 1);',
      'vote',
    );
    assert.match((result.kind === 'threw' && result.failure.reason) || '', /^RangeError: Array-like of/);
  });
  test('that cannot be used is missing', () => {
    const missing = (source: string) => {
      const result = evaluate(engine, source, 'vote', ['{}', 'me']);
      return result.kind === 'missing' ? result.message : result;
    };
    assert.match(String(missing('export function vote(')), /^\/constitution\.js: Unexpected token/);
    assert.equal(missing('export const other = 1;'), '/constitution.js exports no function named vote');
  });
});

describe('exported functions', () => {
  test('are told with their parameter counts', () => {
    const modules = new Map([
      ['/c.js', 'export function validate(a) {} export const apply = (a, b) => {}; export const x = 1;'],
    ]);
    const found = engine.exportedFunctions({ modules, entry: '/c.js' });
    assert.deepEqual(
      [...found],
      [
        ['validate', 1],
        ['apply', 2],
      ],
    );
  });
  test('of what does not load are an error', () => {
    for (const source of ['export const', 'throw new Error("top")', 'for (;;) {']) {
      assert.throws(
        () => engine.exportedFunctions({ modules: new Map([['/c.js', source]]), entry: '/c.js' }),
        {
          code: 'ModuleSyntax',
        },
      );
    }
  });
});
