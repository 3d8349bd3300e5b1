import { checkIdentity, lastCommitted, network, nodeState, serviceInfo } from '@coco/client';
import { parseCertificate, sha256, toHex } from '@coco/crypto';
import { formatTxId } from '@coco/ledger';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import {
  connectionOf,
  connectionOptions,
  waitingForMe,
  withConnection,
  withSession,
  withStranger,
} from '../connection.ts';
import { CliError } from '../errors.ts';
import { writeFile } from '../files.ts';
import { counted, facts, short } from '../text.ts';

/** `coco service`: looking at a service from outside. */
export const service: Noun = {
  verbs: [
    {
      name: 'info',
      summary: 'Status, identity and configuration of the service',
      example: 'service info',
      options: connectionOptions,
      run: info,
    },
    {
      name: 'state',
      summary: 'Where the contacted node stands',
      example: 'service state --address https://127.0.0.1:8000',
      options: connectionOptions,
      run: async (input, io) => {
        const state = await withSession(input, io, nodeState);
        return { ok: true, json: state, text: facts(Object.entries(state).map(([k, v]) => [k, String(v)])) };
      },
    },
    {
      name: 'identity',
      summary: 'Check the pinned identity; or, before there is one, look at what a node states',
      example: 'service identity --address https://127.0.0.1:8000 --unverified --out service_cert.pem',
      options: [
        ...connectionOptions,
        {
          flags: '--unverified',
          summary: 'trust whoever answers, to compare the fingerprint by other means',
        },
        { flags: '--out <file>', summary: 'write the stated certificate here' },
      ],
      run: identify,
    },
  ],
};

async function info(input: Input, io: Io): Promise<Outcome> {
  const connection = connectionOf(input, io);
  const [seen, stated, committed, waiting] = await withConnection(connection, io, async (session) => [
    await network(session),
    await serviceInfo(session),
    await lastCommitted(session, 'node'),
    (await waitingForMe(session, connection)).map(({ proposalId }) => proposalId),
  ]);
  const key = parseCertificate(seen.service_certificate).publicKey;
  return {
    ok: true,
    json: { ...stated, network: seen, committed: formatTxId(committed), waitingForYourVote: waiting },
    text: facts([
      ['status', seen.service_status],
      ['service key', `${key.curve ?? key.kind} ${key.id}`],
      ['committed', formatTxId(committed)],
      ['view', seen.current_view ?? 'unknown'],
      ['primary', seen.primary_id ?? 'unknown'],
      ['recovered', counted(seen.recovery_count, 'time')],
      ['recovery threshold', stated.configuration.recoveryThreshold],
      ['waits for your vote', waiting.map(short).join(' ')],
    ]),
  };
}

async function identify(input: Input, io: Io): Promise<Outcome> {
  const unverified = input.flag('unverified');
  const address = input.texts('address')[0];
  if (unverified && address === undefined) throw new CliError('Usage', '--unverified needs --address');
  const stated =
    unverified && address !== undefined
      ? await withStranger(address, network)
      : await withSession(input, io, checkIdentity);
  const certificate = parseCertificate(stated.service_certificate);
  const fingerprint = toHex(sha256(certificate.der));
  const out = input.text('out');
  if (out !== undefined) writeFile(io, out, stated.service_certificate, { replace: false });
  const advice = unverified
    ? 'NOT verified: compare the fingerprint with what a member tells you by other means'
    : 'the pinned identity';
  return {
    ok: true,
    json: { verified: !unverified, fingerprint, keyId: certificate.publicKey.id, ...stated },
    text: facts([
      ['identity', advice],
      ['subject', certificate.subject],
      ['fingerprint', fingerprint],
      ['key', certificate.publicKey.id],
      ['valid until', new Date(certificate.notAfter).toISOString()],
      ['status', stated.service_status],
      ['written to', out],
    ]),
  };
}
