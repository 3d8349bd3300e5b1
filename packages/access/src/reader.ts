import { AccessError } from './errors.ts';
import { limits } from './limits.ts';

/**
 * One who may read: `party:NAME` (an organisation, all its users), `role:NAME` (whoever holds it), `user:ID` (one
 * user), `everybody`.
 */
export type Reader = string;

/** Who is looking, as far as audiences care. */
export interface Viewer {
  /** Who it is, in one word that no other caller has; null for callers who did not say. */
  readonly id: string | null;
  /** The organisation it acts for. */
  readonly party: string | null;
  readonly roles: readonly string[];
  /** The reader that stands for it alone: its organisation, or itself when it acts for none; null when it did not say. */
  readonly alone: Reader | null;
  /** Every reader it counts as, `everybody` included, sorted. */
  readonly readers: readonly Reader[];
}

/** A caller who did not say who it is. */
export const anonymous: Viewer = { id: null, party: null, roles: [], alone: null, readers: ['everybody'] };

const namePattern = new RegExp(`^[A-Za-z0-9][A-Za-z0-9._-]{0,${limits.readerNameCharactersMax - 1}}$`);

/** Makes a viewer of what is known of a caller. */
export function viewerOf(id: string, party: string | null, roles: readonly string[]): Viewer {
  const readers = [
    `user:${id}`,
    ...(party === null ? [] : [`party:${party}`]),
    ...roles.map((role) => `role:${role}`),
    'everybody',
  ];
  const alone = party === null ? `user:${id}` : `party:${party}`;
  return { id, party, roles, alone, readers: readers.sort() };
}

function aloneReader({ alone }: Viewer): Reader {
  if (alone !== null) return alone;
  throw new AccessError(
    'ReaderInvalid',
    'the caller did not say who it is: there is no caller to keep it for',
  );
}

/**
 * Readers as code or a rule names them: a bare name is a party, `caller` is whoever calls. Answers them sorted,
 * each once. Throws `ReaderInvalid`.
 */
export function readersOf(named: unknown, viewer: Viewer): Reader[] {
  if (!Array.isArray(named) || named.length === 0) {
    throw new AccessError('ReaderInvalid', 'an audience is a list of at least one reader');
  }
  if (named.length > limits.readersMax) {
    throw new AccessError(
      'ReaderInvalid',
      `an audience of ${named.length} readers: at most ${limits.readersMax}`,
    );
  }
  return [...new Set(named.map((each) => readerOf(each, viewer)))].sort();
}

const readBefore = new WeakMap<Viewer, Map<string | readonly string[], readonly Reader[]>>();

/**
 * `readersOf` for a list that comes with call after call: as JSON, or as a list that never changes. Each is read once
 * for each viewer. Throws `ReaderInvalid`.
 */
export function knownReadersOf(named: string | readonly string[], viewer: Viewer): readonly Reader[] {
  let lists = readBefore.get(viewer);
  if (!lists) {
    lists = new Map();
    readBefore.set(viewer, lists);
  }
  const known = lists.get(named);
  if (known) return known;
  const readers = readersOf(typeof named === 'string' ? parsed(named) : named, viewer);
  if (lists.size >= limits.readerListsKnownMax) lists.clear();
  lists.set(named, readers);
  return readers;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new AccessError('ReaderInvalid', 'an audience is a list of readers, as JSON');
  }
}

function readerOf(named: unknown, viewer: Viewer): Reader {
  if (named === 'caller') return aloneReader(viewer);
  if (named === 'everybody') return named;
  if (typeof named === 'string') {
    const [kind, name] = splitReader(named);
    if ((kind === 'party' || kind === 'role') && namePattern.test(name)) return `${kind}:${name}`;
    if (kind === 'user' && name !== '' && name.length <= limits.userIdCharactersMax) return `user:${name}`;
  }
  const shown = typeof named === 'string' ? JSON.stringify(named.slice(0, 80)) : typeof named;
  throw new AccessError(
    'ReaderInvalid',
    `${shown} is no reader: a party's name, party:NAME, role:NAME, user:ID, caller or everybody`,
  );
}

function splitReader(text: string): [kind: string, name: string] {
  const colon = text.indexOf(':');
  return colon < 0 ? ['party', text] : [text.slice(0, colon), text.slice(colon + 1)];
}
