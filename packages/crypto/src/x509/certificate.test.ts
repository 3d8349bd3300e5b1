import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { concatBytes, toHex } from '../encoding.ts';
import { generateKeyPair, type PrivateKey } from '../keys.ts';
import { encodePem } from '../pem.ts';
import {
  type Certificate,
  parseCertificate,
  publicKeyOf,
  splitPemBundle,
  verifyIssuedBy,
} from './certificate.ts';
import { verifyChain } from './chain.ts';
import { type CertificateRequest, issueCertificate } from './issue.ts';

const now = Date.UTC(2026, 10, 23, 12, 30, 15);
const day = 24 * 60 * 60 * 1000;
let serials = 1;

function issue(
  subject: string,
  key: PrivateKey,
  issuer: { cert: Certificate; key: PrivateKey } | 'self',
  options: Partial<CertificateRequest> = {},
): Certificate {
  serials += 1;
  return issueCertificate({
    subject,
    publicKey: key.publicKey,
    issuerKey: issuer === 'self' ? key : issuer.key,
    issuerCert: issuer === 'self' ? 'self' : issuer.cert,
    notBefore: now,
    notAfter: now + day,
    serial: Uint8Array.of(serials, 2, 3),
    ...options,
  });
}

const serviceKey = generateKeyPair('P-384');
const service = issue('CN=CCF Service', serviceKey, 'self', { isCa: true });
const nodeKey = generateKeyPair('P-256');
const node = issue(
  'CN=CCF Node',
  nodeKey,
  { cert: service, key: serviceKey },
  {
    subjectAltNames: [{ ip: '127.0.0.1' }, { ip: '2001:db8::7' }, { dns: 'node.example' }],
  },
);

