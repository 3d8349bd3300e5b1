// A contract with a mistake in it, for members to undo. Prices are of one piece; a list gives them for many.
import { defineApp, endpoint, Refusal, tx } from '@coco/sdk';
import { z } from 'zod';
import { Order, orders } from '../../../contracts/trade/src/rows.ts';

export const app = defineApp(
  {
    'POST /price-list': endpoint({
      summary: "Gives the caller's open orders of some goods the price of a list",
      mode: 'readwrite',
      auth: ['user_cert'],
      body: z.object({
        goods: Order.shape.goods,
        price: Order.shape.unitPrice,
        /** The price is for so many pieces. */
        pieces: z.int().min(1),
      }),
      response: z.object({ repriced: z.number() }),
      handler({ body: { goods, price } }) {
        const { party } = tx.caller();
        if (party === null) throw new Refusal(403, 'NoParty', 'The caller acts for no party.');
        tx.audience(['caller']);
        const mine = [...orders.range()].filter(
          ({ value }) => value.seller === party && value.goods === goods,
        );
        // The mistake: nobody divides by `pieces`.
        for (const { key, value } of mine) orders.set(key, { ...value, unitPrice: price });
        return { repriced: mine.length };
      },
    }),
  },
  { title: 'Price lists', version: '0.1.0' },
);
