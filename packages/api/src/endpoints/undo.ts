import {
  array,
  base64,
  count,
  flag,
  hex32,
  type Infer,
  nullable,
  object,
  oneOf,
  text,
  transactionId,
} from '../schema.ts';

const undoPolicy = oneOf('restore', 'cascade', 'compensate');

/** What is to be undone, and how: asked of `POST /gov/service/undo:preview`, and part of the action's arguments. */
export const undoPreviewIn = object(
  { transactions: array(transactionId), policy: undoPolicy },
  {
    module: text('With policy compensate: the module of the contract'),
    function: text('With policy compensate: the function that makes up for the transactions'),
    allow_unrecorded_reads: flag,
  },
  'Undo',
);
/** What is to be undone, and how. */
export type UndoPreviewIn = Infer<typeof undoPreviewIn>;

/** Bytes as a preview shows them: text if they are, else base64; of many the beginning, their number and digest. */
export const shownBytes = object({}, { text: text(), base64, bytes: count(), sha256: hex32 }, 'ShownBytes');
/** Bytes as a preview shows them. */
export type ShownBytes = Infer<typeof shownBytes>;

/**
 * One key that an undo changes; of one that the caller may not see, the digest and at most whose it is. Shown open,
 * a row of an audience is `sealed`: its digest is over what is in the ledger.
 */
export const undoChangeOut = object(
  { digest: hex32 },
  {
    audience: text(),
    sealed: flag,
    map: text(),
    key: shownBytes,
    from: nullable(shownBytes),
    to: nullable(shownBytes),
    writtenBy: transactionId,
    givenBackFrom: transactionId,
    salt: base64,
  },
  'UndoChange',
);
/** One key that an undo changes. */
export type UndoChangeOut = Infer<typeof undoChangeOut>;

/** A later transaction that hangs on an earlier one, by so many keys. */
export const undoDependencyOut = object(
  {
    on: transactionId,
    by: transactionId,
    kinds: array(oneOf('read', 'scan', 'overwrite')),
    keys: count(),
  },
  {},
  'UndoDependency',
);
/** A later transaction that hangs on an earlier one. */
export type UndoDependencyOut = Infer<typeof undoDependencyOut>;

/** `POST /gov/service/undo:preview`. */
export const undoPreviewOut = object(
  {
    policy: undoPolicy,
    transactions: array(transactionId),
    allowUnrecordedReads: flag,
    basis: transactionId,
    possible: flag,
    undone: array(transactionId),
    restored: array(transactionId),
    undoneAgain: array(transactionId),
    dependencies: array(undoDependencyOut),
    changes: array(undoChangeOut),
    unrecordedReads: count(),
    problems: array(object({ code: text(), message: text() }, { transactionId }, 'UndoProblem')),
  },
  { plan: hex32, compensation: object({ module: text(), function: text() }) },
  'UndoPreview',
);
/** Exactly what an undo would do, as far as the caller may see it. */
export type UndoPreviewOut = Infer<typeof undoPreviewOut>;
