import type { AccessOptions } from './audience.ts';
import type { CallerOf, Policy } from './caller.ts';
import type { Reply } from './reply.ts';
import type { PastState } from './sandbox.ts';
import type { InputOf, OutputOf, Schema } from './schema.ts';

/** What an endpoint may do: change maps, read them, or look at one past transaction. */
export type Mode = 'readwrite' | 'readonly' | 'historical';

/** How a body is read: as JSON by a schema, or as it is. */
export type BodyForm = Schema | 'text' | 'bytes';

type Texts = Readonly<Record<string, string>>;
type Values<S, Otherwise> = S extends Schema ? OutputOf<S> : Otherwise;
type Body<B> = B extends Schema
  ? OutputOf<B>
  : B extends 'text'
    ? string
    : B extends 'bytes'
      ? ArrayBuffer
      : undefined;

/** A request whose parts are checked and typed. */
export interface Call<M, A extends readonly Policy[], P, Q, B> {
  /** Parameters of the path, decoded. */
  readonly params: Values<P, Texts>;
  /** Parameters of the query; a name that came several times has a list. */
  readonly query: Values<Q, Readonly<Record<string, string | readonly string[]>>>;
  readonly body: Body<B>;
  /** Who calls, as the endpoint's policies established. */
  readonly caller: CallerOf<A>;
  /** Lower-case names. */
  readonly headers: Texts;
  /** The transaction asked about, in mode `historical`. */
  readonly past: M extends 'historical' ? PastState : undefined;
}

type Answer<R> = R extends Schema ? InputOf<R> : unknown;

/** What is declared of an endpoint. */
export interface EndpointOptions<M extends Mode, A extends readonly Policy[], P, Q, B, R> {
  readonly mode: M;
  /** Who may call: the first policy that holds decides. Empty: everybody, and nobody is asked. */
  readonly auth: A;
  /** A token (`jwt`) must be for one of these, or the caller is refused with 401. */
  readonly audience?: string | readonly string[];
  /** The private side: who sees what it writes, and whether it reads past its caller. */
  readonly access?: AccessOptions;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** What a successful answer holds. Answers are checked: what breaks it is an error of the contract. */
  readonly response?: R;
  /** Status of a successful answer (200, or 204 when there is none). */
  readonly status?: number;
  /** One line for OpenAPI, and more. */
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  /** Leaves the endpoint out of the service's OpenAPI. */
  readonly hidden?: boolean;
  /**
   * Answers, or throws a `Refusal`. May be asynchronous on Coco; CCF itself does not wait for promises.
   */
  readonly handler: (
    call: Call<M, A, P, Q, B>,
  ) => Answer<R> | Reply<Answer<R>> | Promise<Answer<R> | Reply<Answer<R>>>;
}

/** An endpoint, its types forgotten but for the names of its parameters. */
export interface Endpoint<P = unknown> {
  readonly mode: Mode;
  readonly auth: readonly Policy[];
  readonly audience: readonly string[];
  readonly access: AccessOptions | undefined;
  readonly params: Schema<unknown, P> | undefined;
  readonly query: Schema | undefined;
  readonly body: BodyForm | undefined;
  readonly response: Schema | undefined;
  readonly status: number | undefined;
  readonly summary: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly hidden: boolean;
  handle(call: unknown): unknown;
}

/**
 * Declares an endpoint. What the handler gets follows from the schemas.
 *
 * @example
 * endpoint({
 *   mode: 'readwrite',
 *   auth: ['user_cert'],
 *   body: z.object({ text: z.string().max(1000) }),
 *   handler: ({ body, caller }) => notes.set(caller.id, body.text),
 * })
 */
export function endpoint<
  M extends Mode,
  const A extends readonly Policy[],
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends BodyForm | undefined = undefined,
  R extends Schema | undefined = undefined,
>(options: EndpointOptions<M, A, P, Q, B, R>): Endpoint<Values<P, Texts>> {
  const { audience = [], handler } = options;
  return {
    mode: options.mode,
    auth: options.auth,
    audience: typeof audience === 'string' ? [audience] : audience,
    access: options.access,
    params: options.params as Schema<unknown, Values<P, Texts>> | undefined,
    query: options.query,
    body: options.body,
    response: options.response,
    status: options.status,
    summary: options.summary,
    description: options.description,
    tags: options.tags ?? [],
    hidden: options.hidden ?? false,
    // The one place where types are forgotten: `serve` calls with what it checked by the same schemas.
    handle: handler as (call: unknown) => unknown,
  };
}
