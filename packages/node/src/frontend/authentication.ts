import { header } from '@coco/api';
import { parseCertificate } from '@coco/crypto';
import {
  authenticate,
  type Caller,
  type ClientCertificate,
  memberCerts,
  memberInfos,
  type Policy,
  userCerts,
  userInfos,
} from '@coco/governance';
import type { ReadableMapState, Store } from '@coco/kv';
import type { HttpRequest, Session } from '../event.ts';
import { type Answer, refusal, withHeader } from './answer.ts';

/** Who calls (null: the endpoint asks nobody), or the answer that refuses. */
export type Authenticated = { readonly caller: Caller | null } | { readonly refusal: Answer };

/** Policies that depend on the connection and the tables alone, never on the request. */
const connectionPolicies: ReadonlySet<unknown> = new Set(['no_auth', 'user_cert', 'member_cert', 'any_cert']);

interface Remembered {
  readonly generation: number;
  readonly notAfter: number;
  readonly caller: Caller | null;
}

interface SessionMemory {
  readonly certificate: ClientCertificate | null;
  readonly byPolicies: Map<readonly Policy[], Remembered>;
}

/**
 * Authenticates requests against the tables. What a connection's certificate proves is remembered until
 * the tables change or the certificate ends, so that a busy connection is looked up once.
 */
export class Authentication {
  readonly #store: Store;
  readonly #sessions = new WeakMap<Session, SessionMemory>();
  #generation = 0;

  constructor(store: Store) {
    this.#store = store;
    const forget = (): void => {
      this.#generation++;
    };
    for (const table of [userCerts, userInfos, memberCerts, memberInfos]) store.onWrite(table.name, forget);
    store.onRollback(forget);
  }

  /** Tries the policies of an endpoint, in their order; the first that holds wins. `now` in ms. */
  authenticate(
    policies: readonly Policy[],
    request: { readonly session: Session; readonly request: HttpRequest },
    now: number,
    state: ReadableMapState = this.#store.begin(),
  ): Authenticated {
    if (policies.length === 0) return { caller: null };
    const memory = this.#memory(request.session);
    const known = memory.byPolicies.get(policies);
    if (known && known.generation === this.#generation && now <= known.notAfter)
      return { caller: known.caller };
    const { certificate } = memory;
    const { headers, body } = request.request;
    const verdict = authenticate(state, policies, { headers, body, certificate }, now);
    if (verdict.kind === 'refused') {
      const refused = refusal(verdict.status, verdict.code, verdict.message, verdict.details);
      return {
        refusal: verdict.challenge ? withHeader(refused, header.wwwAuthenticate, verdict.challenge) : refused,
      };
    }
    if (policies.every((policy) => connectionPolicies.has(policy))) {
      const notAfter = certificate?.notAfter ?? Number.POSITIVE_INFINITY;
      memory.byPolicies.set(policies, { generation: this.#generation, notAfter, caller: verdict.caller });
    }
    return { caller: verdict.caller };
  }

  #memory(session: Session): SessionMemory {
    let memory = this.#sessions.get(session);
    if (!memory) {
      memory = { certificate: certificateOf(session), byPolicies: new Map() };
      this.#sessions.set(session, memory);
    }
    return memory;
  }
}

/** A certificate that TLS let through and that cannot be read counts as none. */
function certificateOf({ clientCertificate }: Session): ClientCertificate | null {
  if (!clientCertificate) return null;
  try {
    return parseCertificate(clientCertificate);
  } catch {
    return null;
  }
}
