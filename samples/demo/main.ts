// npm start: a service, a contract, documents of companies that do not trust one another, and a proof to take away.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { get, type Session, submit } from '@coco/client';
import { sha256ByteString } from '@coco/crypto';
import { utf8ToByteString } from '@coco/kv';
import { formatTxId, verifyReceipt } from '@coco/ledger';
import { buildBundle } from '../../apps/cli/src/contract/bundle.ts';
import { type CompanyUser, Consortium } from './consortium.ts';
import { companiesIn, readFolder, type Submission } from './documents.ts';
import { besideMarket, marketDay } from './market.ts';

const here = import.meta.dirname;
const contract = join(here, '../contracts/supply-chain');

const usage = `npm start [-- OPTIONS]

  --documents DIR   ordering documents to submit (XML or JSON, UBL 2.1); default: the sample's own
  --workspace DIR   keys, ledger and logs; a second start goes on with them (default: workspace/demo)
  --once            stop after the account
`;

/** What became of one document. */
interface Filed {
  readonly submission: Submission;
  readonly status: number;
  readonly said: string;
  readonly txId: string | undefined;
}

async function main(args: readonly string[]): Promise<number> {
  const values = optionsIn(args);
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const submissions = readFolder(values.documents ?? join(contract, 'documents'));
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  // From here on Ctrl-C is ours: nodes have process groups of their own and must be stopped by us.
  const stopped = interrupted();
  await using consortium = new Consortium(resolve(values.workspace ?? 'workspace/demo'));
  const failures = await Promise.race([show(consortium, submissions, say), stopped]);
  if (failures === 'stopped') return 1;
  if (values.once) return failures;
  process.stdout.write(invitation(consortium));
  await Promise.race([stopped, consortium.network.outlive(say)]);
  say('stopping ...');
  return failures;
}

