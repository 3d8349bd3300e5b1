import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ConsensusError } from '@coco/consensus';
import fc from 'fast-check';
import { NodeError } from './errors.ts';
import { decodeWire, encodeWire, type NodeMessage } from './wire.ts';

const bytes = fc.uint8Array({ maxLength: 64 });
const id = fc.nat();
const headers = fc.dictionary(fc.stringMatching(/^[a-z-]{1,10}$/), fc.string({ maxLength: 10 }), {
  maxKeys: 3,
});

const hex = (digits: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: digits, maxLength: digits });
const path = fc.tuple(hex(40), hex(64)).map((parts) => parts.join('/'));
const paths = fc.array(path, { maxLength: 3 });
const parcels = fc.array(fc.record({ path, bytes }), { maxLength: 3 });

const message: fc.Arbitrary<NodeMessage> = fc.oneof(
  fc.record({
    kind: fc.constant('request' as const),
    id,
    session: id,
    view: id,
    interface: fc.string({ maxLength: 8 }),
    clientCertificate: fc.option(bytes),
    request: fc.record({ method: fc.string({ maxLength: 5 }), target: fc.webPath(), headers, body: bytes }),
  }),
  fc.record({
    kind: fc.constant('answer' as const),
    id,
    response: fc.record({
      status: fc.integer({ min: 200, max: 599 }),
      headers: fc.array(fc.tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 })), { maxLength: 3 }),
      body: bytes,
    }),
  }),
  fc.record({
    kind: fc.constant('peers' as const),
    nodes: fc.array(fc.record({ id: fc.string(), address: fc.string(), rpc: fc.string() }), { maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('stray' as const), id: fc.string() }),
  fc.record({ kind: fc.constant('wanted' as const), from: id, to: id }),
  fc.record({ kind: fc.constant('lent' as const), from: id, entries: fc.array(bytes, { maxLength: 3 }) }),
  fc.record({ kind: fc.constant('parcels' as const), id, parcels }),
  fc.record({
    kind: fc.constant('deposit' as const),
    id,
    view: id,
    isLasting: fc.boolean(),
    decided: fc.record({ before: id, at: id }),
    parcels,
  }),
  fc.record({ kind: fc.constant('deposited' as const), id }),
  fc.record({ kind: fc.constant('withdrawn' as const), paths }),
  fc.record({ kind: fc.constant('parcels-wanted' as const), id, paths }),
  fc.record({ kind: fc.constant('parcel-list-wanted' as const), id, folder: hex(40), after: hex(64) }),
  fc.record({
    kind: fc.constant('parcel-list' as const),
    id,
    names: fc.array(hex(64), { maxLength: 3 }),
    goesOn: fc.boolean(),
  }),
);

/** Decodes; what is refused is refused in the one way that a node expects. */
function attempt(given: Uint8Array): string {
  try {
    return decodeWire(given).kind;
  } catch (error) {
    const isRefusal =
      (error instanceof NodeError || error instanceof ConsensusError) && error.code === 'MessageMalformed';
    assert.ok(isRefusal, `${error}`);
    return 'refused';
  }
}

describe('messages between nodes', () => {
  test('are read as they were written', () => {
    fc.assert(
      fc.property(message, (given) => {
        assert.equal(JSON.stringify(decodeWire(encodeWire(given))), JSON.stringify(given));
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  test('that are cut or bent are refused, and nothing else happens', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (given, at, flip) => {
        const whole = encodeWire(given);
        attempt(whole.subarray(0, at % whole.length));
        whole[at % whole.length]! ^= flip;
        attempt(whole);
      }),
      { numRuns: 500, seed: 7 },
    );
  });

  test('whose parcels would lie elsewhere than in their folder are refused', () => {
    for (const path of [
      '../../etc/passwd',
      `${'a'.repeat(40)}/../${'b'.repeat(61)}`,
      `/${'a'.repeat(104)}`,
      '',
    ]) {
      assert.equal(
        attempt(encodeWire({ kind: 'parcels', id: 1, parcels: [{ path, bytes: new Uint8Array(1) }] })),
        'refused',
      );
      assert.equal(attempt(encodeWire({ kind: 'withdrawn', paths: [path] })), 'refused');
    }
    assert.equal(
      attempt(encodeWire({ kind: 'parcel-list-wanted', id: 1, folder: '..', after: '' })),
      'refused',
    );
  });

  test('of no known kind are refused', () => {
    assert.equal(attempt(new Uint8Array([0xff, 0, 0, 0, 0])), 'refused');
    assert.equal(attempt(new Uint8Array([])), 'refused');
    assert.equal(attempt(new Uint8Array([0x41, 0xff, 0xff, 0xff, 0xff])), 'refused');
  });
});
