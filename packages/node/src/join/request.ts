import { fromBase64, importPublicKey, type PublicKey, signEcdsa, toBase64, verifyEcdsa } from '@coco/crypto';
import type { NodeInfo, QuoteInfo } from '@coco/governance';
import type { NodeIdentity } from '../identity.ts';

/** The body of `POST /node/join`. Names are CCF's, but for the signature. */
export interface JoinRequest {
  readonly node_info_network: Pick<NodeInfo, 'node_to_node_interface' | 'rpc_interfaces'>;
  readonly quote_info: QuoteInfo;
  /** PEM of the key that secrets are sealed to. */
  readonly public_encryption_key: string;
  /** Base64 of the node's signature over that key's DER: what the evidence vouches for vouches for it. */
  readonly encryption_key_signature: string;
  /** Where the joiner's ledger would begin: the seqno of its snapshot, or 0. */
  readonly startup_seqno: number;
  readonly certificate_signing_request: string;
  readonly node_data?: unknown;
  /** Ours: a TPM whose endorsement key is certified (PEM), and the secret it was challenged by, base64. */
  readonly activation?: { readonly certificates: string; readonly secret?: string };
}

const signature = { hash: 'SHA-256', format: 'der' } as const;

/** Signs the encryption key with the node's own. */
export function signEncryptionKey({ key, encryptionKey }: NodeIdentity): string {
  return toBase64(signEcdsa(key, encryptionKey.publicKey.spki, signature));
}

/** The encryption key of a request, vouched for by the node's. Throws `CryptoError`. */
export function verifiedEncryptionKey(request: JoinRequest, nodeKey: PublicKey): PublicKey {
  const encryptionKey = importPublicKey(request.public_encryption_key);
  verifyEcdsa(nodeKey, fromBase64(request.encryption_key_signature), encryptionKey.spki, signature);
  return encryptionKey;
}

/** Reads the body of a request; answers what it lacks as text. */
export function parseJoinRequest(body: Uint8Array): JoinRequest | string {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return 'the body is not JSON';
  }
  const lacks = lackOf(json);
  return lacks === undefined ? (json as JoinRequest) : `the body lacks ${lacks}`;
}

function lackOf(json: unknown): string | undefined {
  if (!isRecord(json)) return 'everything';
  const { node_info_network: network, quote_info: quote } = json;
  if (!isRecord(network) || !isAddress(network.node_to_node_interface))
    return 'node_info_network.node_to_node_interface';
  const { rpc_interfaces: interfaces } = network;
  if (!isRecord(interfaces) || !Object.values(interfaces).every(isAddress))
    return 'node_info_network.rpc_interfaces';
  if (!isRecord(quote)) return 'quote_info';
  for (const part of ['format', 'quote', 'endorsements'] as const) {
    if (typeof quote[part] !== 'string') return `quote_info.${part}`;
  }
  for (const name of [
    'public_encryption_key',
    'encryption_key_signature',
    'certificate_signing_request',
  ] as const) {
    if (typeof json[name] !== 'string') return name;
  }
  if (!Number.isSafeInteger(json.startup_seqno)) return 'startup_seqno';
  return json.activation === undefined || isActivation(json.activation) ? undefined : 'activation';
}

function isActivation(value: unknown): boolean {
  if (!isRecord(value) || typeof value.certificates !== 'string') return false;
  return value.secret === undefined || typeof value.secret === 'string';
}

function isAddress(value: unknown): boolean {
  return isRecord(value) && typeof value.bind_address === 'string';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
