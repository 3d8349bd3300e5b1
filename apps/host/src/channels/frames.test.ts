import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, frame, signOfLife } from './frames.ts';

const framed = (messages: readonly Uint8Array[]) => Buffer.concat(messages.map(frame));

/** The head of a message that claims this length. */
function announcement(length: number): Uint8Array {
  const head = Buffer.alloc(4);
  head.writeUInt32LE(length);
  return head;
}

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

test('what was framed is read, wherever the network cuts it', () => {
  const anyMessages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
  const check = (messages: Uint8Array[], places: number[]) => {
    const reader = new FrameReader(40);
    const read: Uint8Array[] = [];
    for (const piece of cut(framed(messages), places)) {
      assert.ok(reader.push(piece, (message) => read.push(message)));
    }
    assert.deepEqual(
      read.map((message) => [...message]),
      messages.map((message) => [...message]),
    );
  };
  fc.assert(fc.property(anyMessages, fc.array(fc.nat(), { maxLength: 30 }), check), {
    seed: 5,
    numRuns: 500,
  });
});

test('arbitrary bytes give messages within the bound or an end, and account for every byte', () => {
  const check = (bytes: Uint8Array, places: number[]) => {
    const reader = new FrameReader(1000);
    let accounted = 0;
    const account = (message: Uint8Array) => {
      assert.ok(message.length <= 1000);
      accounted += 4 + message.length;
    };
    for (const piece of cut(bytes, places)) {
      if (!reader.push(piece, account)) return;
    }
    assert.ok(accounted <= bytes.length);
    assert.ok(bytes.length - accounted < 1004, 'no more is held than one message and its header');
  };
  // Small lengths are likely, so that whole frames occur.
  const likely = fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.nat(12).map(announcement));
  const stream = fc.array(likely, { maxLength: 60 }).map((pieces) => new Uint8Array(Buffer.concat(pieces)));
  fc.assert(fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), check), { seed: 6, numRuns: 1000 });
});

for (const [announced, readable] of [
  [1000, true],
  [1001, false],
  [0xffff_ffff, false],
] as const) {
  test(`of at most 1000 bytes a message of ${announced} is ${readable ? 'awaited' : 'refused'}`, () => {
    const none = () => assert.fail('there is no message yet');
    assert.equal(new FrameReader(1000).push(announcement(announced), none), readable);
  });
}

test('a sign of life is an empty message', () => {
  const read: Uint8Array[] = [];
  new FrameReader(0).push(signOfLife, (message) => read.push(message));
  assert.deepEqual(read, [new Uint8Array()]);
});
