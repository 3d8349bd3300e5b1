import { fetchReceipt, fetchStanding, formatName, parseName } from '@coco/client';
import { type ByteString, fromHex, publicKeyOf, sha256ByteString } from '@coco/crypto';
import {
  formatTxId,
  parseTxId,
  type VerifiedStanding,
  type VerifyReceiptOptions,
  verifyCoseReceipt,
  verifyReceipt,
  verifyStanding,
} from '@coco/ledger';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { connectionOptions, withSession } from '../connection.ts';
import { CliError } from '../errors.ts';
import { readBytes, readCertificate, writeFile } from '../files.ts';
import { hexOf } from '../ledger/show.ts';
import { profileOf } from '../profiles.ts';
import { facts } from '../text.ts';
import { disclosureVerbs } from './disclosure.ts';

/** `coco receipt`: proofs that a transaction is in the ledger. */
export const receipt: Noun = {
  verbs: [
    {
      name: 'get',
      arguments: '<transaction>',
      summary: 'Fetch the receipt of a committed transaction, and verify it',
      example: 'receipt get 2.35 --out receipt.json',
      options: [
        { flags: '--out <file>', summary: 'write it here' },
        { flags: '--wait <seconds>', summary: 'how long to wait', default: '10' },
        ...connectionOptions,
      ],
      run: fetchOne,
    },
    {
      name: 'standing',
      arguments: '<transaction>',
      summary: 'Fetch the proof of whether a transaction is undone, and verify it',
      example: 'receipt standing 2.35 --out standing.json',
      options: [{ flags: '--out <file>', summary: 'write the proof here' }, ...connectionOptions],
      run: fetchStandingOf,
    },
    {
      name: 'verify',
      arguments: '<file>',
      summary: 'Verify a receipt, JSON or COSE, or a proof of standing, without any service',
      example: 'receipt verify receipt.json --service-cert service_cert.pem --claims claim.bin',
      options: [
        { flags: '--service-cert <pem>', summary: 'the service certificate' },
        {
          flags: '--claims <file>',
          summary: 'what the contract claimed: its SHA-256 must be in the receipt',
        },
        { flags: '--claims-digest <hex>', summary: 'the same, as the digest itself' },
        { flags: '--txid <txid>', summary: 'the transaction it must be of' },
        { flags: '--profile <name>', summary: 'take the service certificate from this profile' },
      ],
      run: verifyOne,
    },
    ...disclosureVerbs,
  ],
};

async function fetchOne(input: Input, io: Io): Promise<Outcome> {
  const name = parseName(input.argument(0));
  const options = { waitMs: (input.whole('wait') ?? 10) * 1000 };
  const checked = await withSession(input, io, (session) => fetchReceipt(session, name, options));
  const text = `${JSON.stringify(checked.receipt, null, 2)}\n`;
  const out = input.text('out');
  if (out === undefined) return { ok: true, json: checked.receipt, text };
  writeFile(io, out, text);
  return { ok: true, json: checked.receipt, text: `${formatName(name)} verified, written to ${out}` };
}

async function fetchStandingOf(input: Input, io: Io): Promise<Outcome> {
  const name = parseName(input.argument(0));
  const { proof, proves } = await withSession(input, io, (session) => fetchStanding(session, name));
  const out = input.text('out');
  if (out !== undefined) writeFile(io, out, `${JSON.stringify(proof, null, 2)}\n`);
  return { ok: true, json: proof, text: facts(Object.entries(provenStanding(proves))) };
}

async function verifyOne(input: Input, io: Io): Promise<Outcome> {
  const file = input.argument(0);
  const bytes = await readBytes(io, file);
  const cert = input.text('serviceCert') ?? profileOf(io, input.text('profile')).serviceCert;
  if (cert === undefined)
    throw new CliError('Usage', '--service-cert is needed: whose receipt should it be?');
  const servicePem = readCertificate(io, cert);
  const claimsDigest = await claimsOf(input, io);
  const txid = input.text('txid');
  const txId = txid === undefined ? undefined : parseTxId(txid);
  try {
    // A COSE receipt begins with the CBOR tag 18, which no JSON text does.
    const proven =
      bytes[0] === 0xd2
        ? provenByCose(verifyCoseReceipt(bytes, publicKeyOf(servicePem), { claimsDigest, txId }))
        : provenByJson(parseJson(bytes), servicePem, { claimsDigest, txId });
    return {
      ok: true,
      json: { valid: true, ...proven },
      text: facts([['valid', `${file} proves`], ...Object.entries(proven)]),
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const step = 'step' in error && typeof error.step === 'string' ? error.step : undefined;
    const json = { valid: false, step, reason: error.message };
    return {
      ok: false,
      json,
      text: facts([
        ['NOT valid', file],
        ['failed step', step],
        ['reason', error.message],
      ]),
    };
  }
}

type Proven = Record<string, string>;

function provenByJson(json: unknown, servicePem: string, expected: VerifyReceiptOptions): Proven {
  if (typeof json === 'object' && json !== null && 'standing' in json)
    return provenStanding(verifyStanding(json, servicePem, { txId: expected.txId }));
  const proven = verifyReceipt(json, servicePem, expected);
  const common = { root: hexOf(proven.root), node: proven.nodeId };
  if (proven.kind === 'signature') return { transaction: 'a signature transaction', ...common };
  return { transaction: formatTxId(proven.txId), claims: hexOf(proven.claimsDigest), ...common };
}

function provenStanding({ asOf, by, issuedAtSeconds, standing, txId }: VerifiedStanding): Proven {
  const since = standing === 'undone' ? 'undone by' : 'brought back by';
  return {
    transaction: formatTxId(txId),
    standing: standing === 'undone' ? 'undone' : 'not undone',
    ...(by === undefined ? {} : { [since]: formatTxId(by) }),
    'as of': `${formatTxId(asOf)}, ${new Date(issuedAtSeconds * 1000).toISOString()}`,
  };
}

function provenByCose(proven: ReturnType<typeof verifyCoseReceipt>): Proven {
  return {
    transaction: proven.transactions.map(({ txId }) => formatTxId(txId)).join(' '),
    claims: proven.transactions.map(({ claimsDigest }) => hexOf(claimsDigest)).join(' '),
    root: hexOf(proven.root),
    'signed at': formatTxId(proven.txId),
  };
}

async function claimsOf(input: Input, io: Io): Promise<ByteString | undefined> {
  const digest = input.text('claimsDigest');
  if (digest !== undefined) {
    const bytes = fromHex(digest);
    if (bytes.length !== 32) throw new CliError('Usage', '--claims-digest takes 64 hexadecimal digits');
    return String.fromCharCode(...bytes);
  }
  const file = input.text('claims');
  return file === undefined ? undefined : sha256ByteString(await readBytes(io, file));
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new CliError('Failed', 'it is neither JSON nor COSE', { cause });
  }
}
