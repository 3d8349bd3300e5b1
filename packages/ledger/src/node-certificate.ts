import { type Certificate, parseCertificate, verifyIssuedBy } from '@coco/crypto';
import { inStep, LedgerError } from './errors.ts';
import { nodeCertificatesRemembered } from './limits.ts';

/** A node certificate, the node it must be of, and what leads from it to the trusted service certificate. */
export interface NodeCertificateCheck {
  readonly nodeId: string;
  readonly cert: string;
  /** From the certificate that issued `cert` on; each but the last is issued by the next. */
  readonly endorsements: readonly string[];
  /** PEM of the service certificate one trusts; it issued the last of the others. */
  readonly serviceCert: string;
}

/**
 * Verifies that the certificate is the node's own and that the service issued it, directly or through its
 * earlier identities. Dates are not looked at. Answers the parsed certificate. Throws naming the step.
 *
 * Nearly all receipts of a service carry one of a few certificates, and parsing them costs more than all the
 * rest of a verification: those that verified are remembered.
 */
export function verifyNodeCertificate(check: NodeCertificateCheck): Certificate {
  const { nodeId, serviceCert, cert, endorsements } = check;
  const key = JSON.stringify([nodeId, serviceCert, cert, ...endorsements]);
  let certificate = verified.get(key);
  if (certificate === undefined) {
    certificate = verifyAnew(check);
    if (verified.size >= nodeCertificatesRemembered) verified.clear();
    verified.set(key, certificate);
  }
  return certificate;
}

const verified = new Map<string, Certificate>();

function verifyAnew(check: NodeCertificateCheck): Certificate {
  const node = parseExact(check.cert, 'node certificate');
  if (node.publicKey.id !== check.nodeId) {
    const message = 'the node ID is not the digest of the certified key';
    throw new LedgerError('VerificationFailed', message, { step: 'node' });
  }
  const service = inStep('service-key', 'trusted service certificate', () =>
    parseCertificate(check.serviceCert),
  );
  let subject = node;
  for (const [i, pem] of check.endorsements.entries()) {
    const issuer = parseExact(pem, `service endorsement ${i}`);
    verifyStep(subject, issuer, i);
    subject = issuer;
  }
  verifyStep(subject, service, check.endorsements.length);
  return node;
}

function verifyStep(subject: Certificate, issuer: Certificate, depth: number): void {
  const step = depth === 0 ? 'node-certificate' : 'service-endorsement';
  const what = depth === 0 ? 'node certificate' : `service endorsement ${depth - 1}`;
  // This also refuses an issuer that is no authority: otherwise any node could vouch for others.
  inStep(step, what, () => verifyIssuedBy(subject, issuer));
}

/** Parses PEM and insists on the one spelling of it (line ends apart), so that no change goes unseen. */
function parseExact(pem: string, what: string): Certificate {
  const certificate = inStep('shape', what, () => parseCertificate(pem));
  const lines = pem.replaceAll('\r\n', '\n').replace(/\n+$/, '');
  const { der, raw } = certificate;
  // The signature ends the DER; the byte before counts its unused bits, and verification passes over it.
  const unusedBits = der[der.length - raw.asn.signatureValue.byteLength - 1];
  if (unusedBits !== 0 || lines !== certificate.pem.replace(/\n+$/, '')) {
    throw new LedgerError('MalformedReceipt', `${what} is not in canonical form`, { step: 'shape' });
  }
  return certificate;
}
