import { join, resolve } from 'node:path';
import { sha256Hex } from '@coco/crypto';
import type { Input, Io, Noun, Outcome } from '../command.ts';
import { buildBundle, installProposal } from '../contract/bundle.ts';
import { writeFile } from '../files.ts';
import { columns, facts } from '../text.ts';

/** `coco contract`: from sources to what governance installs. */
export const contract: Noun = {
  verbs: [
    {
      name: 'build',
      arguments: '<source>',
      summary: 'Bundle a contract with its npm dependencies: a folder with app.json, or app.json itself',
      example: 'contract build samples/contracts/logging --out bundle.json',
      options: [
        {
          flags: '-o, --out <file>',
          summary: 'where to write the bundle (bundle.json in the folder of app.json)',
        },
        { flags: '--proposal <file>', summary: 'also write the proposal that installs it' },
      ],
      run: build,
    },
  ],
};

async function build(input: Input, io: Io): Promise<Outcome> {
  const source = input.argument(0);
  const { bundle, parts } = await buildBundle(resolve(io.directory, source));
  const text = `${JSON.stringify(bundle)}\n`;
  const folder = source.endsWith('.json') ? join(source, '..') : source;
  const out = input.text('out') ?? join(folder, 'bundle.json');
  writeFile(io, out, text);
  const proposal = input.text('proposal');
  if (proposal !== undefined) writeFile(io, proposal, `${JSON.stringify(installProposal(bundle))}\n`);
  const bytes = new TextEncoder().encode(text);
  const digest = sha256Hex(bytes);
  const written = [out, proposal].filter((file) => file !== undefined);
  return {
    ok: true,
    json: {
      digest,
      bytes: bytes.length,
      modules: bundle.modules.map(({ name }) => name),
      parts,
      written,
    },
    text: [
      facts([
        ['written', written.join(', ')],
        ['bytes', bytes.length.toLocaleString('en')],
        ['digest', digest],
        ['endpoints', Object.keys(bundle.metadata.endpoints).length],
      ]),
      ...(parts.length === 0 ? [] : ['largest parts', columns(parts.slice(0, 8).map(row))]),
    ].join('\n'),
  };
}

function row({ file, bytes }: { readonly file: string; readonly bytes: number }): string[] {
  return [`  ${bytes.toLocaleString('en').padStart(10)}`, file];
}
