// Answers that go on: their head, their pieces one after the other, and their end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Door, type RequestEvent } from '../testing/door.ts';

const get = 'GET /app/events HTTP/1.1\r\n\r\n';
const beginning = {
  status: 200,
  headers: [['content-type', 'text/event-stream']],
  body: '',
  streams: true,
} as const;

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** A door whose node begins a stream for every request, and what the node has been told of it. */
async function streaming(t: Parameters<typeof Door.open>[0]) {
  const door = await Door.open(t, {}, () => beginning);
  const told = (kind: string): number => door.batches.flat().filter((event) => event.kind === kind).length;
  const request = (): RequestEvent | undefined =>
    door.batches.flat().find((event): event is RequestEvent => event.kind === 'request');
  const piece = (text: string, isLast = false): void =>
    door.turns.performAll([{ kind: 'stream', id: request()?.id ?? 0, piece: text, isLast }]);
  return { door, told, piece };
}

test('a stream has no length and says that it ends with the connection; the node hears when each piece is sent', async (t) => {
  const { door, told, piece } = await streaming(t);
  const client = await door.connect();
  client.send(get);
  await until(() => told('streamed') === 1);
  const expected = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n';
  await until(() => client.received.length >= expected.length);
  assert.equal(client.received, expected);
  piece('one\n');
  await until(() => told('streamed') === 2);
  piece('two\n', true);
  assert.equal(await client.untilClosed(), `${expected}one\ntwo\n`);
});

test('the node hears of a client that has gone, and nothing is sent to nobody', async (t) => {
  const { door, told, piece } = await streaming(t);
  const client = await door.connect();
  client.send(get);
  await until(() => told('streamed') === 1);
  client.socket.destroy();
  await until(() => told('abandoned') === 1);
  piece('one\n');
  assert.equal(told('streamed'), 1);
});

test('what a client asks after a stream has begun is not heard, and a stream holds up no end of the door', async (t) => {
  const { door, told } = await streaming(t);
  const client = await door.connect();
  client.send(get);
  await until(() => told('streamed') === 1);
  client.send(get);
  await door.turns.quiet();
  void door.listener.shutdown();
  await client.untilClosed();
  assert.equal(told('request'), 1);
});
