import type { Noun, NounRow } from '../command.ts';
import { optionsOf } from '../program.ts';

/** `coco completion`: a script for the shell, with every noun, verb and option of the table in it. */
export const completionOf = (nouns: readonly NounRow[]): Noun => ({
  verbs: [
    {
      name: 'bash',
      summary: 'The script for bash',
      example: 'completion bash > ~/.local/share/bash-completion/completions/coco',
      run: async () => {
        const script = bash(await wordTree(nouns));
        return { ok: true, json: { script }, text: script };
      },
    },
    {
      name: 'zsh',
      summary: 'The script for zsh',
      example: 'completion zsh > ~/.zfunc/_coco',
      run: async () => {
        const script = zshPrelude + bash(await wordTree(nouns));
        return { ok: true, json: { script }, text: script };
      },
    },
  ],
});

/** zsh runs completions written for bash. */
const zshPrelude = '#compdef coco\nautoload -U +X bashcompinit && bashcompinit\n';

/** Noun and verb (joined by a space), with what may follow. The empty key is the very beginning. */
async function wordTree(nouns: readonly NounRow[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const tree = new Map<string, readonly string[]>([['', nouns.map(({ name }) => name)]]);
  for (const row of nouns) {
    const { verbs } = await row.load();
    const own = verbs.find((verb) => verb.name === row.name);
    tree.set(row.name, own === undefined ? verbs.map(({ name }) => name) : optionWords(own));
    for (const verb of verbs) if (verb !== own) tree.set(`${row.name} ${verb.name}`, optionWords(verb));
  }
  return tree;
}

function optionWords(verb: Parameters<typeof optionsOf>[0]): string[] {
  return optionsOf(verb).flatMap(({ flags }) => flags.match(/--[a-z-]+/g) ?? []);
}

function bash(tree: ReadonlyMap<string, readonly string[]>): string {
  const cases = [...tree].map(([words, next]) => `    '${words}') words='${next.join(' ')}' ;;`);
  return `# Completion of coco. After an option that takes a file, and for arguments, files are offered.
_coco() {
  local current=\${COMP_WORDS[COMP_CWORD]} words=''
  local typed="\${COMP_WORDS[1]}"
  if [ "$COMP_CWORD" -gt 2 ]; then typed="$typed \${COMP_WORDS[2]}"; fi
  if [ "$COMP_CWORD" -eq 1 ]; then typed=''; fi
  case "$typed" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ "$COMP_CWORD" -gt 2 ] && [ "\${#COMPREPLY[@]}" -eq 0 ]; then
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -F _coco coco
`;
}
