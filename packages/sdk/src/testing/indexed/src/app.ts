import { z } from 'zod';
import {
  defineApp,
  endpoint,
  json,
  mapHistory,
  mapIndex,
  privateMap,
  text,
  timeOf,
  tuple,
  uint,
} from '../../../index.ts';

const Note = z.object({ author: z.string(), stars: z.number(), tags: z.array(z.string()) });
const notes = privateMap('notes', text, json<z.infer<typeof Note>>());
const stamps = privateMap('stamps', text, json<number>());
const byTag = mapIndex('by_tag', notes, { key: text, of: ({ tags }) => tags });
const byStars = mapIndex('by_stars', notes, {
  key: tuple(text, uint),
  of: ({ author, stars }) => [[author, stars]],
});
const history = mapHistory('note_history', notes);

const bounds = z.object({
  from: z.string().optional(),
  to: z.string().optional(),
  prefix: z.string().optional(),
  reverse: z.stringbool().optional(),
  limit: z.coerce.number().int().optional(),
  cursor: z.string().optional(),
});

/** Finds notes by other keys than their own, for the tests of indexes. */
export const app = defineApp(
  {
    'PUT /notes/{id}': endpoint({
      mode: 'readwrite',
      auth: [],
      body: Note,
      handler: ({ params, body }) => notes.set(params.id ?? '', body),
    }),
    'DELETE /notes/{id}': endpoint({
      mode: 'readwrite',
      auth: [],
      handler: ({ params }) => notes.delete(params.id ?? ''),
    }),
    'GET /tags': endpoint({
      mode: 'readonly',
      auth: [],
      query: bounds,
      handler: ({ query: { cursor, ...range } }) => byTag.page(range, cursor),
    }),
    'GET /tags/{tag}': endpoint({
      mode: 'readonly',
      auth: [],
      handler: ({ params }) => ({ keys: byTag.find(params.tag ?? ''), seqno: byTag.seqno() }),
    }),
    'GET /stars/{author}': endpoint({
      mode: 'readonly',
      auth: [],
      handler: ({ params }) => [...byStars.range({ prefix: [params.author ?? ''], reverse: true })],
    }),
    'GET /reached/{seqno}': endpoint({
      mode: 'readonly',
      auth: [],
      params: z.object({ seqno: z.coerce.number() }),
      handler({ params }) {
        byTag.requireAt(params.seqno);
        return { reached: true };
      },
    }),
    'GET /history/{id}': endpoint({
      mode: 'readonly',
      auth: [],
      query: bounds.pick({ cursor: true, limit: true, reverse: true }),
      handler: ({ params, query: { cursor, ...range } }) => history.page(params.id ?? '', range, cursor),
    }),
    'GET /seqnos/{id}': endpoint({
      mode: 'readonly',
      auth: [],
      query: z.object({ from: z.coerce.number().optional(), to: z.coerce.number().optional() }),
      handler: ({ params, query }) => history.seqnosOf(params.id ?? '', query),
    }),
    'POST /fail': endpoint({
      mode: 'readwrite',
      auth: [],
      handler() {
        console.log('about to fail');
        throw new Error('as planned');
      },
    }),
    'PUT /stamps/{id}': endpoint({
      mode: 'readwrite',
      auth: [],
      handler: ({ params }) => stamps.set(params.id ?? '', Date.now()),
    }),
    'GET /stamps/{id}': endpoint({
      mode: 'historical',
      auth: [],
      handler: ({ params, past }) => ({
        written: stamps.at(past).get(params.id ?? ''),
        recorded: timeOf(past),
      }),
    }),
    'POST /decide': endpoint({ mode: 'readwrite', auth: [], handler: () => byTag.find('a') }),
  },
  { title: 'Indexed', indexes: [byTag, byStars, history] },
);
