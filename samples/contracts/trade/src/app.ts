import { defineApp, endpoint, Refusal, tx } from '@coco/sdk';
import { z } from 'zod';
import { Financing, financings, invoices, Name, Order, orders, Party } from './rows.ts';

/** Fewer buyers than this, and a total would tell each of them what the others bought. */
const buyersMin = 2;

export const app = defineApp(
  {
    'POST /orders': endpoint({
      summary: 'Order from a supplier; nobody else sees it',
      mode: 'readwrite',
      auth: ['user_cert'],
      body: z.object({ number: Name, ...Order.omit({ buyer: true }).shape }),
      response: z.object({ number: Name, total: z.number() }),
      status: 201,
      handler({ body: { number, ...asked } }) {
        const order = { buyer: callingParty(), ...asked };
        tx.audience(['caller', `party:${order.seller}`]);
        if (orders.has(number)) throw new Refusal(409, 'NumberTaken', `There is an order ${number} already.`);
        orders.set(number, order);
        tx.claims({ number, ...order });
        return { number, total: order.quantity * order.unitPrice };
      },
    }),

    'GET /orders': endpoint({
      summary: "The caller's orders, as buyer or seller",
      mode: 'readonly',
      auth: ['user_cert'],
      response: z.array(z.object({ number: Name, ...Order.shape })),
      handler: () => [...orders.range()].map(({ key, value }) => ({ number: key, ...value })),
    }),

    'POST /invoices': endpoint({
      summary: 'Invoice an order',
      mode: 'readwrite',
      auth: ['user_cert'],
      body: z.object({ number: Name, order: Name }),
      response: z.object({ number: Name, amount: z.number() }),
      status: 201,
      handler({ body: { number, order } }) {
        const seller = callingParty();
        const ordered = orders.get(order);
        if (ordered?.seller !== seller) throw new Refusal(404, 'NoSuchOrder', `There is no order ${order}.`);
        if (invoices.has(number))
          throw new Refusal(409, 'NumberTaken', `There is an invoice ${number} already.`);
        tx.audience(['caller', `party:${ordered.buyer}`]);
        const amount = ordered.quantity * ordered.unitPrice;
        invoices.set(number, { seller, buyer: ordered.buyer, order, amount });
        tx.claims({ number, seller, buyer: ordered.buyer, order, amount });
        return { number, amount };
      },
    }),

    'POST /financings': endpoint({
      summary: 'Have a bank pay for an invoice: once, whichever bank it was',
      mode: 'readwrite',
      auth: ['user_cert'],
      // The bank learns that an invoice was financed before, and nothing of where.
      access: { reads: ['audience:financings'] },
      body: z.object({ invoice: Name, bank: Party }),
      response: Financing,
      status: 201,
      handler({ body: { invoice, bank } }) {
        const seller = callingParty();
        const found = invoices.get(invoice);
        if (found?.seller !== seller)
          throw new Refusal(404, 'NoSuchInvoice', `There is no invoice ${invoice}.`);
        const claim = [seller, found.buyer, found.order] as const;
        if (financings.has(claim)) {
          throw new Refusal(409, 'FinancedBefore', `Invoice ${invoice} was financed before.`);
        }
        const financing = { seller, bank, invoice, amount: found.amount };
        tx.audience(['caller', `party:${bank}`]);
        financings.set(claim, financing);
        return financing;
      },
    }),

    'GET /financings': endpoint({
      summary: "What the caller's bank has paid for, or the caller was paid",
      mode: 'readonly',
      auth: ['user_cert'],
      response: z.array(Financing),
      handler: () => [...financings.range()].map(({ value }) => value),
    }),

    'GET /market': endpoint({
      summary: 'The size of the market: a total over the orders of all, and nothing else',
      mode: 'readonly',
      auth: ['user_cert'],
      access: { reads: ['audience:orders'] },
      response: z.object({ total: z.number() }),
      handler() {
        const all = [...orders.range()].map(({ value }) => value);
        if (new Set(all.map(({ buyer }) => buyer)).size < buyersMin) {
          throw new Refusal(409, 'TooFew', `A total is told once ${buyersMin} buyers have ordered.`);
        }
        return { total: all.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0) };
      },
    }),
  },
  { title: 'Trade', version: '0.1.0' },
);

function callingParty(): string {
  const { party } = tx.caller();
  if (party !== null) return party;
  throw new Refusal(403, 'NoParty', 'Members have not recorded which party the caller acts for.');
}
