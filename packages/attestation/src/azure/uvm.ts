import { CborTag, coseLabel, parseCertificate, parseSign1, type Sign1, verifySign1 } from '@coco/crypto';
import { checkDates, verifyPath } from '../certificate-path.ts';
import type { Checklist } from '../checklist.ts';
import { insist, refuse } from '../errors.ts';
import { type JsonObject, parseJsonObject, textAt } from '../json.ts';
import { certificatesMax, clockSkewMsMax } from '../limits.ts';
import type { UvmEndorser } from '../trust.ts';
import { resolveDidX509 } from './did-x509.ts';

/** What the maker of Azure's utility machine says about one build of it. */
export interface UvmEndorsement {
  readonly did: string;
  readonly feed: string;
  readonly svn: number;
  /** Launch digest, hexadecimal. */
  readonly measurement: string;
}

const did = 'did:x509:0:sha256:I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s';

/** The endorsers Azure uses, with the least versions it recommends: container instances, and Kubernetes. */
export const azureUvmEndorsers: readonly UvmEndorser[] = [
  { did: `${did}::eku:1.3.6.1.4.1.311.76.59.1.2`, feed: 'ContainerPlat-AMD-UVM', svn: 100 },
  { did: `${did}::eku:1.3.6.1.4.1.311.76.59.1.5`, feed: 'ConfAKS-AMD-UVM', svn: 1 },
];

/** RSA-PSS and ECDSA; the files in the field are PS384. */
const algorithms: readonly unknown[] = [-7, -35, -36, -37, -38, -39];

/**
 * Verifies an endorsement: the chain it carries leads to the authority its DID names, and the leaf signed it.
 * The chain must have been valid when it signed; an endorsement stays good when the leaf has expired.
 */
export function verifyUvmEndorsement(checks: Checklist, bytes: Uint8Array, now: number): UvmEndorsement {
  const message = checks.run('uvm-content', () => parseSign1(bytes));
  const leaf = checks.run('uvm-chain', () => {
    const chain = chainOf(message).map((der) => parseCertificate(der));
    const names = { root: 'uvm-chain', chain: 'uvm-chain' } as const;
    // The DID below says which authority the chain must contain: its last certificate needs no other pin.
    const roots = [chain.at(-1)!.publicKey.id];
    verifyPath(checks, chain, { roots, selfSignedRoot: true, names });
    const signedAt = signingTime(message);
    insist(signedAt <= now + clockSkewMsMax, 'the endorsement is signed in the future');
    for (const certificate of chain) checkDates(certificate, signedAt);
    return resolveDidX509(textHeader(message, 'iss'), chain);
  });
  checks.run('uvm-signature', () => {
    const alg = message.protected.get(coseLabel.alg);
    insist(algorithms.includes(alg), `COSE algorithm ${String(alg)} is not accepted`);
    verifySign1(message, leaf.publicKey);
  });
  return checks.run('uvm-content', () => {
    const type = message.protected.get(coseLabel.contentType);
    insist(type === 'application/json', `content type ${String(type)} is not application/json`);
    const text = new TextDecoder().decode(message.payload ?? undefined);
    const payload = parseJsonObject(text, 'endorsement');
    const measurement = textAt(payload, 'x-ms-sevsnpvm-launchmeasurement', 'endorsement').toLowerCase();
    return {
      did: textHeader(message, 'iss'),
      feed: textHeader(message, 'feed'),
      svn: svnOf(payload),
      measurement,
    };
  });
}

/** Insists that somebody trusted endorses, and the version reaches what is asked of them. */
export function checkUvmEndorsement(
  checks: Checklist,
  { did, feed, svn }: UvmEndorsement,
  endorsers: readonly UvmEndorser[],
): void {
  const endorser = endorsers.find((one) => one.did === did && one.feed === feed);
  if (endorser === undefined) refuse(`${did} is not trusted for ${feed}`);
  checks.run('uvm-svn', () =>
    insist(svn >= endorser.svn, `the security version is ${svn}, below ${endorser.svn}`),
  );
}

function chainOf(message: Sign1): readonly Uint8Array[] {
  const chain = message.protected.get(coseLabel.x5chain);
  const list = Array.isArray(chain) ? chain : [chain];
  insist(
    list.length <= certificatesMax && list.every((der) => der instanceof Uint8Array),
    'the endorsement carries no chain of certificates',
  );
  return list as readonly Uint8Array[];
}

function textHeader(message: Sign1, label: string): string {
  const value = message.protected.get(label);
  insist(typeof value === 'string', `the endorsement has no header "${label}"`);
  return value;
}

/** Milliseconds since 1970. The header is a CBOR time: tag 1 over seconds. */
function signingTime(message: Sign1): number {
  const value = message.protected.get('signingtime');
  const seconds = value instanceof CborTag && value.tag === 1 ? value.value : undefined;
  insist(
    typeof seconds === 'number' && Number.isFinite(seconds),
    'the endorsement does not say when it was signed',
  );
  return seconds * 1000;
}

/** Older endorsements write the version as text. */
function svnOf(payload: JsonObject): number {
  const svn = payload['x-ms-sevsnpvm-guestsvn'];
  const text = typeof svn === 'number' ? String(svn) : svn;
  insist(
    typeof text === 'string' && /^(0|[1-9][0-9]{0,8})$/.test(text),
    'the endorsement has no security version',
  );
  return Number(text);
}
