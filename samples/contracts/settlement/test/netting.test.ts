import assert from 'node:assert/strict';
import { test } from 'node:test';
import { balancesOf, type Debt, netted } from '../src/netting.ts';

/** Debts among `companies`, the same for the same seed. */
function debtsFrom(seed: number, companies: number): readonly Debt[] {
  let state = seed;
  const below = (bound: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % bound;
  };
  return Array.from({ length: below(40) }, () => {
    const from = below(companies);
    const to = (from + 1 + below(companies - 1)) % companies;
    return {
      from: `C${from}`,
      to: `C${to}`,
      amount: `${below(1000)}.${String(1 + below(9999)).padStart(4, '0')}`,
    };
  });
}

const nonZero = (debts: readonly Debt[]) =>
  [...balancesOf(debts)].flatMap(([name, left]) => (left.eq(0) ? [] : [`${name} ${left.toFixed()}`])).sort();

test('payments leave every company where its debts had it, and are fewer than the companies', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const debts = debtsFrom(seed, 2 + (seed % 7));
    const payments = netted(debts);
    assert.deepEqual(nonZero(payments), nonZero(debts), `seed ${seed}`);
    assert.ok(payments.length < 9 && payments.every(({ from, to }) => from !== to), `seed ${seed}`);
    assert.ok(payments.length <= Math.max(0, nonZero(debts).length - 1), `seed ${seed}`);
  }
});
