import {
  checked,
  claim,
  defineApp,
  endpoint,
  privateMap,
  publicMap,
  Refusal,
  text,
  tuple,
  uint,
} from '@coco/sdk';
import Big from 'big.js';
import { z } from 'zod';
import { netted } from './netting.ts';

const Company = z.string().regex(/^[A-Z][A-Z0-9]{1,11}$/);
const Currency = z.string().regex(/^[A-Z]{3}$/);
const Amount = z
  .string()
  .regex(/^\d{1,15}(\.\d{1,4})?$/)
  .refine((amount) => new Big(amount).gt(0), 'must be more than 0');
const Debt = z.object({ from: Company, to: Company, amount: Amount });
const Obligation = z.object({ ...Debt.shape, reference: z.string().max(140) });
const Settlement = z.object({ currency: Currency, settled: z.number(), payments: z.array(Debt) });
/** What members record of a user: the company it speaks for. */
const UserData = z.object({ company: Company });

/** Open obligations by currency and number: confidential. */
const obligations = privateMap('obligations', tuple(text, uint), checked(Obligation));
/** The last number given out in each currency. */
const numbers = privateMap('numbers', text, checked(z.number()));
/** Settlements by currency and number: confidential, as amounts are. */
const settlements = privateMap('settlements', tuple(text, uint), checked(Settlement));
/** How many obligations each settlement covered: for everybody. */
const tally = publicMap('tally', tuple(text, uint), checked(z.number()));

const currency = Currency;

export const app = defineApp(
  {
    'POST /obligations/{currency}': endpoint({
      summary: "Record what one's own company owes",
      mode: 'readwrite',
      auth: ['user_cert'],
      params: z.object({ currency }),
      body: Obligation.omit({ from: true }),
      response: z.object({ number: z.number() }),
      status: 201,
      handler({ params, body, caller }) {
        const from = companyOf(caller.data);
        if (body.to === from) throw new Refusal(409, 'OwnDebt', `${from} cannot owe itself.`);
        const number = next(params.currency);
        obligations.set([params.currency, number], { from, ...body });
        claim(JSON.stringify({ currency: params.currency, number, from, ...body }));
        return { number };
      },
    }),

    'GET /obligations/{currency}': endpoint({
      summary: "Open obligations that one's own company owes or is owed",
      mode: 'readonly',
      auth: ['user_cert'],
      params: z.object({ currency }),
      response: z.array(z.object({ number: z.number(), ...Obligation.shape })),
      handler({ params, caller }) {
        const own = companyOf(caller.data);
        return open(params.currency)
          .filter(({ value: { from, to } }) => from === own || to === own)
          .map(({ key: [, number], value }) => ({ number, ...value }));
      },
    }),

    'POST /settlements/{currency}': endpoint({
      summary: 'Set off everything that is open, and tell who pays whom',
      mode: 'readwrite',
      auth: ['member_cert'],
      params: z.object({ currency }),
      response: z.object({ number: z.number(), ...Settlement.shape }),
      status: 201,
      handler({ params }) {
        const rows = open(params.currency);
        if (rows.length === 0)
          throw new Refusal(409, 'NothingOpen', `Nothing is open in ${params.currency}.`);
        const payments = netted(rows.map(({ value }) => value)).map((debt) => ({ ...debt }));
        const settlement = { currency: params.currency, settled: rows.length, payments };
        const number = next(params.currency);
        for (const { key } of rows) obligations.delete(key);
        settlements.set([params.currency, number], settlement);
        tally.set([params.currency, number], rows.length);
        return { number, ...settlement };
      },
    }),

    'GET /settlements/{currency}/{number}': endpoint({
      summary: "One's own payments in a settlement",
      mode: 'readonly',
      auth: ['user_cert'],
      params: z.object({ currency, number: z.coerce.number().int().min(1) }),
      response: Settlement,
      handler({ params, caller }) {
        const own = companyOf(caller.data);
        const found = settlements.get([params.currency, params.number]);
        if (found === undefined) throw new Refusal(404, 'NoSuchSettlement', 'There is no such settlement.');
        return { ...found, payments: found.payments.filter(({ from, to }) => from === own || to === own) };
      },
    }),
  },
  { title: 'Settlement', version: '0.1.0' },
);

const open = (currency: string) => [...obligations.range({ prefix: [currency] })];

function next(currency: string): number {
  const number = (numbers.get(currency) ?? 0) + 1;
  numbers.set(currency, number);
  return number;
}

function companyOf(data: unknown): string {
  const known = UserData.safeParse(data);
  if (known.success) return known.data.company;
  throw new Refusal(403, 'NoCompany', 'Members have not recorded which company the caller speaks for.');
}
