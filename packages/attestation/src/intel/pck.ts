import type { Certificate } from '@coco/crypto';
import { contentOf, type DerElement, derTag, oidOf, readDer, sequenceOf, smallInteger } from '../der.ts';
import { insist, refuse } from '../errors.ts';

/** What Intel writes into the certificate of a platform's provisioning key. */
export interface PckIdentity {
  /** Protected platform id, hexadecimal. */
  readonly ppid: string;
  /** Versions of the sixteen components of the platform. */
  readonly components: readonly number[];
  readonly pceSvn: number;
  readonly pceId: string;
  /** Family, model, stepping, platform and custom SKU: which TCB info applies. */
  readonly fmspc: string;
  readonly platformInstanceId: string | undefined;
}

const root = '1.2.840.113741.1.13.1';
const componentCount = 16;
/** Versions are bytes in fact, but Intel's encoding and its sample data allow two. */
const svnMax = 0xffff;

/** Reads Intel's extension (Intel "SGX PCK certificate and CRL profile", 1.3.5). */
export function readPckIdentity(certificate: Certificate): PckIdentity {
  const extension = certificate.extensions.get(root);
  if (extension === undefined) refuse('the PCK certificate has no SGX extension');
  const fields = fieldsOf(readDer(extension.value, 'SGX extension'), 'SGX extension');
  const bytes = (oid: string, length: number): string => {
    const content = contentOf(fields.get(`${root}.${oid}`), derTag.octetString, `SGX extension ${oid}`);
    insist(content.length === length, `SGX extension ${oid} has ${content.length} bytes, not ${length}`);
    return content.toHex();
  };
  const tcb = fields.get(`${root}.2`);
  if (tcb === undefined) refuse('the SGX extension has no TCB');
  const parts = fieldsOf(tcb, 'SGX TCB');
  const svn = (number: number): number => {
    const element = parts.get(`${root}.2.${number}`);
    if (element === undefined) refuse(`the SGX TCB has no part ${number}`);
    return smallInteger(element, svnMax, `SGX TCB part ${number}`);
  };
  return {
    ppid: bytes('1', 16),
    components: Array.from({ length: componentCount }, (_, index) => svn(index + 1)),
    pceSvn: svn(componentCount + 1),
    pceId: bytes('3', 2),
    fmspc: bytes('4', 6),
    platformInstanceId: fields.has(`${root}.6`) ? bytes('6', 16) : undefined,
  };
}

/** A sequence of pairs of identifier and value. */
function fieldsOf(element: DerElement, what: string): Map<string, DerElement> {
  const fields = new Map<string, DerElement>();
  for (const pair of sequenceOf(element, what)) {
    const [key, value, ...more] = sequenceOf(pair, what);
    const oid = oidOf(key, what);
    insist(value !== undefined && more.length === 0, `${what} has a field that is no pair`);
    insist(!fields.has(oid), `${what} has ${oid} twice`);
    fields.set(oid, value);
  }
  return fields;
}
