import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { utf8ToByteString } from '@coco/kv';
import type { Outcome } from './index.ts';
import { callOf, jsonOf, reasonOf, Stage, staged, textOf } from './testing/stage.ts';

describe('a handler sees its request', () => {
  const stage = staged(`
    export function show(request) {
      const { headers, query, path, url, route, method, hostname, params, caller } = request;
      return { body: { headers, query, path, url, route, method, hostname, params, caller } };
    }
    export function whole(request) { return { body: request }; }
    export function text(request) { return { body: request.body.text() + request.body.text() }; }
    export function parsed({ body }) {
      const read = (work) => { try { return work(); } catch (error) { return String(error); } };
      return { body: [read(() => body.json()), read(() => ccf.bufToJsonCompatible(body.arrayBuffer()))] };
    }
    export function bytes(request) { return { body: new Uint8Array(request.body.arrayBuffer()).reverse() }; }
    export function cose(request) { return { body: ccf.bufToStr(request.caller.cose.content) }; }
    export function change(request) {
      request.headers = { a: 1 }; request.caller = 'me'; request.extra = true;
      return { body: [request.headers, request.caller, request.extra] };
    }
  `);
  const request = {
    headers: { host: 'h', 'x-name': 'ü', __proto__: null as never },
    query: 'a=1&b=ü',
    path: '/app/log/7',
    url: '/app/log/7?a=1&b=ü',
    route: '/app/log/{id}',
    method: 'GET',
    hostname: 'h',
    params: { id: '7%20' },
    caller: { policy: 'user_cert', id: 'ab', data: { isAdmin: true }, cert: 'PEM' },
  };

  test('with every member as it was given', () => {
    assert.deepEqual(stage.json('show', { request }), { ...request, headers: { host: 'h', 'x-name': 'ü' } });
  });
  test('which may have no host and no caller', () => {
    const shown = stage.json('show', { request: { hostname: null } }) as Record<string, unknown>;
    assert.equal(shown.hostname, null);
    assert.equal(shown.caller, null);
  });
  test('whose JSON holds headers and caller', () => {
    const shown = stage.json('whole', { request }) as Record<string, unknown>;
    assert.deepEqual(shown.caller, request.caller);
    assert.equal(shown.method, 'GET');
  });
  test('whose body can be read again and again, whatever its bytes', () => {
    const body = utf8ToByteString('grüße €');
    assert.equal(textOf(stage.call('text', { request: { body } })), 'grüße €grüße €');
    assert.equal(
      (stage.call('bytes', { request: { body: '\x00\xff\x80' } }) as { body: string }).body,
      '\x80\xff\x00',
    );
    assert.equal(
      textOf(stage.call('text', { request: { body: 'a\xffb\xe2\x82' } })),
      'a\ufffdb\ufffd\ufffda\ufffdb\ufffd\ufffd',
    );
  });
  test('whose body is JSON only if it is UTF-8', () => {
    const body = utf8ToByteString('{"a":"ü"}');
    assert.deepEqual(stage.json('parsed', { request: { body } }), [{ a: 'ü' }, { a: 'ü' }]);
    const refused = 'SyntaxError: The text is not UTF-8';
    assert.deepEqual(stage.json('parsed', { request: { body: '{"a":"\xff\xfe"}' } }), [refused, refused]);
  });
  test('with bytes of a caller as a buffer', () => {
    const caller = { policy: 'user_cose_sign1', cose: { content: { $bytes: 'signed' } } };
    assert.equal(textOf(stage.call('cose', { request: { caller } })), 'signed');
  });
  test('and may change it', () => {
    assert.deepEqual(stage.json('change'), [{ a: 1 }, 'me', true]);
  });
});

