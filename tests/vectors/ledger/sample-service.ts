import {
  type Certificate,
  type Curve,
  generateKeyPair,
  issueCertificate,
  type PrivateKey,
  sha256ByteString,
} from '@coco/crypto';
import { type ByteString, Store, type WriteSet } from '@coco/kv';
import {
  buildReceipt,
  buildSignature,
  encodeEntry,
  History,
  LedgerSecrets,
  noClaims,
  parseRootSignature,
  type Receipt,
  type SealedEntry,
  singletonKey,
  tables,
  ViewHistory,
} from '@coco/ledger';

/** Keys and the first ledger secret of a sample service. */
export interface SampleKeys {
  readonly service: PrivateKey;
  readonly node: PrivateKey;
  readonly secret: Uint8Array;
}

/** Fresh keys; the secret is fixed, since nothing depends on it. */
export function sampleKeys(curves: { service?: Curve; node?: Curve } = {}): SampleKeys {
  return {
    service: generateKeyPair(curves.service ?? 'P-256'),
    node: generateKeyPair(curves.node ?? 'P-256'),
    secret: Uint8Array.from({ length: 32 }, (_, i) => i),
  };
}

const day = 24 * 3600 * 1000;
const birth = Date.UTC(2026, 0, 1);

/** A service certificate that signs itself. */
export function serviceCertificate(key: PrivateKey, serial = 1): Certificate {
  return issueCertificate({
    subject: 'CN=Sample Service',
    publicKey: key.publicKey,
    issuerKey: key,
    issuerCert: 'self',
    notBefore: birth,
    notAfter: birth + 90 * day,
    isCa: true,
    serial: Uint8Array.of(serial),
  });
}

/** A node certificate issued by the service. */
export function nodeCertificate(
  node: PrivateKey,
  service: PrivateKey,
  issuer: Certificate,
  serial = 2,
): Certificate {
  return issueCertificate({
    subject: 'CN=Sample Node',
    publicKey: node.publicKey,
    issuerKey: service,
    issuerCert: issuer,
    notBefore: birth,
    notAfter: birth + 90 * day,
    serial: Uint8Array.of(serial),
  });
}

/** One entry with what made it. */
export interface SampleEntry extends SealedEntry {
  readonly view: number;
  readonly seqno: number;
  readonly writeSet: WriteSet;
}

/** A service of one node that writes its ledger into memory: small, whole, and for tests only. */
export class SampleService {
  readonly keys: SampleKeys;
  readonly serviceCert: Certificate;
  readonly nodeCert: Certificate;
  readonly secrets = new LedgerSecrets();
  readonly history = new History();
  readonly views = new ViewHistory();
  readonly store = new Store();
  readonly entries: SampleEntry[] = [];
  view = 2;
  #lastSignature = 0;

  constructor(keys: SampleKeys = sampleKeys()) {
    this.keys = keys;
    this.serviceCert = serviceCertificate(keys.service);
    this.nodeCert = nodeCertificate(keys.node, keys.service, this.serviceCert);
    this.secrets.add(0, keys.secret);
  }

  get nodeId(): string {
    return this.keys.node.publicKey.id;
  }

  /** The first entries of every service: one trusted node, a service that opens. */
  open(): this {
    const node = JSON.stringify({ status: 'Trusted', node_data: null, retired_committed: false });
    this.write(
      new Map([
        [tables.nodesInfo, new Map([[this.nodeId, node]])],
        [tables.nodesEndorsedCertificates, new Map([[this.nodeId, this.nodeCert.pem]])],
        [tables.serviceInfo, new Map([[singletonKey, this.#serviceInfo('Opening')]])],
      ]),
    );
    this.sign();
    this.write(new Map([[tables.serviceInfo, new Map([[singletonKey, this.#serviceInfo('Open')]])]]));
    return this;
  }

  #serviceInfo(status: string): string {
    return JSON.stringify({ cert: this.serviceCert.pem, status, service_data: null });
  }

  /** Appends an entry of any write set. */
  write(writeSet: WriteSet, claimsDigest: ByteString = noClaims): SampleEntry {
    const seqno = this.history.size;
    const sealed = encodeEntry({ view: this.view, seqno, writeSet, claimsDigest }, this.secrets);
    const entry = { ...sealed, view: this.view, seqno, writeSet };
    this.views.begin(this.view, seqno);
    this.store.apply(seqno, writeSet);
    this.history.append(entry.leaf);
    this.entries.push(entry);
    return entry;
  }

  /** Appends a signature over everything before it. */
  sign(): SampleEntry {
    const seqno = this.history.size;
    const writeSet = buildSignature({
      view: this.view,
      seqno,
      history: this.history,
      nodeKey: this.keys.node,
      nodeId: this.nodeId,
      nodeCert: this.nodeCert.pem,
      serviceKey: this.keys.service,
      cose: { issuer: 'service.example.com', subject: 'ledger.signature' },
      nowSeconds: birth / 1000 + seqno,
      commit: { view: this.view, seqno: this.#lastSignature },
      treeFrom: this.#lastSignature,
    });
    this.#lastSignature = seqno;
    return this.write(writeSet);
  }

  /** Appends a private write whose claim is the value. */
  record(key: ByteString, value: ByteString): SampleEntry {
    return this.write(new Map([['records', new Map([[key, value]])]]), sha256ByteString(value));
  }

  entry(seqno: number): SampleEntry {
    return this.entries[seqno - 1]!;
  }

  /** The signature entry that covers a seqno. */
  signatureAfter(seqno: number): SampleEntry {
    return this.entries.find((entry) => entry.seqno > seqno && entry.writeSet.has(tables.signatures))!;
  }

  receipt(seqno: number): Receipt {
    const signatureEntry = this.signatureAfter(seqno);
    const value = signatureEntry.writeSet.get(tables.signatures)!.get(singletonKey)!;
    const signature = { ...parseRootSignature(value), nodeCert: this.nodeCert.pem };
    return buildReceipt(signature, this.entry(seqno), this.history.proof(seqno, signatureEntry.seqno));
  }
}
