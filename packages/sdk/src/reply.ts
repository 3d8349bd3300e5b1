/** An answer with a status or headers of its own; made by `reply`. */
export class Reply<T> {
  readonly body: T | undefined;
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;

  constructor(body: T | undefined, status: number | undefined, headers: Readonly<Record<string, string>>) {
    this.body = body;
    this.status = status;
    this.headers = headers;
  }
}

/**
 * Answers with more than a body.
 *
 * @example return reply(order, { status: 202, headers: { location: `/orders/${id}` } });
 */
export function reply<T>(
  body: T,
  more: { readonly status?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Reply<T> {
  return new Reply(body, more.status, more.headers ?? {});
}