const bodies: readonly [what: string, expression: string, contentType: string | undefined, body: string][] = [
  ['no body', '{}', undefined, ''],
  ['text', '{ body: "é" }', 'text/plain', utf8ToByteString('é')],
  ['empty text', '{ body: "" }', 'text/plain', ''],
  ['a number', '{ body: 3 }', 'application/json', '3'],
  ['null', '{ body: null }', 'application/json', 'null'],
  ['an object', '{ body: { a: [1] } }', 'application/json', '{"a":[1]}'],
  ['a buffer', '{ body: ccf.strToBuf("hi") }', 'application/octet-stream', 'hi'],
  [
    'part of a buffer',
    '{ body: new Uint8Array(ccf.strToBuf("hello"), 1, 3) }',
    'application/octet-stream',
    'ell',
  ],
  ['a data view', '{ body: new DataView(ccf.strToBuf("hello"), 4) }', 'application/octet-stream', 'o'],
  ['its own type', '{ body: "<p>", headers: { "Content-Type": "text/html" } }', 'text/html', '<p>'],
];

describe('a response', () => {
  for (const [what, expression, contentType, body] of bodies) {
    test(`of ${what} has the content type CCF gives it`, () => {
      using stage = new Stage(`export const handler = () => (${expression});`);
      const outcome = stage.call('handler');
      assert.equal(outcome.kind, 'response');
      if (outcome.kind !== 'response') return;
      assert.equal(outcome.status, 200);
      assert.equal(new Map(outcome.headers).get('content-type'), contentType);
      assert.equal(outcome.body, body);
    });
  }
  test('converts header values to text', () => {
    using stage = new Stage('export const handler = () => ({ headers: { "X-Count": 3, "x-flag": true } });');
    const outcome = stage.call('handler');
    assert.deepEqual(outcome.kind === 'response' && outcome.headers, [
      ['x-count', '3'],
      ['x-flag', 'true'],
    ]);
  });
});

const invalid: readonly [what: string, expression: string, reason: string][] = [
  ['nothing', 'undefined', 'not an object'],
  ['text', '"hello"', 'not an object'],
  ['null', 'null', 'not an object'],
  ['a fractional status', '{ statusCode: 200.5 }', 'status code type'],
  ['a status in words', '{ statusCode: "200" }', 'status code type'],
  ['a status no client understands', '{ statusCode: 99 }', 'status code type'],
  [
    'a cyclic body',
    '(() => { const a = {}; a.a = a; return { body: a } })()',
    'error during JSON conversion of body',
  ],
  ['a big integer', '{ body: 1n }', 'error during JSON conversion of body'],
  ['a function as body', '{ body: () => 1 }', 'error during JSON conversion of body'],
  [
    'a body whose toJSON throws',
    '{ body: { toJSON() { throw 1 } } }',
    'error during JSON conversion of body',
  ],
  ['headers that are text', '{ headers: "a" }', 'header type'],
  ['a header name with a space', '{ headers: { "a b": "c" } }', 'header type'],
  ['a header that would begin another', '{ headers: { a: "b\\r\\nc: d" } }', 'header value type'],
  ['a header value that cannot be text', '{ headers: { a: Object.create(null) } }', 'header value type'],
  ['a header value beyond latin1', '{ headers: { a: "€" } }', 'header value type'],
];

describe('what cannot be sent is refused in CCF’s words:', () => {
  for (const [what, expression, reason] of invalid) {
    test(what, () => {
      using stage = new Stage(`export const handler = () => (${expression});`);
      const outcome = stage.call('handler');
      assert.equal(outcome.kind, 'failed');
      assert.equal(
        outcome.kind === 'failed' && outcome.message,
        `Invalid endpoint function return value (${reason}).`,
      );
    });
  }
});

