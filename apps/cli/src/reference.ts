import type { Io, NounRow } from './command.ts';
import { run } from './program.ts';

/** Renders the command reference, docs/use/cli.md, from the help texts themselves. */
export async function reference(rows: readonly NounRow[], io: Io): Promise<string> {
  const parts = [introduction];
  for (const row of rows) {
    const { verbs } = await row.load();
    parts.push(`## coco ${row.name}\n\n${row.summary}.\n`);
    for (const verb of verbs) {
      const words = verb.name === row.name ? [row.name] : [row.name, verb.name];
      const { out } = await run(rows, [...words, '--help'], io);
      parts.push(`### coco ${words.join(' ')}\n\n\`\`\`text\n${out.trimEnd()}\n\`\`\`\n`);
    }
  }
  return parts.join('\n');
}

const introduction = `# The coco command

This page is the output of \`coco ... --help\`, noun by noun; \`npm test\` fails when it is out of date, and
\`bin/runtime apps/cli/src/write-reference.ts\` renews it.

Every command takes \`--json\`. Exit codes: 0 done; 1 refused, failed, or a check that did not hold; 2 the
command was not understood. A command that speaks to a service knows it by its certificate
(\`--service-cert\`) and believes nobody else; addresses, certificates and keys can be kept in a profile
(\`coco profile set\`, chosen by \`--profile\`, by the environment variable \`COCO_PROFILE\`, or by \`coco
profile use\`). The configuration lies in \`~/.config/coco\`, or in \`COCO_HOME\`. There too the tool
remembers the highest transaction of each service that it saw committed, and it refuses a service that later
denies it.
`;
