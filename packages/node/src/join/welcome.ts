import {
  aesGcmOpen,
  aesGcmSeal,
  CryptoError,
  concatBytes,
  fromBase64,
  importAesKey,
  importPrivateKey,
  type PrivateKey,
  type PublicKey,
  parseCertificate,
  rsaOaepUnwrap,
  rsaOaepWrap,
  toBase64,
} from '@coco/crypto';
import type { ServiceStatus } from '@coco/governance';
import type { VersionedSecret } from '@coco/ledger';
import { NodeError } from '../errors.ts';
import type { KnownService, NodeIdentity, Random } from '../identity.ts';
import type { Acquaintance } from '../wire.ts';

/** `network_info` of an answer to `POST /node/join`: what a trusted node needs to take part. */
export interface Welcome {
  /** The service is being recovered and the private part of its ledger is not open. */
  readonly public_only: boolean;
  /** Last seqno of the epoch that was lost; 0 when none was. */
  readonly last_recovered_signed_idx: number;
  /** Ours: what the admitting node cannot give from its ledger; 0 when it holds all of it. */
  readonly ledger_begins_after: number;
  /** Ours: PEM of the service that was lost, while this one is recovering it. */
  readonly previous_service_identity?: string;
  readonly service_status: ServiceStatus;
  readonly identity: { readonly cert: string };
  readonly endorsed_certificate: string;
  readonly cose_signatures_config: { readonly issuer: string; readonly subject: string };
  /** Ours: whom the joiner may expect on its node-to-node interface, and where it may ask for a snapshot. */
  readonly nodes: readonly Acquaintance[];
  /** Ours: base64 of `Secrets`, sealed to the joiner's encryption key. Absent for one that may only verify. */
  readonly sealed_secrets?: string;
}

/** What only nodes of the service may know. */
export interface Secrets {
  readonly serviceKey: PrivateKey;
  readonly ledgerSecrets: readonly VersionedSecret[];
  /** First seqnos of the ranges whose secret nobody holds. */
  readonly lostSecrets: readonly number[];
}

const keyBytes = 32;
const ivBytes = 12;
const tagBytes = 16;

/** Binds a sealed message to its reader and to the service it is about. */
function context(nodeId: string, serviceKeyId: string): Uint8Array {
  return new TextEncoder().encode(`coco join ${nodeId} ${serviceKeyId}`);
}

/** Seals secrets to a node: a fresh key wrapped to the node's, the rest under that key. */
export function sealSecrets(
  secrets: Secrets,
  reader: { readonly nodeId: string; readonly encryptionKey: PublicKey },
  random: Random,
): string {
  const plain = {
    priv_key: secrets.serviceKey.exportPem(),
    ledger_secrets: secrets.ledgerSecrets.map(({ from, raw }) => [from, { raw_key: toBase64(raw) }]),
    lost_secrets: secrets.lostSecrets,
  };
  const key = random(keyBytes);
  const iv = random(ivBytes);
  const aad = context(reader.nodeId, secrets.serviceKey.publicKey.id);
  const bytes = new TextEncoder().encode(JSON.stringify(plain));
  const { ciphertext, tag } = aesGcmSeal(importAesKey(key), iv, bytes, aad);
  const wrapped = rsaOaepWrap(reader.encryptionKey, key);
  const length = new Uint8Array([wrapped.length >> 8, wrapped.length & 255]);
  return toBase64(concatBytes(length, wrapped, iv, tag, ciphertext));
}

/** Opens what `sealSecrets` made for this node. Throws `JoinRefused` when it is not for it, or of another service. */
export function openSecrets(sealed: string, identity: NodeIdentity, service: PublicKey): Secrets {
  try {
    const bytes = fromBase64(sealed);
    const ivAt = 2 + (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
    const tagAt = ivAt + ivBytes;
    const key = rsaOaepUnwrap(identity.encryptionKey, bytes.subarray(2, ivAt));
    const plain = aesGcmOpen(
      importAesKey(key),
      bytes.subarray(ivAt, tagAt),
      bytes.subarray(tagAt + tagBytes),
      context(identity.id, service.id),
      bytes.subarray(tagAt, tagAt + tagBytes),
    );
    return readSecrets(plain, service);
  } catch (cause) {
    if (!(cause instanceof CryptoError || cause instanceof SyntaxError)) throw cause;
    throw new NodeError('JoinRefused', `the secrets of the service do not open: ${cause.message}`, { cause });
  }
}

function readSecrets(plain: Uint8Array, service: PublicKey): Secrets {
  const { priv_key, ledger_secrets, lost_secrets } = JSON.parse(new TextDecoder().decode(plain)) as {
    readonly priv_key: string;
    readonly ledger_secrets: readonly [number, { readonly raw_key: string }][];
    readonly lost_secrets: readonly number[];
  };
  const serviceKey = importPrivateKey(priv_key);
  if (serviceKey.publicKey.id !== service.id) {
    throw new NodeError('JoinRefused', 'the service sent a key that is not that of its certificate');
  }
  const ledgerSecrets = ledger_secrets.map(([from, { raw_key }]) => ({ from, raw: fromBase64(raw_key) }));
  return { serviceKey, ledgerSecrets, lostSecrets: lost_secrets };
}

/**
 * The service of a welcome, with its key for those that may hold it: the one whose certificate the operator gave. Throws
 * `JoinRefused`.
 */
export function identityOf(
  welcome: Welcome,
  expectedPem: string,
  identity: NodeIdentity,
): { readonly service: KnownService } & Omit<Secrets, 'serviceKey'> {
  const certificate = parseCertificate(welcome.identity.cert);
  if (certificate.publicKey.id !== parseCertificate(expectedPem).publicKey.id) {
    const message =
      'the service that answered is not the one whose certificate is configured (service_certificate_file)';
    throw new NodeError('JoinRefused', message);
  }
  if (welcome.sealed_secrets === undefined)
    return { service: { certificate }, ledgerSecrets: [], lostSecrets: [] };
  const { serviceKey, ...secrets } = openSecrets(welcome.sealed_secrets, identity, certificate.publicKey);
  return { service: { key: serviceKey, certificate }, ...secrets };
}
