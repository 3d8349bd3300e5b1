import { join, resolve } from 'node:path';
import { compareBundles, type TypeCheck } from '@coco/contract-build';
import { sha256Hex } from '@coco/crypto';
import type { Input, Io, Noun, Outcome, Verb } from '../command.ts';
import { connectionOptions, withSession } from '../connection.ts';
import { buildBundle, installProposal } from '../contract/bundle.ts';
import { comparisonText } from '../contract/comparison-text.ts';
import { coverageText } from '../contract/coverage-text.ts';
import { callText, followLog, loggedCalls } from '../contract/log-text.ts';
import { runTests } from '../contract/run-tests.ts';
import { isInWorkspace, scaffold } from '../contract/scaffold.ts';
import { writeFile } from '../files.ts';
import { columns, counted, facts } from '../text.ts';

const newVerb: Verb = {
  name: 'new',
  arguments: '<name>',
  summary: 'Make a contract to begin with: endpoints of each kind, tests, types',
  example: 'contract new my-contract',
  run: make,
};

const buildVerb: Verb = {
  name: 'build',
  arguments: '<source>',
  summary:
    'Bundle a contract with its npm dependencies: a folder with src/app.ts or app.json, or app.json itself',
  example: 'contract build samples/contracts/notes --out bundle.json',
  options: [
    {
      flags: '-o, --out <file>',
      summary: 'where to write the bundle (bundle.json in the folder of the contract)',
    },
    { flags: '--proposal <file>', summary: 'also write the proposal that installs it' },
    { flags: '--openapi <file>', summary: 'also write the OpenAPI 3.1 document of a declared contract' },
    { flags: '--skip-types', summary: 'do not check types first' },
    { flags: '--skip-source-map', summary: 'leave out the places by which stack traces are told' },
    {
      flags: '--allow-dynamic-code',
      summary: 'take code that makes code (eval), which is refused otherwise',
    },
  ],
  run: build,
};

const testVerb: Verb = {
  name: 'test',
  arguments: '<folder>',
  summary: 'Run the tests of a contract against the real engine, without a node',
  example: 'contract test samples/contracts/notes --coverage',
  options: [{ flags: '--coverage', summary: 'tell which lines of the contract no test has run' }],
  run: test,
};

const checkVerb: Verb = {
  name: 'check',
  arguments: '<old> <new>',
  summary: 'Tell what replacing a contract changes; each is a folder, a bundle, or a proposal with one',
  example: 'contract check deployed.json my-contract',
  run: check,
};

const logVerb: Verb = {
  name: 'log',
  summary: 'What the contract printed on a node, and why its calls failed; for those whom members allow',
  example: 'contract log --follow --profile dev',
  options: [
    ...connectionOptions,
    { flags: '--after <number>', summary: 'only calls after this number' },
    { flags: '--follow', summary: 'go on until Ctrl-C' },
  ],
  run: log,
};

/** `coco contract`: from nothing to what governance installs. */
export const contract: Noun = { verbs: [newVerb, buildVerb, testVerb, checkVerb, logVerb] };

async function make(input: Input, io: Io): Promise<Outcome> {
  const name = input.argument(0);
  const folder = resolve(io.directory, name);
  const files = scaffold(folder, name);
  const install = isInWorkspace(folder) ? [] : [`  (cd ${name} && npm install)`];
  const text = [
    `made ${name}`,
    ...files.map((file) => `  ${join(name, file)}`),
    'now',
    ...install,
    `  coco contract test ${name}`,
    `  coco dev --js-app-bundle ${name}`,
  ].join('\n');
  return { ok: true, json: { folder, files }, text };
}

async function build(input: Input, io: Io): Promise<Outcome> {
  const source = input.argument(0);
  const start = performance.now();
  const built = await buildBundle(resolve(io.directory, source), {
    types: !input.flag('skipTypes'),
    allowDynamicCode: input.flag('allowDynamicCode'),
    sourceMap: input.flag('skipSourceMap') ? 'none' : 'places',
  });
  const ms = Math.round(performance.now() - start);
  const { bundle, parts, warnings, types, openApi } = built;
  const text = `${JSON.stringify(bundle)}\n`;
  const folder = source.endsWith('.json') ? join(source, '..') : source;
  const out = input.text('out') ?? join(folder, 'bundle.json');
  writeFile(io, out, text);
  const proposal = input.text('proposal');
  if (proposal !== undefined) writeFile(io, proposal, `${JSON.stringify(installProposal(bundle))}\n`);
  const document = input.text('openapi');
  if (document !== undefined) writeFile(io, document, `${JSON.stringify(openApi ?? {}, null, 2)}\n`);
  const bytes = new TextEncoder().encode(text);
  const digest = sha256Hex(bytes);
  const written = [out, proposal, document].filter((file) => file !== undefined);
  const modules = bundle.modules.map(({ name }) => name);
  return {
    ok: true,
    json: { digest, bytes: bytes.length, ms, modules, parts, warnings, types, written },
    text: [
      facts([
        ['written', written.join(', ')],
        ['bytes', bytes.length.toLocaleString('en')],
        ['digest', digest],
        ['endpoints', Object.values(bundle.metadata.endpoints).flatMap(Object.keys).length],
        ['types', typesText(types)],
        ['took', `${ms} ms`],
      ]),
      ...(parts.length === 0 ? [] : ['largest parts', columns(largest(parts))]),
      ...warnings.map((warning) => `warning: ${warning}`),
    ].join('\n'),
  };
}

function typesText(types: TypeCheck): string {
  return types.kind === 'checked' ? `checked in ${Math.round(types.ms)} ms` : `not checked: ${types.reason}`;
}

const partsShown = 8;

function largest(parts: readonly { readonly file: string; readonly bytes: number }[]): string[][] {
  const all = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  return parts.slice(0, partsShown).map(({ file, bytes }) => {
    const share = `${Math.round((100 * bytes) / all)}%`;
    return [`  ${bytes.toLocaleString('en').padStart(9)}`, share.padStart(4), file];
  });
}

async function test(input: Input, io: Io): Promise<Outcome> {
  const folder = resolve(io.directory, input.argument(0));
  const run = await runTests(folder, (line) => io.progress(line), { coverage: input.flag('coverage') });
  const failed = run.failed > 0 ? `, ${run.failed} failed` : '';
  const summary = `${counted(run.passed, 'test')} passed${failed} in ${run.ms} ms`;
  const text = run.coverage === undefined ? summary : `${coverageText(run.coverage)}\n${summary}`;
  return { ok: run.ok, json: run, text };
}

async function check(input: Input, io: Io): Promise<Outcome> {
  const [before, after] = [input.argument(0), input.argument(1)].map((name) => resolve(io.directory, name));
  const old = await buildBundle(before as string);
  const replacement = await buildBundle(after as string);
  const comparison = compareBundles(old.bundle, replacement.bundle);
  return { ok: true, json: comparison, text: comparisonText(comparison) };
}

async function log(input: Input, io: Io): Promise<Outcome> {
  const after = input.whole('after') ?? 0;
  return withSession(input, io, async (session) => {
    const calls = await loggedCalls(session, after);
    if (!input.flag('follow')) {
      const nothing = 'nothing was printed, and nothing failed';
      return { ok: true, json: { calls }, text: calls.map(callText).join('\n') || nothing };
    }
    await followLog(session, after, io.untilStopped(), (call) => io.progress(callText(call)));
    return { ok: true, json: { stopped: true }, text: 'stopped' };
  });
}
