import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ConsensusError, decodeMessage, type Entry, encodeMessage, type Message } from './index.ts';

const seqno = fc.maxSafeNat();
const txId = fc.record({ view: seqno, seqno });
const nodes = fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }), { maxLength: 5 });

const entry = fc.record(
  {
    committable: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 300 }),
    configuration: fc.record({ voters: nodes, learners: nodes }),
    retired: nodes,
  },
  { requiredKeys: ['committable', 'bytes'] },
);

const append = fc
  .record({
    view: seqno,
    previous: fc.record({ view: seqno, seqno: fc.nat(2 ** 40) }),
    ofView: seqno,
    parts: fc.array(entry, { maxLength: 10 }),
    commit: seqno,
    round: seqno,
  })
  .map(({ parts, ofView, ...rest }): Message => {
    const entries = parts.map(
      (part, at) => ({ view: ofView, seqno: rest.previous.seqno + 1 + at, ...part }) as Entry,
    );
    return { kind: 'append', ...rest, entries };
  });

const messages: fc.Arbitrary<Message> = fc.oneof(
  append,
  fc.record({ kind: fc.constant('accepted' as const), view: seqno, seqno, round: seqno }),
  fc.record({
    kind: fc.constant('rejected' as const),
    view: seqno,
    previous: seqno,
    estimate: txId,
    round: seqno,
  }),
  fc.record({ kind: fc.constant('vote-request' as const), view: seqno, pre: fc.boolean(), last: txId }),
  fc.record({
    kind: fc.constant('vote' as const),
    view: seqno,
    pre: fc.boolean(),
    granted: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('campaign' as const), view: seqno }),
  fc.record({ kind: fc.constant('snapshot-needed' as const), view: seqno, after: seqno }),
);

describe('the wire form of messages', () => {
  test('decoding gives back what was encoded', () => {
    fc.assert(
      fc.property(messages, (message) => {
        assert.deepEqual(decodeMessage(encodeMessage(message)), structuredClone(message));
      }),
    );
  });

  test('a message cut short anywhere is refused', () => {
    fc.assert(
      fc.property(messages, (message) => {
        const bytes = encodeMessage(message);
        for (let length = 0; length < bytes.length; length++) {
          assert.throws(() => decodeMessage(bytes.subarray(0, length)), { code: 'MessageMalformed' });
        }
      }),
      { numRuns: 30 },
    );
  });

  test('any bytes are a message with exactly these bytes, or refused', () => {
    const mutated = fc
      .tuple(messages, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }))
      .map(([message, changes]) => {
        const bytes = encodeMessage(message);
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        let message: Message;
        try {
          message = decodeMessage(bytes);
        } catch (error) {
          assert.ok(error instanceof ConsensusError && error.code === 'MessageMalformed', String(error));
          return;
        }
        assert.deepEqual(encodeMessage(message), bytes);
      }),
      { numRuns: 2_000 },
    );
  });

  test('counts beyond the bounds are refused before anything is made of them', () => {
    // append, view 1, previous 1.1, commit 1, round 0, then a count of entries of 2^20
    const bytes = new Uint8Array([0, 1, 1, 1, 1, 0, 0x80, 0x80, 0x40]);
    assert.throws(() => decodeMessage(bytes), /count exceeds/);
  });
});
