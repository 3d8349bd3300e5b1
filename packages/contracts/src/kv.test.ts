import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callOf, emptyWorld, jsonOf, reasonOf, Stage, staged, textOf } from './testing/stage.ts';

const prelude = `
  const buf = (text) => ccf.strToBuf(text);
  const str = (buffer) => (buffer === undefined ? undefined : ccf.bufToStr(buffer));
  const map = ccf.kv['things'];
`;

describe('a table', () => {
  const stage = staged(`${prelude}
    export function fill() { for (const key of ['b', 'a', 'd', 'c']) map.set(buf(key), buf(key + key)); return {}; }
    export function basic() {
      const before = [map.has(buf('a')), str(map.get(buf('a'))), map.get(buf('zz')) === undefined];
      const chained = map.set(buf('n'), buf('1')).set(buf('n'), buf('2')) === map;
      const gone = map.delete(buf('a'));
      return { body: [before, chained, str(map.get(buf('n'))), gone === undefined, map.has(buf('a')), map.size] };
    }
    export function all() {
      const rows = [];
      map.set(buf('bb'), buf('new'));
      map.delete(buf('c'));
      map.forEach((value, key, self) => rows.push([str(key), str(value), self === map]));
      return { body: rows };
    }
    export function stops() { let n = 0; try { map.forEach(() => { n++; throw new Error('stop'); }); } catch (e) { return { body: [n, e.message] }; } }
    export function clear() { map.set(buf('x'), buf('y')); map.clear(); return { body: [map.size, map.has(buf('a')), map.has(buf('x'))] }; }
    export function many() { for (let i = 0; i < 2000; i++) map.set(buf('k' + i), buf('v' + i)); return { body: map.size }; }
    export function binary() {
      const key = new Uint8Array([0, 255, 128]).buffer;
      map.set(key, new Uint8Array([9, 0, 200]).buffer);
      return { body: [...new Uint8Array(map.get(new Uint8Array([0, 255, 128]).buffer))] };
    }
    export function versions() { const key = buf('v'); const seen = map.getVersionOfPreviousWrite(key) ?? null; map.set(key, buf('1')); return { body: [seen, map.getVersionOfPreviousWrite(key) ?? null] }; }
  `);
  const rows = (...keys: string[]) => keys.map((key) => [key, key + key, true]);

  test('reads, writes and deletes within its transaction', () => {
    stage.call('fill');
    assert.deepEqual(stage.json('basic'), [[true, 'aa', true], true, '2', true, false, 4]);
  });
  test('iterates over its own writes too', () => {
    stage.call('clear');
    stage.call('fill');
    const shown = stage.json('all');
    assert.deepEqual(shown, [...rows('a', 'b'), ['bb', 'new', true], ...rows('d')]);
  });
  test('stops iterating when the callback throws', () => {
    assert.deepEqual(stage.json('stops'), [1, 'stop']);
  });
  test('is empty once cleared', () => {
    assert.deepEqual(stage.json('clear'), [0, false, false]);
  });
  test('takes more writes than one crossing of the boundary carries', () => {
    assert.equal(stage.json('many'), 2000);
    assert.equal((stage.json('all') as unknown[]).length, 2001);
    stage.call('clear');
  });
  test('holds any bytes', () => {
    assert.deepEqual(stage.json('binary'), [9, 0, 200]);
  });
  test('knows the version of the previous committed write, not of its own', () => {
    const { store } = stage;
    assert.deepEqual(stage.json('versions'), [null, null]);
    const { version } = store;
    assert.deepEqual(stage.json('versions'), [version, version]);
  });
});

