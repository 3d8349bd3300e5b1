import { z } from 'zod';
import {
  checked,
  claim,
  defineApp,
  endpoint,
  json,
  privateMap,
  publicMap,
  Refusal,
  reply,
  text,
  tuple,
  uint,
} from '../../../index.ts';

const Item = z.object({ name: z.string(), price: z.number().positive() });
const items = privateMap('items', tuple(text, uint), checked(Item));
const words = publicMap('words', text, json<number>());

const bounds = z.object({
  from: z.string().optional(),
  to: z.string().optional(),
  prefix: z.string().optional(),
  reverse: z.stringbool().optional(),
  limit: z.coerce.number().int().optional(),
  cursor: z.string().optional(),
});

/** Uses everything the SDK has, for its tests. */
export const app = defineApp(
  {
    'POST /orders/{shop}': endpoint({
      mode: 'readwrite',
      auth: ['user_cert', 'jwt'],
      audience: 'shop',
      params: z.object({ shop: z.string().max(8) }),
      query: z.object({ tag: z.union([z.string(), z.array(z.string())]).optional() }),
      body: z.object({ items: z.array(Item).min(1) }),
      response: z.object({ first: z.string(), tags: z.array(z.string()) }),
      status: 201,
      handler({ params, query, body }) {
        body.items.forEach((item, at) => {
          items.set([params.shop, at], item);
        });
        return { first: body.items[0]?.name ?? '', tags: [query.tag ?? []].flat() };
      },
    }),
    'POST /broken': endpoint({
      mode: 'readwrite',
      auth: [],
      response: z.object({ count: z.number() }),
      handler() {
        words.set('broken', 1);
        return { count: 'many' as unknown as number };
      },
    }),
    'POST /crash': endpoint({
      mode: 'readwrite',
      auth: [],
      handler() {
        throw new Error('a mistake on this line');
      },
    }),
    'POST /refused': endpoint({
      mode: 'readwrite',
      auth: [],
      handler() {
        words.set('refused', 1);
        throw new Refusal(409, 'Taken', 'It is taken.', { headers: { 'retry-after': '7' } });
      },
    }),
    'POST /later': endpoint({
      mode: 'readwrite',
      auth: [],
      body: 'text',
      async handler({ body }) {
        await undefined;
        if (body === 'no') throw new Refusal(403, 'No', 'No.');
        words.set(body, body.length);
        return reply({ later: true }, { status: 202, headers: { 'x-made': 'yes' } });
      },
    }),
    'PUT /words/{word}': endpoint({
      mode: 'readwrite',
      auth: [],
      handler({ params }) {
        const word = params.word ?? '';
        words.set(word, word.length);
        claim(word);
      },
    }),
    'POST /bytes': endpoint({
      mode: 'readonly',
      auth: [],
      body: 'bytes',
      handler: ({ body }) => ({ length: body.byteLength }),
    }),
    'GET /words': endpoint({
      mode: 'readonly',
      auth: [],
      query: bounds,
      handler: ({ query: { cursor, ...range } }) => words.page(range, cursor),
    }),
    'GET /items/{shop}': endpoint({
      mode: 'readonly',
      auth: [],
      handler: ({ params }) =>
        [...items.range({ prefix: [params.shop ?? ''] })].map(({ key, value }) => [key[1], value]),
    }),
    'GET /past/{word}': endpoint({
      mode: 'historical',
      auth: [],
      handler: ({ params, past }) => ({ was: words.at(past).get(params.word ?? '') ?? null }),
    }),
    'GET /hidden': endpoint({ mode: 'readonly', auth: [], hidden: true, handler: () => 'found' }),
  },
  {
    title: 'Shop',
    version: '1.2.3',
    compensations: {
      refund(undone) {
        for (const { transactionId, writesTo } of undone)
          for (const { before, key, value } of writesTo(items)) {
            if (before !== undefined) throw new Refusal(409, 'Replaced', `${key} was there before`);
            words.set(`refund ${transactionId} ${key.join(' ')}`, value?.price ?? 0);
          }
      },
    },
  },
);
