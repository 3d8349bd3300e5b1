import { get } from '@coco/client';
import { generateClient } from '../client/generate.ts';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { connectionOptions, withSession } from '../connection.ts';
import { readJson, writeFile } from '../files.ts';
import { columns, counted } from '../text.ts';

/** `coco client`: code that calls a contract. */
export const client: Noun = {
  verbs: [
    {
      name: 'generate',
      arguments: '[openapi]',
      summary:
        'Write a typed client in TypeScript for the contract of a service, or for an OpenAPI document in a file',
      example: 'client generate --profile dev --out src/notes-client.ts',
      options: [
        { flags: '--out <file>', summary: 'write the module here, instead of printing it' },
        {
          flags: '--library <specifier>',
          summary: 'where the generated module imports the client library from',
          default: '@coco/client',
        },
        ...connectionOptions,
      ],
      run: generate,
    },
  ],
};

async function generate(input: Input, io: Io): Promise<Outcome> {
  const file = input.argument(0);
  const document =
    file === '' ? await withSession(input, io, (session) => get(session, '/app/api')) : readJson(io, file);
  const { functions, module } = generateClient(document, {
    library: input.text('library') ?? '@coco/client',
  });
  const out = input.text('out');
  if (out === undefined) return { ok: true, json: { module, functions }, text: module };
  writeFile(io, out, module);
  const rows = functions.map(({ name, route }) => [`  ${name}`, route]);
  const text = [`${counted(functions.length, 'function')} in ${out}`, columns(rows)].join('\n');
  return { ok: true, json: { written: out, functions }, text };
}