describe('a handler that throws', () => {
  const stage = staged({
    '/app.js': `import { deep } from './lib/deep.js';
export function boom() {
  throw new RangeError('too far');
}
export function nested() { return deep(); }
export const text = () => { throw 'plain' };
export const object = () => { throw { code: 7 } };
export const hostile = () => { throw { toString() { throw 1 }, get stack() { throw 2 } } };
export const proxy = () => { throw new Proxy({}, { get() { throw 3 }, getPrototypeOf() { throw 4 } }) };
export const nothing = () => { throw undefined };`,
    '/lib/deep.js': `// one
// two
export const deep = () => null.x;`,
  });
  test('is told by message, reason and trace, with module and line', () => {
    const outcome = stage.call('boom');
    assert.deepEqual(outcome, {
      kind: 'failed',
      code: 'InternalError',
      message: 'Exception thrown while executing.',
      detail: { reason: 'RangeError: too far', trace: '    at boom (/app.js:3:9)' },
      log: [],
    });
  });
  test('in an imported module, with that module’s line', () => {
    const outcome = stage.call('nested');
    assert.match(
      (outcome.kind === 'failed' && outcome.detail?.trace) || '',
      /deep \(\/lib\/deep\.js:3:\d+\)\n +at nested \(\/app\.js:5:/,
    );
  });
  for (const [name, reason] of [
    ['text', 'plain'],
    ['object', '{"code":7}'],
    ['hostile', 'an exception that cannot be shown'],
    ['proxy', 'an exception that cannot be shown'],
    ['nothing', 'undefined'],
  ] as const) {
    test(`something odd (${name}) fails its own call only`, () => {
      assert.equal(reasonOf(stage.call(name)), reason);
    });
  }
});

describe('calls of a batch', () => {
  const source = `
    const map = () => ccf.kv.counter;
    const key = 'n';
    export function add(request) {
      const before = map().get(ccf.strToBuf(key));
      const count = (before ? Number(ccf.bufToStr(before)) : 0) + 1;
      map().set(ccf.strToBuf(key), ccf.strToBuf(String(count)));
      const { fail, status } = request.body.json();
      if (fail) throw new Error('asked to');
      return { statusCode: status ?? 200, body: count };
    }`;
  test('see what those before them committed, and nothing of what failed', () => {
    using stage = new Stage(source);
    const outcomes = stage.run([
      callOf('add', { body: {} }),
      callOf('add', { body: { fail: true } }),
      callOf('add', { body: { status: 400 } }),
      callOf('add', { body: {} }),
    ]);
    assert.deepEqual(
      outcomes.map((outcome: Outcome) =>
        outcome.kind === 'response' ? outcome.body : outcome.detail?.reason,
      ),
      ['1', 'Error: asked to', '2', '2'],
    );
    assert.equal(stage.store.version, 2);
    assert.deepEqual(stage.begun, [0, 1, 2, 3]);
  });
  test('fail alone when their module or function is missing', () => {
    using stage = new Stage(source);
    const outcomes = stage.run([
      callOf('add', { body: {}, module: 'nowhere.js' }),
      callOf('subtract', { body: {} }),
      callOf('add', { body: {}, module: 'app.js' }),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.kind === 'failed' ? outcome.message : outcome.body)),
      [
        "Module '/nowhere.js' could not be loaded",
        "Module '/app.js' exports no function named 'subtract'",
        '1',
      ],
    );
  });
  test('that fail before they begin, in a batch of their own, are settled too', () => {
    using stage = new Stage(source);
    assert.equal(stage.run([callOf('add', { module: 'x.js' })]).length, 1);
    assert.deepEqual(stage.begun, [], 'nothing was begun for a module that is not there');
  });
});

describe('promises', () => {
  const stage = staged(`
    const wait = async (n) => { for (let i = 0; i < n; i++) await null; };
    export async function late() { await wait(20); ccf.kv.x.set(ccf.strToBuf('a'), ccf.strToBuf('b')); return { body: 'done' }; }
    export async function fails() { ccf.kv.x.set(ccf.strToBuf('z'), ccf.strToBuf('1')); await wait(3); throw new Error('later'); }
    export function never() { ccf.kv.x.set(ccf.strToBuf('z'), ccf.strToBuf('1')); return new Promise(() => {}); }
    export function read() { return { body: [ccf.kv.x.has(ccf.strToBuf('a')), ccf.kv.x.has(ccf.strToBuf('z'))] }; }
    export function careless() { Promise.reject(new Error('nobody looks')); return { body: 'fine' }; }
    export function hostileRejection() {
      Promise.reject({ get message() { for (;;) {} }, get stack() { for (;;) {} } });
      return { body: 'fine' };
    }
    const hostile = async () => { throw { get message() { for (;;) {} }, get stack() { for (;;) {} } }; };
    export function hostileFunction() { hostile(); return { body: 'fine' }; }
    export async function bad() { return 7; }
  `);
  test('are awaited, and what is written on the way counts', () => {
    assert.equal(textOf(stage.call('late')), 'done');
    assert.deepEqual(stage.json('read'), [true, false]);
  });
  test('that reject fail the call and commit nothing', () => {
    assert.equal(reasonOf(stage.call('fails')), 'Error: later');
    assert.deepEqual(stage.json('read'), [true, false]);
  });
  test('that never settle fail the call and commit nothing', () => {
    assert.equal(reasonOf(stage.call('never')), 'Error: The promise the handler returned never settles');
    assert.deepEqual(stage.json('read'), [true, false]);
  });
  test('rejected with nobody to look are of no consequence', () => {
    assert.equal(textOf(stage.call('careless')), 'fine');
  });
  test('rejected with something whose getters never end do not hang the host', () => {
    assert.equal(textOf(stage.call('hostileRejection')), 'fine');
    assert.equal(textOf(stage.call('hostileFunction')), 'fine');
  });
  test('of something that is no response are refused', () => {
    const outcome = stage.call('bad');
    assert.equal(
      outcome.kind === 'failed' && outcome.message,
      'Invalid endpoint function return value (not an object).',
    );
  });
  test('settle in batches one after the other', () => {
    const outcomes = stage.run(['late', 'never', 'careless', 'late', 'read'].map((name) => callOf(name)));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['response', 'failed', 'response', 'response', 'response'],
    );
    assert.deepEqual(jsonOf(outcomes[4] as Outcome), [true, false]);
  });
});

