import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FrameReader, frameHeader, signOfLife } from './frames.ts';

const framed = (messages: readonly Uint8Array[]) =>
  Buffer.concat(messages.flatMap((message) => [frameHeader(message.length), message]));

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

test('what was framed is read, wherever the network cuts it', () => {
  const anyMessages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 20 });
  const check = (messages: Uint8Array[], places: number[]) => {
    const reader = new FrameReader(40);
    const read = cut(framed(messages), places).flatMap((piece) => reader.push(piece)!);
    assert.deepEqual(
      read.map((message) => [...message]),
      messages.map((message) => [...message]),
    );
  };
  fc.assert(fc.property(anyMessages, fc.array(fc.nat(), { maxLength: 30 }), check), { seed: 5, numRuns: 500 });
});

test('arbitrary bytes give messages within the bound or an end, and account for every byte', () => {
  const check = (bytes: Uint8Array, places: number[]) => {
    const reader = new FrameReader(1000);
    let accounted = 0;
    for (const piece of cut(bytes, places)) {
      const messages = reader.push(piece);
      if (messages === null) return;
      for (const message of messages) {
        assert.ok(message.length <= 1000);
        accounted += 4 + message.length;
      }
    }
    assert.ok(accounted <= bytes.length);
    assert.ok(bytes.length - accounted < 1004, 'no more is held than one message and its header');
  };
  // Small lengths are likely, so that whole frames occur.
  const likely = fc.oneof(fc.uint8Array({ maxLength: 9 }), fc.nat(12).map(frameHeader));
  const stream = fc.array(likely, { maxLength: 60 }).map((pieces) => new Uint8Array(Buffer.concat(pieces)));
  fc.assert(fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), check), { seed: 6, numRuns: 1000 });
});

for (const [announced, readable] of [
  [1000, true],
  [1001, false],
  [0xffff_ffff, false],
] as const) {
  test(`of at most 1000 bytes a message of ${announced} is ${readable ? 'awaited' : 'refused'}`, () => {
    assert.deepEqual(new FrameReader(1000).push(frameHeader(announced)), readable ? [] : null);
  });
}

test('a sign of life is an empty message', () => {
  assert.deepEqual(new FrameReader(0).push(signOfLife), [new Uint8Array()]);
});
