import {
  claim,
  defineApp,
  endpoint,
  historyOf,
  json,
  privateMap,
  publicMap,
  Refusal,
  text,
  tuple,
  uint,
} from '@coco/sdk';
import { z } from 'zod';

const Note = z.object({ text: z.string().min(1).max(1000), at: z.iso.datetime() });
type Note = z.infer<typeof Note>;

/** Encrypted in the ledger: each user's notes, in the order they were written. */
const notes = privateMap('notes', tuple(text, uint), json<Note>());
/** Readable by everybody who has the ledger. */
const counts = publicMap('note_counts', text, json<number>());

const Numbered = z.object({ id: z.number(), ...Note.shape });
const id = z.coerce.number().int().min(1);

export const app = defineApp(
  {
    'POST /notes': endpoint({
      summary: 'Write a note',
      mode: 'readwrite',
      auth: ['user_cert'],
      body: z.object({ text: Note.shape.text }),
      response: Numbered,
      status: 201,
      handler({ body, caller }) {
        const id = (counts.get(caller.id) ?? 0) + 1;
        const note = { text: body.text, at: new Date().toISOString() };
        counts.set(caller.id, id);
        notes.set([caller.id, id], note);
        // The receipt of this transaction proves that exactly this text was written.
        claim(body.text);
        return { id, ...note };
      },
    }),

    'GET /notes/{id}': endpoint({
      summary: "Read one of one's own notes",
      mode: 'readonly',
      auth: ['user_cert'],
      params: z.object({ id }),
      response: Note,
      handler: ({ params, caller }) => noteOf(caller.id, params.id),
    }),

    'GET /notes': endpoint({
      summary: "List one's own notes, the newest first",
      mode: 'readonly',
      auth: ['user_cert'],
      query: z.object({
        limit: z.coerce.number().int().min(1).max(100).default(20),
        cursor: z.string().optional(),
      }),
      response: z.object({ notes: z.array(Numbered), cursor: z.string().optional() }),
      handler({ query, caller }) {
        const range = { prefix: [caller.id], reverse: true, limit: query.limit } as const;
        const { rows, cursor } = notes.page(range, query.cursor);
        return { notes: rows.map(({ key: [, id], value }) => ({ id, ...value })), cursor };
      },
    }),

    'GET /counts/{user}': endpoint({
      summary: 'How many notes a user has written; anybody may ask',
      mode: 'readonly',
      auth: [],
      params: z.object({ user: z.string() }),
      response: z.object({ count: z.number() }),
      handler: ({ params }) => ({ count: counts.get(params.user) ?? 0 }),
    }),

    'GET /notes/{id}/receipt': endpoint({
      summary: 'A note as a past transaction wrote it, with the proof',
      mode: 'historical',
      auth: ['user_cert'],
      params: z.object({ id }),
      handler({ params, caller, past }) {
        const note = notes.at(past).get([caller.id, params.id]);
        if (note === undefined)
          throw new Refusal(404, 'NoteNotFound', 'That transaction wrote no such note.');
        return { note, transactionId: past.transactionId, receipt: past.receipt };
      },
    }),

    'GET /notes/{id}/history': endpoint({
      summary: 'What became of a note between two sequence numbers',
      mode: 'readonly',
      auth: ['user_cert'],
      params: z.object({ id }),
      query: z.object({ from: z.coerce.number().int(), to: z.coerce.number().int() }),
      handler: ({ params, query, caller }) =>
        historyOf(notes, [caller.id, params.id], query).map(({ value, seqno }) => ({ ...value, seqno })),
    }),
  },
  { title: 'Notes', version: '0.1.0' },
);

function noteOf(user: string, id: number): Note {
  const note = notes.get([user, id]);
  if (note === undefined) throw new Refusal(404, 'NoteNotFound', `You have no note ${id}.`);
  return note;
}
