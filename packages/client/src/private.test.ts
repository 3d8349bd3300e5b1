import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientError } from './errors.ts';
import { attemptsMax } from './limits.ts';
import { transactionEvents } from './private.ts';
import { Session } from './session.ts';
import type { WireRequest, World } from './transport.ts';

const event = (name: string) => new TextEncoder().encode(`id: ${name}\ndata: {"reference":"${name}"}\n\n`);
const interrupted = new ClientError('Interrupted', 'the stream broke');
const unreachable = new ClientError('Unreachable', 'nobody there');

/** A world whose streams are these, one after the other: what comes, then how it ends. */
function streams(...script: readonly (readonly [pieces: readonly Uint8Array[], end: ClientError])[]) {
  const asked: WireRequest[] = [];
  const world: World = {
    send: () => Promise.reject(unreachable),
    open: async (request) => {
      asked.push(request);
      const [pieces, end] = script[asked.length - 1] ?? [[], unreachable];
      if (pieces.length === 0) throw end;
      const all = async function* () {
        yield* pieces;
        throw end;
      };
      return { status: 200, headers: {}, pieces: all() };
    },
    sleep: () => Promise.resolve(),
    now: () => 0,
  };
  const addresses = ['https://10.0.0.1:8000', 'https://10.0.0.2:8000'];
  return { asked, session: new Session(world, { addresses, serviceCertificate: '' }) };
}

test('events go on at another node, after the last one, when a node is gone', async () => {
  const { asked, session } = streams(
    [[event('a'), event('b')], interrupted],
    [[], unreachable],
    [[event('c')], interrupted],
  );
  const told: string[] = [];
  await assert.rejects(
    async () => {
      for await (const { cursor } of transactionEvents(session)) told.push(cursor);
    },
    { code: 'Unreachable' },
  );
  assert.deepEqual(told, ['a', 'b', 'c']);
  assert.deepEqual(
    asked.slice(0, 4).map(({ headers, url }) => [new URL(url).hostname, headers['last-event-id']]),
    [
      ['10.0.0.1', undefined],
      ['10.0.0.2', 'b'],
      ['10.0.0.1', 'b'],
      ['10.0.0.2', 'c'],
    ],
  );
  assert.equal(asked.length, 3 + attemptsMax, 'and end when nobody is there for long');
});
