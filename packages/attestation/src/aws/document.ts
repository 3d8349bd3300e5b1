import { type Token, Tokenizer } from 'cborg';
import { insist, Refusal, refuse } from '../errors.ts';
import { certificatesMax, nitroPayloadBytesMax } from '../limits.ts';

/** An attestation document (AWS, "Nitro Enclaves: attestation process"). */
export interface NitroDocument {
  readonly moduleId: string;
  readonly digest: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** DER, leaf first: the document lists the authorities from the root down. */
  readonly chain: readonly Uint8Array[];
  readonly publicKey: Uint8Array | null;
  readonly userData: Uint8Array | null;
  readonly nonce: Uint8Array | null;
}

const pcrBytes: readonly number[] = [32, 48, 64];
const pcrsMax = 32;
const fieldsMax = 32;
const optionalBytesMax = 1024;

type Scalar = string | number | null | Uint8Array;
type Field = Scalar | ReadonlyMap<number, Uint8Array> | readonly Uint8Array[];

/**
 * Reads the payload of a document: a map of texts, numbers, bytes, one map of registers and one list of
 * certificates. AWS writes maps of definite and, since 2025, of indefinite length; both are read, as the
 * signature is over the bytes received. Every field appears once, nothing is nested deeper, nothing follows.
 */
export function parseNitroDocument(payload: Uint8Array | null): NitroDocument {
  insist(payload !== null && payload.length <= nitroPayloadBytesMax, 'the document is absent or too long');
  const fields = new DocumentReader(payload).fields();
  const text = (key: string): string => {
    const value = fields.get(key);
    return typeof value === 'string' && value !== '' ? value : refuse(`the document has no text ${key}`);
  };
  const optional = (key: string): Uint8Array | null => {
    const value = fields.get(key) ?? null;
    if (value === null) return null;
    insist(value instanceof Uint8Array && value.length <= optionalBytesMax, `${key} is not bytes`);
    return value;
  };
  const [timestamp, certificate] = [fields.get('timestamp'), fields.get('certificate')];
  const [pcrs, bundle] = [fields.get('pcrs'), fields.get('cabundle')];
  insist(typeof timestamp === 'number', 'the document has no timestamp');
  insist(certificate instanceof Uint8Array, 'the document has no certificate');
  insist(pcrs instanceof Map && pcrs.size >= 1, 'the document has no PCRs');
  insist(Array.isArray(bundle), 'the document has no bundle of certificates');
  return {
    moduleId: text('module_id'),
    digest: text('digest'),
    timestamp,
    pcrs,
    chain: [certificate, ...bundle.toReversed()],
    publicKey: optional('public_key'),
    userData: optional('user_data'),
    nonce: optional('nonce'),
  };
}

/** Walks the tokens of a document, whose shape is fixed: nothing in it decides how deep to go. */
class DocumentReader {
  readonly #tokens: Tokenizer;

  constructor(payload: Uint8Array) {
    this.#tokens = new Tokenizer(payload, { strict: false, allowIndefinite: true, retainStringBytes: true });
  }

  fields(): ReadonlyMap<string, Field> {
    const fields = new Map<string, Field>();
    this.#each('map', fieldsMax, (keyToken) => {
      const key = scalarOf(keyToken);
      insist(typeof key === 'string' && !fields.has(key), `field ${String(key)} is repeated or no text`);
      fields.set(key, this.#field(key));
    });
    insist(this.#done(), 'bytes follow the document');
    return fields;
  }

  #field(key: string): Field {
    switch (key) {
      case 'pcrs':
        return this.#pcrs();
      case 'cabundle':
        return this.#bundle();
      default:
        return scalarOf(this.#next());
    }
  }

  #pcrs(): ReadonlyMap<number, Uint8Array> {
    const pcrs = new Map<number, Uint8Array>();
    this.#each('map', pcrsMax, (token) => {
      const index = scalarOf(token);
      insist(
        typeof index === 'number' && index < pcrsMax && !pcrs.has(index),
        `PCR ${String(index)} is repeated`,
      );
      const value = scalarOf(this.#next());
      insist(value instanceof Uint8Array && pcrBytes.includes(value.length), `PCR ${index} is no digest`);
      pcrs.set(index, value);
    });
    return pcrs;
  }

  #bundle(): readonly Uint8Array[] {
    const bundle: Uint8Array[] = [];
    this.#each('array', certificatesMax - 1, (token) => {
      const der = scalarOf(token);
      insist(der instanceof Uint8Array, 'the bundle holds something else than certificates');
      bundle.push(der);
    });
    return bundle;
  }

  /** Calls `entry` with the first token of each entry of a map or list, whether its length is told or not. */
  #each(kind: 'map' | 'array', max: number, entry: (token: Token) => void): void {
    const opening = this.#next();
    insist(opening.type.name === kind, `the document has a ${opening.type.name} where a ${kind} belongs`);
    const length: number = opening.value;
    for (let count = 0; count < length; count++) {
      const token = this.#next();
      if (length === Number.POSITIVE_INFINITY && token.type.name === 'break') return;
      insist(count < max, `the document has a ${kind} of more than ${max} entries`);
      entry(token);
    }
  }

  #next(): Token {
    insist(!this.#done(), 'the document is cut short');
    try {
      return this.#tokens.next();
    } catch {
      throw new Refusal('the document is not well-formed CBOR');
    }
  }

  #done(): boolean {
    return this.#tokens.done();
  }
}

function scalarOf({ type, value }: Token): Scalar {
  switch (type.name) {
    case 'uint':
      insist(Number.isSafeInteger(value), 'the document holds a number too large');
      return value;
    case 'string':
      return value;
    case 'bytes':
      return new Uint8Array(value);
    case 'null':
      return null;
    default:
      return refuse(`the document holds a ${type.name}`);
  }
}
