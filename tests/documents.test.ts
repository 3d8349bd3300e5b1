// What the documents name exists: files, links, scripts, settings, actions, and flags that stand in several places.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { configurationFields, parseConfiguration } from '../apps/host/src/configuration/configuration.ts';
import { minimalConfiguration } from '../apps/host/src/testing/door.ts';

const root = join(import.meta.dirname, '..');
const text = (path: string) => readFileSync(join(root, path), 'utf8');
const pages = [...globSync('*.md', { cwd: root }), ...globSync('docs/**/*.md', { cwd: root })].sort();
/** Pages that say how a node is set up and what it is held to. */
const setup = ['docs/attestation.md', 'docs/govern/attestation-policy.md', 'docs/operate/deployment.md'];

/** All matches of the first group, each with the page it stands on. */
function named(pattern: RegExp, among: readonly string[] = pages): readonly (readonly [string, string])[] {
  return among.flatMap((page) =>
    [...text(page).matchAll(pattern)].map(([, what = '']) => [page, what] as const),
  );
}

/** Headings as links name them. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

describe('the documents', () => {
  test('link to pages and headings that exist', () => {
    for (const [page, link] of named(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file = '', anchor] = link.split('#');
      const target = file === '' ? page : join(dirname(page), file);
      assert.ok(existsSync(join(root, target)), `${page}: ${link}`);
      if (anchor !== undefined) assert.ok(anchorsOf(target).includes(anchor), `${page}: ${link}`);
    }
  });

  test('name files of the project that exist', () => {
    const rooms = 'apps|bench|bin|deploy|docs|packages|samples|scripts|tests';
    const paths = named(new RegExp(`\`((?:${rooms})/[\\w./-]+)\``, 'g'));
    for (const [page, path] of paths) assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
    assert.ok(paths.length > 20);
  });

  test('name scripts that exist', () => {
    const { scripts } = JSON.parse(text('package.json')) as {
      readonly scripts: Readonly<Record<string, string>>;
    };
    for (const [page, script] of named(/npm run ([\w:]+)/g))
      assert.ok(script in scripts, `${page}: ${script}`);
  });
});

describe('the documents of deployment', () => {
  const fields = configurationFields().map(({ path }) => path);

  test('name settings that exist', () => {
    for (const [page, name] of named(/`((?:coco\.)?attestation\.[a-z_.]+)`/g, setup)) {
      const isThere = fields.some((field) => field === name || field.startsWith(`${name}.`));
      assert.ok(isThere, `${page}: ${name}`);
    }
  });

  test('show settings that the daemon takes', () => {
    const shown = named(/^ +("coco": \{.*\})$/gm, setup);
    for (const [page, setting] of shown) {
      const file = `{${setting}, ${JSON.stringify(minimalConfiguration({})).slice(1)}`;
      const { coco } = parseConfiguration(file, page);
      assert.ok(coco.attestation.platform.length > 0, page);
    }
    assert.ok(shown.length >= 3);
  });

  test('name actions of governance, and rules of platforms, that the constitution knows', () => {
    const constitution = text('samples/constitutions/default/actions.js');
    for (const [page, action] of named(/`((?:add|set|remove|trigger|transition)_[a-z_]+)`/g, setup))
      assert.match(constitution, new RegExp(`^  ${action}: `, 'm'), `${page}: ${action}`);
    for (const [page, rule] of named(/`(?:snp|tpm|intel|nitro)\.([a-zA-Z]+)`/g, setup))
      assert.match(constitution, new RegExp(`^ +${rule}: `, 'm'), `${page}: ${rule}`);
  });

  test('start the same program with the same flags everywhere', () => {
    const flagsIn = (path: string) =>
      [...new Set(text(path).match(/--(?:no-)?[a-z]+(?:-[a-z]+)+(?:=\d+)?/g))].sort();
    const wanted = flagsIn('bin/coco-node');
    assert.ok(wanted.length >= 3);
    const manifest = flagsIn('deploy/coco-node.manifest.template');
    for (const flag of wanted) {
      assert.ok(text('scripts/bundle.ts').includes(flag), `scripts/bundle.ts: ${flag}`);
      assert.ok(manifest.includes(flag), `deploy/coco-node.manifest.template: ${flag}`);
    }
    const bundled = /writeFileSync\(join\(\w+, '(coco-node)'\)/.exec(text('scripts/bundle.ts'))?.[1];
    assert.match(text('deploy/Containerfile'), new RegExp(`ENTRYPOINT \\["/opt/coco/${bundled}"\\]`));
    assert.match(text('deploy/Containerfile'), /COPY .* \. \/opt\/coco\//);
  });
});