/** Throws on what is no option, and says how to learn what is. */
function optionsIn(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        documents: { type: 'string' },
        workspace: { type: 'string' },
        once: { type: 'boolean' },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}; see: npm start -- --help`);
  }
}

/** Everything there is to see, once. Answers how much of it went wrong. */
async function show(
  consortium: Consortium,
  submissions: readonly Submission[],
  say: (line: string) => void,
): Promise<number> {
  await consortium.start(say);
  const users = await install(consortium, submissions, say);
  const filed = await fileAll(consortium, users, submissions, say);
  const market = await marketDay(consortium, say);
  const failures = await account(consortium, users, filed);
  process.stdout.write(`${market.join('\n')}\n`);
  return failures;
}

/** Members vote the contract and the companies' users in. */
async function install(
  consortium: Consortium,
  submissions: readonly Submission[],
  say: (line: string) => void,
): Promise<Map<string, CompanyUser>> {
  const users = new Map(companiesIn(submissions).map((company) => [company, consortium.userOf(company)]));
  say(
    `members vote to install a supply-chain contract for ${users.size} companies, and a market beside it ...`,
  );
  const bundle = await besideMarket((await buildBundle(contract)).bundle);
  await consortium.network.decide([
    // The account names transactions by their ids, whatever was tried with an earlier run.
    { name: 'set_access_settings', args: { opaque_ids: false } },
    { name: 'set_js_app', args: { bundle, disable_bytecode_cache: false } },
    ...[...users.values()].map(({ company, certificate }) => ({
      name: 'set_user',
      args: { cert: certificate, user_data: { companies: [company] } },
    })),
  ]);
  return users;
}

/** Each company files its own documents. */
async function fileAll(
  consortium: Consortium,
  users: ReadonlyMap<string, CompanyUser>,
  submissions: readonly Submission[],
  say: (line: string) => void,
): Promise<Filed[]> {
  const sessions = new Map([...users].map(([company, user]) => [company, consortium.session(user)]));
  const [anybody] = sessions.values();
  const filed: Filed[] = [];
  for (const [i, submission] of submissions.entries()) {
    const session = sessions.get(submission.company ?? '') ?? anybody;
    if (!session) throw new Error('the documents name no company');
    const result = await fileOne(session, submission);
    filed.push(result);
    say(
      `[${i + 1}/${submissions.length}] ${submission.file}: ${result.status === 201 ? `${result.said}, committed as ${result.txId}` : `refused: ${result.said}`}`,
    );
  }
  return filed;
}

async function fileOne(session: Session, submission: Submission): Promise<Filed> {
  const done = await submit(session, {
    method: 'POST',
    path: '/app/documents',
    headers: { 'content-type': submission.contentType },
    body: new TextEncoder().encode(submission.text),
  });
  const body = JSON.parse(new TextDecoder().decode(done.answer.body)) as {
    state?: string;
    error?: { message: string };
  };
  const said = body.state ?? body.error?.message ?? '';
  const txId = done.outcome === 'Committed' ? done.transaction : undefined;
  return { submission, status: done.answer.status, said, txId };
}

/** Says what happened, in the end, and proves one of it. Answers how much went wrong. */
async function account(
  consortium: Consortium,
  users: ReadonlyMap<string, CompanyUser>,
  filed: readonly Filed[],
): Promise<number> {
  const accepted = filed.filter(({ status }) => status === 201);
  const refused = filed.filter(({ status }) => status >= 400 && status < 500);
  const failed =
    filed.length -
    accepted.length -
    refused.length +
    accepted.filter(({ txId }) => txId === undefined).length;
  const committed = (await get<{ transaction_id: string }>(consortium.session(), '/node/commit'))
    .transaction_id;
  const lines = [
    '',
    `documents        ${filed.length} submitted by ${users.size} companies: ${accepted.length} accepted, ${refused.length} refused with a reason`,
    ...[...reasons(refused)].map(([reason, count]) => `                 ${count} x ${reason}`),
    `ledger           ${consortium.continued ? 'continued by recovery; ' : ''}committed up to ${committed}, encrypted and signed`,
    ...(await views(consortium, users)),
    ...(await proof(consortium, users, accepted)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return failed === 0 ? 0 : 1;
}

function reasons(refused: readonly Filed[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { said } of refused) counts.set(said, (counts.get(said) ?? 0) + 1);
  return counts;
}

/** What each company sees: its own. */
async function views(consortium: Consortium, users: ReadonlyMap<string, CompanyUser>): Promise<string[]> {
  const lines: string[] = [];
  for (const [company, user] of users) {
    const { orders } = await get<{
      orders: { state: string }[];
    }>(consortium.session(user), '/app/orders');
    const states = orders
      .map(({ state }) => state)
      .sort()
      .join(', ');
    lines.push(
      `${lines.length === 0 ? 'seen by' : ''}`.padEnd(17) +
        `${company}: ${orders.length} orders${states ? ` (${states})` : ''}`,
    );
  }
  return lines;
}

/**
 * Fetches a receipt and verifies it with nothing but the service certificate: of the first document of this run, or, when
 * none was new, of the one proven last time, which an earlier identity of the service has signed.
 */
async function proof(
  consortium: Consortium,
  users: ReadonlyMap<string, CompanyUser>,
  accepted: readonly Filed[],
): Promise<string[]> {
  const file = join(consortium.folder, 'receipt.json');
  const [first] = accepted.filter(({ txId }) => txId !== undefined);
  const txId = first?.txId ?? provenBefore(file);
  if (txId === undefined) return ['receipt          none to fetch: no document was accepted'];
  const user = users.get(first?.submission.company ?? '');
  const receipt = await fetchReceipt(consortium.session(user), txId);
  const claimsDigest = first && sha256ByteString(utf8ToByteString(first.submission.text));
  const proves = verifyReceipt(receipt, consortium.certificate, { claimsDigest });
  if (proves.kind !== 'transaction' || formatTxId(proves.txId) !== txId) {
    throw new Error('the receipt proves another transaction');
  }
  writeFileSync(file, `${JSON.stringify(receipt, null, 2)}\n`);
  const what = first
    ? `exactly ${first.submission.file} was filed`
    : 'signed before the recovery, and still good';
  return [
    `receipt          of ${txId}, verified offline: ${what}`,
    `                 bin/coco receipt verify ${shown(file)} --service-cert ${shown(consortium.certificateFile)}`,
  ];
}

/** The transaction whose receipt an earlier run has kept. */
function provenBefore(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const { leaf_components } = JSON.parse(readFileSync(file, 'utf8')) as {
    leaf_components?: { commit_evidence?: string };
  };
  return leaf_components?.commit_evidence?.split(':')[1];
}

async function fetchReceipt(session: Session, txId: string): Promise<Record<string, unknown>> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const answer = await session.request({ method: 'GET', path: `/app/receipt?transaction_id=${txId}` });
    if (answer.status === 200) return JSON.parse(new TextDecoder().decode(answer.body));
    if (answer.status !== 202 || Date.now() > deadline)
      throw new Error(`the receipt of ${txId} was answered ${answer.status}`);
    await session.world.sleep(50);
  }
}

const shown = (path: string): string => {
  const short = relative(process.cwd(), path);
  return short.startsWith('..') ? path : short;
};

function invitation({ certificateFile, folder, network }: Consortium): string {
  const urls = network.nodes.map(({ url }) => url);
  const [url] = urls;
  const certificate = shown(certificateFile);
  const mill = `${shown(join(folder, 'companies'))}/mill`;
  const keys = `--cert ${mill}_cert.pem --key ${mill}_privk.pem`;
  return [
    '',
    `serving ${urls.join(', ')} until Ctrl-C; try`,
    `  curl --cacert ${certificate} ${url}/node/network`,
    `  curl --cacert ${certificate} ${url}/app/api`,
    `  curl --cacert ${certificate} ${keys} ${url}/app/trade/orders`,
    `  bin/coco transaction list --address ${url} --service-cert ${certificate} ${keys}`,
    `  bin/coco network status --address ${url} --service-cert ${certificate}`,
    `  kill -9 $(cat ${shown(join(folder, 'sandbox_0/node.pid'))})`,
    `  bin/coco ledger verify ${shown(join(folder, 'sandbox_0/ledger'))}`,
    '',
  ].join('\n');
}

function interrupted(): Promise<'stopped'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('stopped'));
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
