import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import {
  type Curve,
  decodePem,
  generateKeyPair,
  importPrivateKey,
  importPublicKey,
  issueCertificate,
  parseCertificate,
} from '@coco/crypto';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { CliError } from '../errors.ts';
import { readText, writeFile } from '../files.ts';
import { facts } from '../text.ts';

/** The names of curves people use, each with its own. */
const curves: ReadonlyMap<string, Curve> = new Map<string, Curve>([
  ['p-256', 'P-256'],
  ['secp256r1', 'P-256'],
  ['p-384', 'P-384'],
  ['secp384r1', 'P-384'],
  ['p-521', 'P-521'],
  ['secp521r1', 'P-521'],
]);
const dayMs = 86_400_000;

/** `coco key`: keys of members and users. */
export const key: Noun = {
  verbs: [
    {
      name: 'generate',
      arguments: '<name>',
      summary: 'Make NAME_cert.pem and NAME_privk.pem; with --encryption also NAME_enc_(pubk|privk).pem',
      example: 'key generate member0 --encryption --directory keys',
      options: [
        { flags: '--directory <dir>', summary: 'where to write', default: '.' },
        { flags: '--encryption', summary: 'also an RSA key for the recovery share of a member' },
        { flags: '--curve <name>', summary: 'P-256, P-384 or P-521', default: 'P-256' },
        { flags: '--days <days>', summary: 'validity of the certificate', default: '365' },
      ],
      run: generate,
    },
    {
      name: 'id',
      arguments: '<pem>',
      summary: 'The id of a member or user (certificate), or of a node (public or private key)',
      example: 'key id member0_cert.pem',
      run: async (input, io) => {
        const id = identify(readText(io, input.argument(0)), input.argument(0));
        return { ok: true, json: id, text: id.id };
      },
    },
  ],
};

async function generate(input: Input, io: Io): Promise<Outcome> {
  const name = input.argument(0);
  const curve = curves.get((input.text('curve') ?? '').toLowerCase());
  if (curve === undefined) throw new CliError('Usage', `--curve takes P-256, P-384 or P-521`);
  const days = input.whole('days') ?? 365;
  const made = identity(name, curve, days, Date.now());
  const write = (suffix: string, content: string, secret: boolean) => {
    const file = join(input.text('directory') ?? '.', `${name}_${suffix}.pem`);
    writeFile(io, file, content, { secret, replace: false });
    return file;
  };
  const files = [write('privk', made.privateKey, true), write('cert', made.certificate, false)];
  if (input.flag('encryption')) {
    const encryption = encryptionKey();
    files.push(
      write('enc_privk', encryption.privateKey, true),
      write('enc_pubk', encryption.publicKey, false),
    );
  }
  return {
    ok: true,
    json: { id: made.id, files },
    text: facts([['id', made.id], ...files.map((file): [string, string] => ['wrote', file])]),
  };
}

/** A new key with its self-signed certificate, as members and users have them. */
export function identity(
  name: string,
  curve: Curve,
  days: number,
  now: number,
): { readonly id: string; readonly certificate: string; readonly privateKey: string } {
  const privateKey = generateKeyPair(curve);
  const certificate = issueCertificate({
    subject: `CN=${name}`,
    publicKey: privateKey.publicKey,
    issuerKey: privateKey,
    issuerCert: 'self',
    // Clocks differ: a certificate that is not valid yet elsewhere would be refused.
    notBefore: now - 60_000,
    notAfter: now + days * dayMs,
    serial: new Uint8Array(randomBytes(16)),
  });
  return { id: certificate.id, certificate: certificate.pem, privateKey: privateKey.exportPem() };
}

/** A new RSA key to which a recovery share is encrypted. */
export function encryptionKey(): { readonly publicKey: string; readonly privateKey: string } {
  const privateKey = generateKeyPair({ kind: 'RSA', bits: 2048 });
  return { publicKey: privateKey.publicKey.pem, privateKey: privateKey.exportPem() };
}

function identify(pem: string, file: string): { readonly kind: string; readonly id: string } {
  const label = decodePem(pem)[0]?.label ?? '';
  if (label === 'CERTIFICATE') return { kind: 'certificate', id: parseCertificate(pem).id };
  if (label === 'PUBLIC KEY') return { kind: 'public key', id: importPublicKey(pem).id };
  if (label.endsWith('PRIVATE KEY')) return { kind: 'private key', id: importPrivateKey(pem).publicKey.id };
  throw new CliError('Failed', `${file} holds neither a certificate nor a key`);
}