describe('ranges, beyond CCF,', () => {
  const stage = staged(`${prelude}
    const range = (request) => Object.fromEntries(Object.entries(request.body.json()).map(([k, v]) => [k, typeof v === 'string' ? buf(v) : v]));
    export function fill() { for (const key of ['b', 'a', 'd', 'c', 'aa']) map.set(buf(key), buf(key.toUpperCase())); return {}; }
    export function entries(request) { return { body: [...map.entries(range(request))].map(([k, v]) => str(k) + str(v)) }; }
    export function keys(request) { return { body: [...map.keys(range(request))].map(str) }; }
    export function values(request) { return { body: [...map.values(range(request))].map(str) }; }
    export function first() { for (const [key] of map.range()) return { body: str(key) }; }
  `);
  const cases: readonly [range: object, keys: string[]][] = [
    [{}, ['a', 'aa', 'b', 'c', 'd']],
    [{ from: 'aa', to: 'c' }, ['aa', 'b']],
    [{ prefix: 'a' }, ['a', 'aa']],
    [{ reverse: true, limit: 2 }, ['d', 'c']],
    [{ after: 'b' }, ['c', 'd']],
    [{ after: 'b', reverse: true }, ['aa', 'a']],
    [{ limit: 0 }, []],
  ];
  test('begin with rows', () => assert.equal(stage.call('fill').kind, 'response'));
  for (const [range, keys] of cases) {
    test(`of ${JSON.stringify(range)} are in byte order`, () => {
      assert.deepEqual(stage.json('keys', { body: range }), keys);
      assert.deepEqual(
        stage.json('values', { body: range }),
        keys.map((key) => key.toUpperCase()),
      );
      assert.deepEqual(
        stage.json('entries', { body: range }),
        keys.map((key) => key + key.toUpperCase()),
      );
    });
  }
  test('can be left early', () => assert.equal(textOf(stage.call('first')), 'a'));
  test('refuse a bound that is no buffer and a limit that is no count', () => {
    assert.match(
      reasonOf(stage.call('keys', { body: { limit: -1 } })),
      /limit must be a non-negative integer/,
    );
    assert.match(reasonOf(stage.call('keys', { body: { from: 3 } })), /from must be an ArrayBuffer/);
  });
});

describe('what code may do with a table', () => {
  const stage = staged(`
    const buf = (text) => ccf.strToBuf(text);
    const methods = {
      get: (map) => map.get(buf('k')), has: (map) => map.has(buf('k')),
      getVersionOfPreviousWrite: (map) => map.getVersionOfPreviousWrite(buf('k')),
      forEach: (map) => map.forEach(() => {}), size: (map) => map.size,
      set: (map) => map.set(buf('k'), buf('v')), delete: (map) => map.delete(buf('k')), clear: (map) => map.clear(),
    };
    export function touch(request) { const { name, method } = request.body.json(); methods[method](ccf.kv[name]); return {}; }
    export function name(request) { ccf.kv[request.body.json()]; return {}; }
  `);
  const refusals: readonly [name: string, method: string, mode: 'readwrite' | 'readonly', words: string][] = [
    [
      'things',
      'set',
      'readonly',
      'Cannot call set on table named things. This table is read-only in current read-only application execution context.',
    ],
    [
      'things',
      'delete',
      'readonly',
      'Cannot call delete on table named things. This table is read-only in current read-only application execution context.',
    ],
    [
      'things',
      'clear',
      'readonly',
      'Cannot call clear on table named things. This table is read-only in current read-only application execution context.',
    ],
    [
      'public:ccf.gov.members.certs',
      'set',
      'readwrite',
      'Cannot call set on table named public:ccf.gov.members.certs. This table is read-only in current application execution context.',
    ],
    [
      'ccf.gov.secret',
      'get',
      'readwrite',
      'Cannot call get on table named ccf.gov.secret. This table is inaccessible in current application execution context.',
    ],
  ];
  for (const [name, method, mode, words] of refusals) {
    test(`does not include ${method} on ${name} (${mode})`, () => {
      const reason = reasonOf(stage.call('touch', { mode, body: { name, method } }));
      assert.equal(
        reason,
        `TypeError: ${words} See https://microsoft.github.io/CCF/main/audit/read_write_restrictions.html for more detail.`,
      );
    });
  }
  for (const method of ['get', 'has', 'getVersionOfPreviousWrite', 'forEach', 'size']) {
    test(`includes ${method} on a readable one`, () => {
      for (const name of ['things', 'public:ccf.gov.members.certs']) {
        assert.equal(stage.call('touch', { mode: 'readonly', body: { name, method } }).kind, 'response');
      }
    });
  }
  test('does not even include naming a reserved one', () => {
    assert.match(
      reasonOf(stage.call('name', { body: 'public:ccf.other' })),
      /Cannot use table named public:ccf\.other/,
    );
  });
  test('is decided for each call, though they share a context', () => {
    const body = { name: 'things', method: 'set' };
    const kinds = stage
      .run([
        callOf('touch', { body }),
        callOf('touch', { body, mode: 'readonly' }),
        callOf('touch', { body }),
        callOf('touch', { body, mode: 'historical' }),
      ])
      .map(({ kind }) => kind);
    assert.deepEqual(kinds, ['response', 'failed', 'response', 'failed']);
  });
});

