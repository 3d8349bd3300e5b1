import { AccessError } from '@coco/access';
import { type Disclosure, discloseTransaction, verifyDisclosure } from '@coco/client';
import { formatTxId, LedgerError } from '@coco/ledger';
import type { Input, Io, Outcome, Verb } from '../command.ts';
import { connectionOptions, withSession } from '../connection.ts';
import { CliError } from '../errors.ts';
import { readCertificate, readJson, writeFile } from '../files.ts';
import { profileOf } from '../profiles.ts';
import { facts } from '../text.ts';

/** `coco receipt disclose` and `check-disclosure`: proof of one transaction, for an outsider, field by field. */
export const disclosureVerbs: readonly Verb[] = [
  {
    name: 'disclose',
    arguments: '<reference>',
    summary: 'Prove a private transaction to an outsider: its receipt, and the fields you choose',
    example: 'receipt disclose mUc0...Q1 --field seller --field amount --out shown.json',
    options: [
      {
        flags: '--field <name>',
        summary: 'a field that is shown (repeatable; all, if none is named)',
        repeats: true,
      },
      { flags: '--out <file>', summary: 'write it here' },
      { flags: '--wait <seconds>', summary: 'how long to wait', default: '10' },
      ...connectionOptions,
    ],
    run: disclose,
  },
  {
    name: 'check-disclosure',
    arguments: '<file>',
    summary: 'Verify what somebody disclosed, without any service',
    example: 'receipt check-disclosure shown.json --service-cert service_cert.pem',
    options: [
      { flags: '--service-cert <pem>', summary: 'the service certificate' },
      { flags: '--profile <name>', summary: 'take the service certificate from this profile' },
    ],
    run: check,
  },
];

async function disclose(input: Input, io: Io): Promise<Outcome> {
  const options = { fields: input.texts('field'), waitMs: (input.whole('wait') ?? 10) * 1000 };
  const reference = input.argument(0);
  const shown = await withSession(input, io, (session) => discloseTransaction(session, reference, options));
  const text = `${JSON.stringify(shown, null, 2)}\n`;
  const out = input.text('out');
  if (out === undefined) return { ok: true, json: shown, text };
  writeFile(io, out, text);
  return { ok: true, json: shown, text: `verified, written to ${out}` };
}

async function check(input: Input, io: Io): Promise<Outcome> {
  const file = input.argument(0);
  const cert = input.text('serviceCert') ?? profileOf(io, input.text('profile')).serviceCert;
  if (cert === undefined)
    throw new CliError('Usage', '--service-cert is needed: whose receipt should it be?');
  try {
    const { fields, proves } = verifyDisclosure(readJson(io, file) as Disclosure, readCertificate(io, cert));
    const transaction = proves.kind === 'transaction' ? formatTxId(proves.txId) : undefined;
    const json = { valid: true, transaction, fields: Object.fromEntries(fields) };
    const shown = [...fields].map(([name, value]) => [name, JSON.stringify(value)] as const);
    return {
      ok: true,
      json,
      text: facts([['valid', `${file} proves`], ['transaction', transaction], ...shown]),
    };
  } catch (error) {
    if (!(error instanceof AccessError || error instanceof LedgerError)) throw error;
    const reason = error.message;
    return {
      ok: false,
      json: { valid: false, reason },
      text: facts([
        ['NOT valid', file],
        ['reason', reason],
      ]),
    };
  }
}
