import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
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
  const blocks = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? '');
  const lines = blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n'));
  return lines.flatMap((line) => line.match(/(?:^|&& |\| )(?:bin\/)?coco (.*?)(?: [|>&#].*)?$/)?.[1] ?? []);
}

test('every command in the pages for users exists, with its options', async () => {
  const folder = dirname(referenceFile);
  let seen = 0;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.md'))) {
    for (const command of commandsIn(readFileSync(join(folder, file), 'utf8'))) {
      const [noun = '', second = ''] = command.split(/\s+/);
      const row = nouns.find(({ name }) => name === noun);
      assert.ok(row, `${file}: coco ${command}`);
      const { verbs } = await row.load();
      const verb = verbs.find(({ name }) => name === second) ?? verbs.find(({ name }) => name === noun);
      assert.ok(verb, `${file}: coco ${command}`);
      const known = optionsOf(verb).flatMap(({ flags }) => flags.match(/(?<![\w-])--?[a-z-]+/g) ?? []);
      const used = command.replace(/'[^']*'/g, "''").match(/(?<=\s)--?[a-z][a-z-]*/g) ?? [];
      for (const option of used) assert.ok(known.includes(option), `${file}: ${option} in coco ${command}`);
      seen += 1;
    }
  }
  assert.ok(seen >= 10, `only ${seen} commands found`);
});
