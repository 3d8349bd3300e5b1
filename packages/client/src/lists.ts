import { accepted, jsonOf } from './answer.ts';
import { ClientError } from './errors.ts';
import { pagesMax } from './limits.ts';
import type { Session } from './session.ts';

interface Page {
  readonly value?: unknown;
  readonly nextLink?: unknown;
}

/**
 * Iterates over a list, page after page. A page is `{"value": [...], "nextLink": "/app/..."}`; the last one
 * (and every one of CCF's own lists) has no `nextLink`. Only links into the same service are followed.
 */
export async function* list<T>(session: Session, path: string): AsyncGenerator<T, void, undefined> {
  let next: string | undefined = path;
  for (let pages = 0; next !== undefined; pages++) {
    if (pages === pagesMax) throw new ClientError('UnexpectedAnswer', `${path} has no end`);
    const page: Page = jsonOf<Page>(accepted(await session.request({ method: 'GET', path: next }), next));
    if (!Array.isArray(page.value)) throw new ClientError('UnexpectedAnswer', `${next} is not a list`);
    yield* page.value as T[];
    next = linkOf(page);
  }
}

function linkOf({ nextLink }: Page): string | undefined {
  if (nextLink === undefined || nextLink === null) return undefined;
  if (typeof nextLink === 'string' && /^\/(?!\/)/.test(nextLink)) return nextLink;
  throw new ClientError('UnexpectedAnswer', 'nextLink is not a path of this service');
}
