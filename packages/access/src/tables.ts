/** Maps that this room alone reads and writes; no contract and no constitution may. Private, so encrypted. */
export const tables = {
  /** The secret that references, cursors and audience ids are made with, under eight zero bytes. */
  secret: 'ccf.internal.access.secret',
  /** Audiences by id. */
  audiences: 'ccf.internal.access.audiences',
  /**
   * Keys by segment: audience and epoch. Destroying a row is destroying what it opens. Of audiences that are at home
   * with their parties, the slip of the parcel that holds the key.
   */
  keys: 'ccf.internal.access.keys',
  /** Records of private transactions by seqno. */
  transactions: 'ccf.internal.access.transactions',
  /** Disclosable claims by seqno, sealed under a key of the audience. */
  claims: 'ccf.internal.access.claims',
  /** Nothing: written so that something is. */
  cover: 'ccf.internal.access.cover',
  /** Reads by grant, under segment and seqno: an audience sees who looked. */
  log: 'ccf.internal.access.log',
} as const;

/** In place of a key that has nothing to open yet. */
export const keyToCome = '';

const prefix = 'ccf.internal.access.';

/** Whether a map is one of the room's own. */
export function isOwnTable(map: string): boolean {
  return map.startsWith(prefix);
}

/**
 * Whether the rows of a map have audiences: as `public:` in front of a name makes a map public, `audience:` makes
 * each of its rows visible to the row's audience only.
 */
export function hasAudiences(map: string): boolean {
  return map.startsWith('audience:');
}