describe('arguments', () => {
  const stage = staged(`
    export function attempt(request) {
      const errors = [];
      const map = ccf.kv.things;
      const b = ccf.strToBuf('x');
      for (const work of [
        () => map.get(), () => map.get('x'), () => map.set(b), () => map.set(b, 'x'), () => map.has(1, 2),
        () => map.forEach(3), () => map.size.x, () => ccf.strToBuf(3), () => ccf.strToBuf('a', 'b'), () => ccf.bufToStr('x'),
        () => ccf.bufToStr(new Uint8Array(3)), () => ccf.rpc.setClaimsDigest(b), () => ccf.rpc.setApplyWrites('x'),
        () => ccf.crypto.digest('SHA-256'), () => ccf.consensus.getViewForSeqno(),
        () => ccf.historical.getStateRange(1, 2, 3), () => ccf.historical.getStateRange(1, 2, 3, -1),
        () => ccf.jsonCompatibleToBuf(undefined), () => ccf.bufToJsonCompatible(ccf.strToBuf('{')),
      ]) {
        try { work(); errors.push(null); } catch (error) { errors.push(error.name + ': ' + error.message); }
      }
      return { body: errors };
    }
  `);
  test('are counted and checked exactly', () => {
    assert.deepEqual(stage.json('attempt'), [
      'TypeError: Passed 0 arguments, but expected 1',
      'TypeError: Argument must be an ArrayBuffer',
      'TypeError: Passed 1 arguments, but expected 2',
      'TypeError: Arguments must be ArrayBuffers',
      'TypeError: Passed 2 arguments, but expected 1',
      'TypeError: Argument must be a function',
      null,
      'TypeError: Argument must be a string',
      'TypeError: Passed 2 arguments, but expected 1',
      'TypeError: Argument must be an ArrayBuffer',
      'TypeError: Argument must be an ArrayBuffer',
      'TypeError: Argument must be a SHA-256 digest of 32 bytes',
      'TypeError: Argument must be a boolean',
      'TypeError: Passed 1 arguments, but expected 2',
      'TypeError: Passed 0 arguments, but expected 1',
      'TypeError: Passed 3 arguments, but expected 4',
      'RangeError: seconds until expiry must be a non-negative integer',
      'TypeError: Argument must be JSON-compatible',
      "SyntaxError: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ]);
  });
});

describe('the transaction', () => {
  const stage = staged(`
    const write = () => ccf.kv.x.set(ccf.strToBuf('k'), ccf.strToBuf('v'));
    export function forced() { write(); ccf.rpc.setApplyWrites(true); return { statusCode: 400 }; }
    export function held() { write(); ccf.rpc.setApplyWrites(false); return {}; }
    export function claimed() { write(); ccf.rpc.setClaimsDigest(ccf.crypto.digest('SHA-256', ccf.strToBuf('claim'))); return {}; }
    export function longKey() { ccf.kv.x.set(new ArrayBuffer(10 * 1024 * 1024), ccf.strToBuf('v')); return {}; }
  `);
  test('is told whether writes apply, and what is claimed', () => {
    const [forced, held, claimed] = stage.run(['forced', 'held', 'claimed'].map((name) => callOf(name)));
    assert.equal(forced?.kind === 'response' && forced.applyWrites, true);
    assert.equal(held?.kind === 'response' && held.applyWrites, false);
    assert.equal(claimed?.kind === 'response' && claimed.claimsDigest?.length, 32);
    assert.equal(claimed?.kind === 'response' && claimed.applyWrites, undefined);
    assert.equal(stage.store.version, 2, 'what was held back is not written');
  });
  test('refuses a key that is too long by failing the call', () => {
    assert.match(reasonOf(stage.call('longKey')), /^TypeError: key of 10485760 bytes/);
  });
});

describe('past states', () => {
  const past = (seqno: number) => ({
    transactionId: `2.${seqno}`,
    receipt: { node_id: 'n', is_signature_transaction: false },
    writeSet: new Map([
      [
        'things',
        new Map<string, string | null>([
          ['b', `at ${seqno}`],
          ['a', 'first'],
          ['gone', null],
        ]),
      ],
    ]),
  });
  const asked: unknown[] = [];
  const world = {
    ...emptyWorld,
    historical: {
      stateRange: (...range: [number, number, number, number]) => {
        asked.push(range);
        return range[1] === 9 ? null : [past(range[1]), past(range[2])];
      },
      drop: (handle: number) => handle === 1,
    },
  };
  const stage = staged(
    `
    const str = (buffer) => (buffer === undefined ? null : ccf.bufToStr(buffer));
    const buf = (text) => ccf.strToBuf(text);
    const show = ({ transactionId, receipt, kv }) => {
      const rows = [];
      kv.things.forEach((value, key) => rows.push(str(key) + '=' + str(value)));
      return [transactionId, receipt.node_id, str(kv.things.get(buf('b'))), str(kv.things.get(buf('gone'))), kv.things.has(buf('gone')), kv.things.size, kv.other.size, rows];
    };
    export function range() { return { body: ccf.historical.getStateRange(1, 3, 4, 60).map(show) }; }
    export function loading() { return { body: ccf.historical.getStateRange(1, 9, 9, 60) }; }
    export function drop() { return { body: [ccf.historical.dropCachedStates(1), ccf.historical.dropCachedStates(2)] }; }
    export function current() { ccf.kv.things.set(buf('b'), buf('now')); return { body: ccf.historicalState === undefined }; }
    export function at() { return { body: [show(ccf.historicalState), str(ccf.kv.things.get(buf('b')))] }; }
    export function write() { ccf.historicalState.kv.things.set(buf('b'), buf('x')); return {}; }
    export function consensus() { return { body: [ccf.consensus.getLastCommittedTxId(), ccf.consensus.getStatusForTxId(2, 3), ccf.consensus.getViewForSeqno(99)] }; }
    export function negative() { ccf.consensus.getStatusForTxId(-1, 3); }
  `,
    undefined,
    world,
  );
  const shown = (seqno: number) => [
    `2.${seqno}`,
    'n',
    `at ${seqno}`,
    null,
    false,
    2,
    0,
    ['a=first', `b=at ${seqno}`],
  ];

  test('hold what their transaction wrote', () => {
    assert.deepEqual(stage.json('range'), [shown(3), shown(4)]);
    assert.deepEqual(asked.at(-1), [1, 3, 4, 60]);
  });
  test('are null while they load, and can be dropped', () => {
    assert.equal(stage.json('loading'), null);
    assert.deepEqual(stage.json('drop'), [true, false]);
  });
  test('are at hand in a historical call, beside the present', () => {
    assert.equal(stage.json('current'), true);
    const outcome = stage.call('at', { mode: 'historical', historical: past(5) });
    assert.deepEqual(jsonOf(outcome), [shown(5), 'now']);
  });
  test('cannot be written', () => {
    assert.match(
      reasonOf(stage.call('write', { mode: 'historical', historical: past(5) })),
      /a past state is read-only/,
    );
  });
  test('and consensus answer from the world', () => {
    assert.deepEqual(stage.json('consensus'), [{ view: 2, seqno: 7 }, 'Committed', null]);
    assert.match(reasonOf(stage.call('negative')), /^RangeError: view must be a non-negative integer/);
  });
});

test('a fault of the host is thrown by execute and not told to the code', () => {
  using stage = new Stage(
    'export const f = () => { try { ccf.kv.x.size; } catch {} return {}; };',
    undefined,
    {
      ...emptyWorld,
      access: () => {
        throw new Error('the rule is broken');
      },
    },
  );
  assert.equal(stage.call('f').kind, 'response', 'asking is answered by an error inside');
});