describe('an issued certificate', () => {
  test('says what was asked for', () => {
    assert.equal(node.subject, 'CN=CCF Node');
    assert.equal(node.issuer, 'CN=CCF Service');
    assert.equal(node.publicKey.id, nodeKey.publicKey.id);
    assert.deepEqual([node.notBefore, node.notAfter], [now, now + day]);
    assert.deepEqual([node.isCa, service.isCa, service.pathLength], [false, true, 1]);
    assert.deepEqual(node.subjectAltNames, [
      { ip: '127.0.0.1' },
      { ip: '2001:db8::7' },
      { dns: 'node.example' },
    ]);
  });

  test('is what OpenSSL takes it for', () => {
    const [native, issuer] = [new X509Certificate(node.pem), new X509Certificate(service.pem)];
    assert.equal(native.checkIssued(issuer), true);
    assert.equal(native.verify(issuer.publicKey), true);
    assert.equal(native.ca, false);
    assert.equal(issuer.ca, true);
    assert.equal(native.subject, 'CN=CCF Node');
    assert.equal(native.checkHost('node.example'), 'node.example');
    assert.equal(native.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(native.checkIP('2001:db8::7'), '2001:db8::7');
    assert.equal(Date.parse(native.validFrom), now);
    assert.equal(Date.parse(native.validTo), now + day);
    assert.equal(native.fingerprint256.replaceAll(':', '').toLowerCase(), node.id);
    assert.equal(native.serialNumber.toLowerCase(), node.serial);
    assert.equal(native.toString().trim(), node.pem.trim());
  });

  test('comes back from PEM and DER the same', () => {
    for (const again of [parseCertificate(node.pem), parseCertificate(node.der)]) {
      assert.equal(again.id, node.id);
      assert.equal(again.pem, node.pem);
    }
  });

  for (const [notAfter, length] of [
    [Date.UTC(2049, 11, 31, 23, 59, 59), 13],
    [Date.UTC(2050, 0, 1), 15],
  ] as const) {
    test(`writes a year up to 2049 in two digits and later ones in four: ${length} characters`, () => {
      const certificate = issue('CN=x', nodeKey, 'self', { notAfter });
      assert.equal(certificate.notAfter, notAfter);
      assert.equal(Date.parse(new X509Certificate(certificate.pem).validTo), notAfter);
      const text = new Date(notAfter)
        .toISOString()
        .replace(/[-:T]|\.000/g, '')
        .slice(-length);
      assert.ok(
        Buffer.from(certificate.der).includes(
          Buffer.from([length === 13 ? 0x17 : 0x18, length, ...Buffer.from(text)]),
        ),
      );
    });
  }

  test('may begin with time itself', () => {
    assert.equal(issue('CN=x', nodeKey, 'self', { notBefore: 0 }).notBefore, 0);
  });

  test('drops fractions of a second', () => {
    assert.equal(issue('CN=x', nodeKey, 'self', { notBefore: now + 999 }).notBefore, now);
  });

  for (const [given, written] of [
    [[0xff, 1], '7f01'],
    [[0, 0x80], '0080'],
    [[0, 0, 5], '05'],
    [new Array<number>(20).fill(0xff), `7f${'ff'.repeat(19)}`],
  ] as const) {
    test(`has a positive serial number in shortest form: ${written}`, () => {
      const certificate = issue('CN=x', nodeKey, 'self', { serial: Uint8Array.from(given) });
      assert.equal(certificate.serial, written);
    });
  }

  for (const kind of ['P-256', 'P-384', 'P-521', 'Ed25519'] as const) {
    test(`may be for and by a ${kind} key`, () => {
      const key = generateKeyPair(kind === 'Ed25519' ? { kind } : kind);
      const ca = issue('CN=ca', key, 'self', { isCa: true });
      const leaf = issue('CN=leaf', key, { cert: ca, key });
      assert.equal(new X509Certificate(leaf.pem).verify(new X509Certificate(ca.pem).publicKey), true);
    });
  }

  test('cannot be asked for without sense', () => {
    const invalid = { name: 'CryptoError', code: 'InvalidArgument' };
    assert.throws(() => issue('CN=x', nodeKey, 'self', { serial: new Uint8Array(0) }), invalid);
    assert.throws(() => issue('CN=x', nodeKey, 'self', { serial: new Uint8Array(8) }), invalid);
    assert.throws(() => issue('CN=x', nodeKey, 'self', { serial: new Uint8Array(21).fill(1) }), invalid);
    assert.throws(() => issue('CN=x', nodeKey, 'self', { notAfter: now - 1000 }), invalid);
    for (const dates of [
      { notAfter: Number.NaN },
      { notBefore: -1 },
      { notAfter: Number.MAX_SAFE_INTEGER },
    ]) {
      assert.throws(() => issue('CN=x', nodeKey, 'self', dates), invalid);
    }
    assert.throws(() => issue('', nodeKey, 'self'), invalid);
    assert.throws(() => issue('x', nodeKey, 'self'), invalid);
    assert.throws(() => issue('CN=x', nodeKey, 'self', { subjectAltNames: [{ ip: 'localhost' }] }), invalid);
    assert.throws(() => issue('CN=x', nodeKey, { cert: service, key: nodeKey }), { code: 'InvalidKey' });
    assert.throws(() => issue('CN=x', nodeKey, 'self', { issuerKey: serviceKey }), { code: 'InvalidKey' });
  });
});

test('names keep their commas', () => {
  const name = 'CN=a\\, b,OU=c,O=d,L=e,ST=f,C=GB';
  const certificate = issue(name, nodeKey, 'self');
  assert.equal(certificate.subject, name);
  assert.equal(new X509Certificate(certificate.pem).subject, 'CN=a\\, b\nOU=c\nO=d\nL=e\nST=f\nC=GB');
});

describe('issued by', () => {
  test('the issuer is recognised', () => {
    assert.equal(verifyIssuedBy(node, service), node);
    assert.equal(verifyIssuedBy(service, service), service);
    const member = issue('CN=member', nodeKey, 'self');
    assert.equal(verifyIssuedBy(member, member), member);
  });

  test('another issuer of the same name is not', () => {
    const otherKey = generateKeyPair('P-384');
    const other = issue('CN=CCF Service', otherKey, 'self', { isCa: true });
    assert.throws(() => verifyIssuedBy(node, other), { code: 'SignatureInvalid' });
    const smaller = issue('CN=CCF Service', nodeKey, 'self', { isCa: true });
    assert.throws(() => verifyIssuedBy(node, smaller), { name: 'CryptoError' });
  });

  test('the same key under another name is not', () => {
    const renamed = issue('CN=Other Service', serviceKey, 'self', { isCa: true });
    assert.throws(() => verifyIssuedBy(node, renamed), { code: 'NotIssuedBy' });
  });

  test('a certificate that is no CA issues nothing', () => {
    const notCa = issue('CN=CCF Service', serviceKey, 'self');
    assert.throws(() => verifyIssuedBy(node, notCa), { code: 'NotIssuedBy' });
    const byNode = issue('CN=x', nodeKey, 'self');
    assert.throws(() => verifyIssuedBy(byNode, node), { code: 'NotIssuedBy' });
  });

  test('a changed byte is noticed, wherever it is', () => {
    // Behind the outer header every bit is either signed or signature.
    for (let at = 4; at < node.der.length; at += 11) {
      assert.throws(() => verifyIssuedBy(parseCertificate(node.der.with(at, node.der[at]! ^ 1)), service), {
        name: 'CryptoError',
      });
    }
  });
});

test('bytes behind or around a certificate are refused', () => {
  const malformed = { name: 'CryptoError', code: /^Malformed(Certificate|Der)$/ };
  assert.throws(() => parseCertificate(concatBytes(node.der, Uint8Array.of(0))), malformed);
  assert.throws(() => parseCertificate(node.der.subarray(1)), malformed);
  assert.throws(() => parseCertificate(encodePem('PUBLIC KEY', node.der)), { code: 'InvalidEncoding' });
  assert.throws(() => parseCertificate(node.pem + node.pem), { code: 'InvalidEncoding' });
});

test('a bundle is split in order, and holds nothing but certificates', () => {
  assert.deepEqual(
    splitPemBundle(`text\n${node.pem}\n${service.pem}`).map(({ id }) => id),
    [node.id, service.id],
  );
  assert.throws(() => splitPemBundle(node.pem + nodeKey.publicKey.pem), { code: 'MalformedCertificate' });
  assert.throws(() => splitPemBundle(''), { code: 'InvalidEncoding' });
});

test('a key is found in a public key and in a certificate', () => {
  assert.equal(publicKeyOf(node.pem).id, nodeKey.publicKey.id);
  assert.equal(publicKeyOf(nodeKey.publicKey.pem).id, nodeKey.publicKey.id);
  assert.throws(() => publicKeyOf(nodeKey.exportPem()), { code: 'InvalidEncoding' });
});

describe('a chain', () => {
  const rootKey = generateKeyPair('P-256');
  const root = issue('CN=root', rootKey, 'self', { isCa: true });
  const intermediate = issue('CN=between', serviceKey, { cert: root, key: rootKey }, { isCa: true });
  const leaf = issue('CN=leaf', nodeKey, { cert: intermediate, key: serviceKey });
  const ids = (path: Certificate[]) => path.map(({ subject }) => subject);
  const untrusted = { name: 'CryptoError', code: 'NotTrusted' };

  test('leads from its first certificate to a trusted one', () => {
    const whole = ['CN=leaf', 'CN=between', 'CN=root'];
    assert.deepEqual(ids(verifyChain([leaf, intermediate], [root])), whole);
    assert.deepEqual(ids(verifyChain([leaf, intermediate, root], [service, root])), whole);
    assert.deepEqual(ids(verifyChain([leaf, service, root, intermediate], [root])), whole);
    assert.deepEqual(ids(verifyChain([leaf], [intermediate])), whole.slice(0, 2));
    assert.deepEqual(ids(verifyChain([leaf], [leaf])), ['CN=leaf']);
  });

  test('without a link, or a trusted end, or anything at all, is refused', () => {
    assert.throws(() => verifyChain([leaf], [root]), untrusted);
    assert.throws(() => verifyChain([leaf, intermediate, root], [service]), untrusted);
    assert.throws(() => verifyChain([leaf, intermediate], []), untrusted);
    assert.throws(() => verifyChain([], [root]), untrusted);
    assert.throws(() => verifyChain(new Array<Certificate>(17).fill(root), [service]), untrusted);
  });

  test('with a self-signed stranger at its end is refused', () => {
    const stranger = issue('CN=root', generateKeyPair('P-256'), 'self', { isCa: true });
    assert.throws(() => verifyChain([leaf, intermediate, stranger], [root].slice(1)), untrusted);
    assert.deepEqual(ids(verifyChain([leaf, intermediate, stranger], [root])).length, 3);
  });

  test('may not be longer below a CA than the CA allows', () => {
    const deeperKey = generateKeyPair('P-256');
    const deeper = issue('CN=deeper', deeperKey, { cert: intermediate, key: serviceKey }, { isCa: true });
    const last = issue('CN=last', nodeKey, { cert: deeper, key: deeperKey });
    // root allows one CA below it; there are two.
    assert.throws(() => verifyChain([last, deeper, intermediate], [root]), untrusted);
    assert.equal(verifyChain([last, deeper], [intermediate]).length, 3);
  });
});

test('identifiers are SHA-256 in hexadecimal', () => {
  assert.equal(node.id, new X509Certificate(node.pem).fingerprint256.replaceAll(':', '').toLowerCase());
  assert.equal(toHex(node.der).length, node.der.length * 2);
});
