import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Effect, Event, HttpResponse } from '@coco/node';
import type { Exchange } from './http/session-host.ts';
import { Turns } from './turns.ts';

const session = { id: 1, interface: 'main', clientCertificate: null };
const request = { method: 'PUT', target: '/', headers: {}, body: new Uint8Array(0) };
const response: HttpResponse = { status: 200, headers: [], body: '' };
const append: Effect = { kind: 'append', from: 1, entries: [], endsChunk: false, mayWait: false };

/** Turns of a node that answers a request at once and appends afterwards; what happens, in order. */
function turns(meanwhile: (turns: Turns) => void = () => {}) {
  const happened: string[] = [];
  const step = (events: readonly Event[]): Effect[] => {
    happened.push(events.map(({ kind }) => kind).join(' and '));
    const [first] = events;
    return first?.kind === 'request'
      ? [{ kind: 'respond', id: first.id, response }, { kind: 'yield' }]
      : [append];
  };
  const made = new Turns(
    step,
    ({ kind }) => happened.push(kind),
    (error) => assert.fail(error as Error),
  );
  const owner = {
    answer: () => made.dirty(owner),
    stream: () => {},
    flush: () => {
      happened.push('answers leave');
      meanwhile(made);
    },
  };
  const ask = (): void => made.submit({ id: 0, owner } as Exchange, session, request);
  return { made, ask, happened };
}

test('answers leave before the node goes on with what it owes the ledger, in the same turn', async () => {
  const { made, ask, happened } = turns();
  ask();
  await made.quiet();
  assert.deepEqual(happened, ['request', 'answers leave', 'resumed', 'append']);
  assert.equal(made.facts.turns, 1);
});

test('what happens while answers leave is heard after that', async () => {
  const { made, ask, happened } = turns((all) => all.push({ kind: 'appended', seqno: 1 }));
  ask();
  await made.quiet();
  assert.deepEqual(happened, ['request', 'answers leave', 'resumed and appended', 'append']);
});

test('a node that is halted while answers leave is not stepped again', async () => {
  const { made, ask, happened } = turns((all) => all.halt());
  ask();
  await made.quiet();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(happened, ['request', 'answers leave']);
});
