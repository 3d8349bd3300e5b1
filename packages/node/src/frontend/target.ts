/** The three faces of a node; the first path segment chooses, everything else is the app's. */
export type Frontend = 'node' | 'gov' | 'app';

/** Where a request is going. */
export interface Target {
  readonly frontend: Frontend;
  /** Path within the frontend, beginning with a slash, undecoded. */
  readonly path: string;
  /** Path as the client wrote it. */
  readonly fullPath: string;
  /** Text after the question mark, undecoded; empty when there is none. */
  readonly query: string;
}

/** Splits a request target. `/log/x` and `/app/log/x` are the same app endpoint. */
export function parseTarget(target: string): Target {
  const mark = target.indexOf('?');
  const fullPath = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark + 1);
  for (const frontend of ['app', 'node', 'gov'] as const) {
    const end = frontend.length + 1;
    if (fullPath.startsWith(frontend, 1) && (fullPath.length === end || fullPath.charCodeAt(end) === 47)) {
      return { frontend, path: fullPath.slice(end) || '/', fullPath, query };
    }
  }
  return { frontend: 'app', path: fullPath, fullPath, query };
}

/**
 * Percent-decodes a whole query once, `+` as a space, as apps written for CCF expect of `request.query`.
 * Text that is not valid percent-encoded UTF-8 is left as it is.
 */
export function decodeQuery(query: string): string {
  if (!query.includes('%') && !query.includes('+')) return query;
  const spaced = query.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
