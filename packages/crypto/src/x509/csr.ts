import { Attributes, CertificationRequest, CertificationRequestInfo } from '@peculiar/asn1-csr';
import {
  Attribute,
  Extensions,
  id_ce_subjectAltName,
  Name,
  SubjectAlternativeName,
  SubjectPublicKeyInfo,
} from '@peculiar/asn1-x509';
import { derChildren, parseDer, serializeDer } from '../der.ts';
import { orMalformed } from '../errors.ts';
import { importPublicKey, type PrivateKey, type PublicKey } from '../keys.ts';
import { encodePem, singlePem } from '../pem.ts';
import { algorithmOf, signDer, verifyDer } from './algorithm.ts';
import { type SubjectAltName, subjectAltNames } from './certificate.ts';
import { subjectAltNameExtension } from './issue.ts';
import { decodeName, encodeName } from './name.ts';

/** PKCS#9 extensionRequest (RFC 2985, 5.4.2): extensions the requester would like. */
const id_extensionRequest = '1.2.840.113549.1.9.14';

/** A parsed certificate signing request (PKCS#10). Parsing proves form only: see `verifyCsr`. */
export interface Csr {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly publicKey: PublicKey;
  readonly subject: string;
  readonly subjectAltNames: readonly SubjectAltName[];
  readonly raw: { readonly asn: CertificationRequest; readonly info: Uint8Array };
}

/** Makes a request signed by the key it is for. */
export function createCsr(request: {
  readonly subject: string;
  readonly key: PrivateKey;
  readonly subjectAltNames?: readonly SubjectAltName[];
}): Csr {
  const { identifier, scheme } = algorithmOf(request.key.publicKey);
  const names = request.subjectAltNames ?? [];
  const wished = new Extensions(names.length > 0 ? [subjectAltNameExtension(names)] : []);
  const attribute = new Attribute({ type: id_extensionRequest, values: [serializeDer(wished).buffer] });
  const info = new CertificationRequestInfo({
    subject: parseDer(encodeName(request.subject), Name, 'MalformedCsr', 'subject name'),
    subjectPKInfo: parseDer(request.key.publicKey.spki, SubjectPublicKeyInfo, 'InvalidKey', 'public key'),
    attributes: new Attributes(names.length > 0 ? [attribute] : []),
  });
  const signature = signDer(request.key, scheme, serializeDer(info));
  return parseCsr(
    serializeDer(
      new CertificationRequest({
        certificationRequestInfo: info,
        signatureAlgorithm: identifier,
        signature: new Uint8Array(signature).buffer,
      }),
    ),
  );
}

/** Parses a request: PEM `CERTIFICATE REQUEST`, or DER. Throws `MalformedCsr`, or the error of its key. */
export function parseCsr(pemOrDer: string | Uint8Array): Csr {
  const der =
    typeof pemOrDer === 'string'
      ? singlePem(pemOrDer, 'CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST').der
      : pemOrDer;
  const asn = parseDer(der, CertificationRequest, 'MalformedCsr', 'certificate signing request');
  return orMalformed('MalformedCsr', 'certificate signing request holds a part that cannot be read', () => {
    const [info] = derChildren(der);
    const [, subject, spki] = derChildren(info!);
    return {
      der,
      pem: encodePem('CERTIFICATE REQUEST', der),
      publicKey: importPublicKey(spki!),
      subject: decodeName(subject!),
      subjectAltNames: requestedNames(asn),
      raw: { asn, info: info! },
    };
  });
}

/** Proves that the requester holds the key, and returns the request. Throws the signature's error. */
export function verifyCsr(csr: Csr): Csr {
  const { signatureAlgorithm, signature } = csr.raw.asn;
  verifyDer(csr.publicKey, signatureAlgorithm, new Uint8Array(signature), csr.raw.info);
  return csr;
}

function requestedNames(asn: CertificationRequest): SubjectAltName[] {
  for (const { type, values } of asn.certificationRequestInfo.attributes ?? []) {
    if (type !== id_extensionRequest || values[0] === undefined) continue;
    const wished = parseDer(new Uint8Array(values[0]), Extensions, 'MalformedCsr', 'requested extensions');
    for (const { extnID, extnValue } of wished) {
      if (extnID !== id_ce_subjectAltName) continue;
      const der = new Uint8Array(extnValue.buffer);
      return subjectAltNames(parseDer(der, SubjectAlternativeName, 'MalformedCsr', 'requested names'));
    }
  }
  return [];
}
