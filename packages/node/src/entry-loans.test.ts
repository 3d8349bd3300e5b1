import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Effect } from './effect.ts';
import { EntryLoans } from './entry-loans.ts';
import { limits } from './limits.ts';
import { Outbox } from './outbox.ts';
import { decodeWire } from './wire.ts';

const entry = (n: number, bytes = 1) => new Uint8Array(bytes).fill(n);

/** Loans of a node that can ask two others and has committed 100 entries, with all that came of them. */
class Desk {
  readonly outbox = new Outbox();
  readonly given: [number, number][] = [];
  now = 0;
  readonly loans = new EntryLoans({
    outbox: this.outbox,
    reachable: () => ['a', 'b'],
    committed: () => 100,
    now: () => this.now,
    given: (from, entries) => this.given.push([from, entries.length]),
  });

  /** What was asked of the world since, in words. */
  get asked(): string[] {
    return this.outbox.take().map((effect: Effect) => {
      if (effect.kind === 'read-entries') return `read ${effect.from} to ${effect.to}`;
      if (effect.kind !== 'send') return effect.kind;
      const said = decodeWire(effect.message);
      if (said.kind === 'wanted') return `ask ${effect.to} for ${said.from} to ${said.to}`;
      if (said.kind === 'lent') return `lend ${effect.to} ${said.entries.length} from ${said.from}`;
      return said.kind;
    });
  }
}

describe('entries of other nodes', () => {
  test('are asked of one after the other, until one has them', () => {
    const desk = new Desk();
    desk.loans.borrow(5, 9);
    assert.deepEqual(desk.asked, ['ask a for 5 to 9']);
    desk.loans.borrow(5, 9);
    assert.deepEqual(desk.asked, [], 'who asks again waits for the same answer');
    desk.loans.lent('b', { kind: 'lent', from: 5, entries: [entry(1)] });
    assert.deepEqual(desk.given, [], 'nobody asked that one');
    desk.loans.lent('a', { kind: 'lent', from: 5, entries: [] });
    assert.deepEqual(desk.asked, ['ask b for 5 to 9']);
    desk.loans.lent('b', { kind: 'lent', from: 5, entries: [entry(1), entry(2)] });
    desk.loans.lent('b', { kind: 'lent', from: 5, entries: [entry(3)] });
    assert.deepEqual(desk.given, [[5, 2]], 'an answer counts once');
  });

  test('are not waited for beyond patience, and in the end there are none', () => {
    const desk = new Desk();
    desk.loans.borrow(5, 9);
    desk.now += limits.loanPatienceMs - 1;
    desk.loans.tick();
    assert.deepEqual(desk.asked, ['ask a for 5 to 9']);
    desk.now += 1;
    desk.loans.tick();
    assert.deepEqual(desk.asked, ['ask b for 5 to 9']);
    desk.loans.lent('a', { kind: 'lent', from: 5, entries: [entry(1)] });
    assert.deepEqual(desk.given, [], 'it was given up');
    desk.now += limits.loanPatienceMs;
    desk.loans.tick();
    assert.deepEqual(desk.given, [[5, 0]]);
  });
});

describe('entries for other nodes', () => {
  test('are those that are committed, as far as the question goes', () => {
    const desk = new Desk();
    desk.loans.wanted('b', { kind: 'wanted', from: 99, to: 5_000 });
    desk.loans.wanted('a', { kind: 'wanted', from: 99, to: 99 });
    assert.deepEqual(desk.asked, ['read 99 to 100', 'read 99 to 99']);
    desk.loans.entriesRead(98, [entry(1)]);
    assert.deepEqual(desk.asked, []);
    desk.loans.entriesRead(99, [entry(1), entry(2)]);
    assert.deepEqual(desk.asked, ['lend b 2 from 99', 'lend a 1 from 99']);
    desk.loans.entriesRead(99, [entry(1), entry(2)]);
    assert.deepEqual(desk.asked, [], 'once');
  });

  test('are as many as one message takes, and one at least', () => {
    const desk = new Desk();
    const half = limits.lentBytesMax / 2;
    for (const [sizes, lent] of [
      [[half, half, 1], 2],
      [[limits.lentBytesMax + 1, 1], 1],
      [[], 0],
    ] as const) {
      desk.loans.wanted('b', { kind: 'wanted', from: 1, to: 50 });
      desk.loans.entriesRead(
        1,
        sizes.map((size) => entry(7, size)),
      );
      assert.equal(desk.asked.at(-1), `lend b ${lent} from 1`);
    }
  });

  test('are not read for senseless questions, nor for too many', () => {
    const desk = new Desk();
    for (const [from, to] of [
      [0, 5],
      [9, 8],
      [101, 200],
    ] as const)
      desk.loans.wanted('b', { kind: 'wanted', from, to });
    assert.deepEqual(desk.asked, []);
    for (let i = 0; i < limits.loansMax + 10; i++) desk.loans.wanted('b', { kind: 'wanted', from: 1, to: 2 });
    assert.equal(desk.asked.length, limits.loansMax);
  });
});
