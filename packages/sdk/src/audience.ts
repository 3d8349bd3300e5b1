import type { Codec, KeyCodec } from './codec.ts';
import { SdkError } from './errors.ts';
import { type TypedMap, typedMap } from './map.ts';
import { type RawAccess, sandbox } from './sandbox.ts';

/**
 * Who may read: a party by its name (or `party:NAME`), `role:NAME`, `user:ID`, `caller` (the party of whoever calls, or
 * the caller itself when it acts for none), `everybody`.
 */
export type Reader = string;

/** What members are asked to grant to an endpoint's code; they vote on it with the bundle. */
export interface AccessOptions {
  /** The audience of what it writes when the code names none. */
  readonly audience?: readonly Reader[];
  /** The readers that the code may name. */
  readonly within?: readonly Reader[];
  /** Maps with audiences of which it reads every row, whosever it is: to match or add up, and answer with the result. */
  readonly reads?: readonly string[];
  /** `parties`: only nodes of the parties keep what it writes for audiences, the ledger of all others a digest of it. */
  readonly home?: 'everywhere' | 'parties';
  /** `false`: it runs only while the primary is a node of the parties, and they lend to no other. */
  readonly lend?: boolean;
}

/** The caller as members know it. */
export interface KnownCaller {
  readonly id: string | null;
  /** The organisation it acts for. */
  readonly party: string | null;
  readonly roles: readonly string[];
}

/** The transaction of the request. A service without audiences throws `ServiceLacks`. */
export const tx = {
  /**
   * Makes the transaction private to these readers, its rows of `audienceMap`s too unless they say otherwise. Said
   * twice, it can only become narrower.
   *
   * @example tx.audience(['caller', order.supplier])
   */
  audience(readers: readonly Reader[]): void {
    access().setAudience(readers);
  },
  /** Party and roles of the caller. */
  caller(): KnownCaller {
    return access().caller();
  },
  /**
   * Claims fields that the parties can disclose one by one, with the receipt as proof. Takes the place of `claim`.
   *
   * @example tx.claims({ buyer, seller, amount })
   */
  claims(fields: Readonly<Record<string, unknown>>): void {
    access().setClaims(fields);
  },
} as const;

/** A map each of whose rows is seen by the row's audience alone. */
export interface AudienceMap<K, V, Prefix = never> extends TypedMap<K, V, Prefix> {
  /** Writes a row: of an audience of its own, or where it was, or of the transaction's audience. */
  set(key: K, value: V, audience?: readonly Reader[]): void;
}

/**
 * A map whose rows have audiences. A call reads the rows that its caller may see and no others, whatever the code; two
 * audiences may use the same key. Its name gets `audience:` in front.
 *
 * @example const orders = audienceMap('orders', text, checked(Order));
 */
export function audienceMap<K, V, Prefix>(
  name: string,
  key: KeyCodec<K, Prefix>,
  value: Codec<V>,
): AudienceMap<K, V, Prefix> {
  if (name.startsWith('public:')) {
    throw new SdkError('DeclarationInvalid', `${name}: what is public has no audience`);
  }
  const map = typedMap(name.startsWith('audience:') ? name : `audience:${name}`, key, value);
  return {
    ...map,
    set: (of, to, audience) => {
      if (audience !== undefined) access().setRowAudience(map.name, key.encode(of), audience);
      map.set(of, to);
    },
  };
}

function access(): RawAccess {
  const found = sandbox().access;
  if (found !== undefined) return found;
  throw new SdkError('ServiceLacks', 'this service keeps no audiences: run the contract on Coco');
}
