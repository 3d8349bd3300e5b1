import Big from 'big.js';

/** Who owes whom, in exact decimals: binary floating point loses cents. */
export interface Debt {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
}

/** What each has to get (positive) or to pay, once everything is set off. The sum is zero. */
export function balancesOf(debts: readonly Debt[]): ReadonlyMap<string, Big> {
  const balances = new Map<string, Big>();
  const add = (company: string, amount: Big) => {
    balances.set(company, (balances.get(company) ?? new Big(0)).plus(amount));
  };
  for (const { from, to, amount } of debts) {
    add(to, new Big(amount));
    add(from, new Big(amount).neg());
  }
  return balances;
}

/** Payments that settle all debts: fewer than there are companies. The same debts give the same payments. */
export function netted(debts: readonly Debt[]): readonly Debt[] {
  const open = [...balancesOf(debts)]
    .filter(([, balance]) => !balance.eq(0))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const payers = open
    .filter(([, balance]) => balance.lt(0))
    .map(([name, balance]) => ({ name, left: balance.neg() }));
  const payees = open.filter(([, balance]) => balance.gt(0)).map(([name, left]) => ({ name, left }));
  const payments: Debt[] = [];
  for (let [payer, payee] = [payers.shift(), payees.shift()]; payer !== undefined && payee !== undefined; ) {
    const amount = payer.left.lt(payee.left) ? payer.left : payee.left;
    payments.push({ from: payer.name, to: payee.name, amount: amount.toFixed() });
    payer.left = payer.left.minus(amount);
    payee.left = payee.left.minus(amount);
    if (payer.left.eq(0)) payer = payers.shift();
    if (payee.left.eq(0)) payee = payees.shift();
  }
  return payments;
}
