import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { optionsOf } from './program.ts';
import { reference } from './reference.ts';
import { nouns } from './table.ts';
import { referenceFile, silent } from './write-reference.ts';

test('docs/use/cli.md is what --help says', async () => {
  const expected = await reference(nouns, silent);
  assert.equal(
    readFileSync(referenceFile, 'utf8'),
    expected,
    'renew it: bin/runtime apps/cli/src/write-reference.ts',
  );
});

/** The commands in the code blocks of a page; a line that ends in a backslash goes on. */
function commandsIn(page: string): string[] {
  const fenced = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  const indented = [...page.matchAll(/^ {4,}((?:bin\/)?coco .*)$/gm)].map((match) => match[1] ?? '');
  const blocks = [...fenced, ...indented];
  const lines = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'));
  return lines.flatMap((line) => line.match(/(?:^|&& |\| )(?:bin\/)?coco (.*?)(?: [|>&#].*)?$/)?.[1] ?? []);
}

test('every command in the documentation exists, with its options', async () => {
  const root = join(dirname(referenceFile), '../..');
  const pages = [
    'README.md',
    ...globSync('docs/**/*.md', { cwd: root }),
    ...globSync('samples/**/*.md', { cwd: root }),
  ];
  let seen = 0;
  for (const page of pages.filter((name) => existsSync(join(root, name)) && !name.includes('node_modules'))) {
    for (const command of commandsIn(readFileSync(join(root, page), 'utf8'))) {
      const [noun = '', second = ''] = command.split(/\s+/);
      const row = nouns.find(({ name }) => name === noun);
      assert.ok(row, `${page}: coco ${command}`);
      const { verbs } = await row.load();
      const verb = verbs.find(({ name }) => name === second) ?? verbs.find(({ name }) => name === noun);
      assert.ok(verb, `${page}: coco ${command}`);
      const known = optionsOf(verb).flatMap(({ flags }) => flags.match(/(?<![\w-])--?[a-z-]+/g) ?? []);
      const used = command.replace(/'[^']*'/g, "''").match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [];
      for (const option of used) assert.ok(known.includes(option), `${page}: ${option} in coco ${command}`);
      seen += 1;
    }
  }
  assert.ok(seen >= 10, `only ${seen} commands found`);
});
