import type { TestResponse } from './answer.ts';

/** What a request carries beside its body. */
export interface RequestOptions {
  /** Parameters of the query; undefined ones are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** The transaction that a historical endpoint looks at: header `x-ms-ccf-transaction-id`. */
  readonly transactionId?: string;
}

/** One request as it is sent. */
export interface TestRequest extends RequestOptions {
  readonly method: string;
  /** With parameters filled in; a query may follow after a question mark. */
  readonly path: string;
  /** Text and bytes go as they are, anything else as JSON. */
  readonly body?: unknown;
}

/** A caller's side of the service. `T` is what the test expects of the body. */
export interface Client {
  get<T = unknown>(path: string, options?: RequestOptions): Promise<TestResponse<T>>;
  post<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse<T>>;
  put<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse<T>>;
  patch<T = unknown>(path: string, body?: unknown, options?: RequestOptions): Promise<TestResponse<T>>;
  delete<T = unknown>(path: string, options?: RequestOptions): Promise<TestResponse<T>>;
}

/** Verbs over one function that sends. They promise, so that a test reads like one against a real service. */
export function clientOver(send: (request: TestRequest) => TestResponse): Client {
  const withBody =
    (method: string) =>
    async <T>(path: string, body?: unknown, options: RequestOptions = {}) =>
      send({ method, path, ...(body === undefined ? {} : { body }), ...options }) as TestResponse<T>;
  const without =
    (method: string) =>
    async <T>(path: string, options: RequestOptions = {}) =>
      send({ method, path, ...options }) as TestResponse<T>;
  return {
    get: without('GET'),
    post: withBody('POST'),
    put: withBody('PUT'),
    patch: withBody('PATCH'),
    delete: without('DELETE'),
  };
}