describe('what code prints', () => {
  const stage = staged(`
    export function talk() {
      console.log('a', 1, { b: [2] }, null, undefined, new TypeError('t'));
      console.info('i'); console.warn('w'); console.error('e');
      const cyclic = {}; cyclic.self = cyclic; console.log(cyclic);
      return {};
    }
    export function shout() { for (let i = 0; i < 1000; i++) console.log('x'.repeat(10000)); return {}; }
    export function failing() { console.log('before'); throw new Error('x'); }
  `);
  test('comes with the outcome, by level', () => {
    assert.deepEqual(stage.call('talk').log, [
      { level: 'info', text: 'a 1 {"b":[2]} null undefined TypeError: t' },
      { level: 'info', text: 'i' },
      { level: 'warn', text: 'w' },
      { level: 'error', text: 'e' },
      { level: 'info', text: '[unprintable]' },
    ]);
  });
  test('comes with a failure too', () => {
    assert.deepEqual(stage.call('failing').log, [{ level: 'info', text: 'before' }]);
  });
  test('is bounded in lines and in length', () => {
    const { log } = stage.call('shout');
    assert.equal(log.length, 101);
    assert.equal(log[0]?.text.length, 4099);
    assert.match(log[100]?.text ?? '', /900 more lines/);
  });
});

test('text can be encoded and decoded as on the web', () => {
  using stage = new Stage(`
    export function codec() {
      const bytes = new TextEncoder().encode('é€');
      const target = new Uint8Array(4);
      const put = new TextEncoder().encodeInto('é€', target);
      const bad = new Uint8Array([0x61, 0xff]);
      const decode = (options, input) => { try { return new TextDecoder('utf-8', options).decode(input); } catch (error) { return error.name; } };
      const bom = new Uint8Array([0xef, 0xbb, 0xbf, 0x61]);
      return { body: [[...bytes], put, decode({}, bytes), decode({}, bad), decode({ fatal: true }, bad), decode({}, bom), decode({ ignoreBOM: true }, bom).length, TextDecoder.name] };
    }`);
  assert.deepEqual(stage.json('codec'), [
    [0xc3, 0xa9, 0xe2, 0x82, 0xac],
    { read: 1, written: 2 },
    ...['é€', 'a\ufffd', 'TypeError', 'a', 2, 'TextDecoder'],
  ]);
});

test('an app that is disposed of while it runs runs its batch to the end', () => {
  using stage = new Stage('export const f = () => ({ body: 1 });');
  const kinds: string[] = [];
  const calls = [callOf('f'), callOf('f')];
  stage.app.execute(calls, {
    world: stage.world,
    begin: () => stage.store.begin(),
    settle: (_, { kind }) => {
      kinds.push(kind);
      stage.app[Symbol.dispose]();
    },
  });
  assert.deepEqual(kinds, ['response', 'response']);
  assert.throws(() => stage.run(calls), { code: 'AppDisposed' });
});
