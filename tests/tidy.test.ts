// The house rules, as ordinary tests. ARCHITECTURE.md is the source of the room table.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

const root = dirname(import.meta.dirname);
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter(Boolean);
const sources = tracked.filter((path) => /^(packages|apps)\/[^/]+\/src\/.*\.ts$/.test(path));
/** What ships: `testing/` folders hold what tests of a room stand on. */
const products = sources.filter((path) => !path.endsWith('.test.ts') && !path.includes('/testing/'));

/** `packages/kv` -> `@coco/kv` and what its row allows. */
function roomTable(): Map<string, Set<string>> {
  const rows = [...read('ARCHITECTURE.md').matchAll(/^\| `(packages|apps)\/([\w-]+)` \|[^|]*\|([^|]*)\|/gm)];
  return new Map(
    rows.map(([, home, name, allowed]) => [
      `${home}/${name}`,
      new Set([...(allowed ?? '').matchAll(/`([\w-]+)`/g)].map((match) => `@coco/${match[1]}`)),
    ]),
  );
}

const roomOf = (path: string): string => path.split('/').slice(0, 2).join('/');
const importPattern =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;
/** Without what types alone are imported for: that is gone when the program runs. */
const runtimeImportsOf = (path: string): string[] =>
  [
    ...read(path)
      .replace(/(^|\n)(import|export) type [^;]*;/g, '')
      .matchAll(importPattern),
  ].map((match) => match[1] ?? match[2] ?? '');
const importsOf = (path: string): string[] =>
  [...read(path).matchAll(importPattern)].map((match) => match[1] ?? match[2] ?? '');

describe('rooms', () => {
  const table = roomTable();

  test('ARCHITECTURE.md has a row for every room that exists, and only for those', () => {
    const existing = new Set(sources.map(roomOf));
    assert.deepEqual([...table.keys()].sort(), [...existing].sort());
  });

  for (const path of products) {
    test(`${path} imports only what its room may`, () => {
      const room = roomOf(path);
      const own = `@coco/${room.split('/')[1]}`;
      for (const specifier of importsOf(path)) {
        if (!specifier.startsWith('@coco/')) continue;
        const target = specifier.split('/').slice(0, 2).join('/');
        assert.ok(target !== own, `${path} imports its own room by name: ${specifier}`);
        assert.ok(
          table.get(room)?.has(target),
          `${path} imports ${specifier}; ARCHITECTURE.md does not allow it`,
        );
      }
    });
  }

  test('every package.json declares exactly the rooms its sources import', () => {
    for (const room of new Set(sources.map(roomOf))) {
      const declared = JSON.parse(read(`${room}/package.json`)) as { dependencies?: Record<string, string> };
      const names = Object.keys(declared.dependencies ?? {}).filter((name) => name.startsWith('@coco/'));
      const used = new Set(
        sources
          .filter((path) => roomOf(path) === room && products.includes(path))
          .flatMap(importsOf)
          .filter((specifier) => specifier.startsWith('@coco/'))
          .map((specifier) => specifier.split('/').slice(0, 2).join('/')),
      );
      assert.deepEqual(names.sort(), [...used].sort(), `${room}/package.json`);
    }
  });

  test('no file imports itself in a circle', () => {
    const graph = new Map(
      products.map((path) => [
        path,
        runtimeImportsOf(path)
          .filter((specifier) => specifier.startsWith('.'))
          .map((specifier) => join(dirname(path), specifier)),
      ]),
    );
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]): void => {
      assert.ok(!trail.includes(path), `import cycle: ${[...trail, path].join(' -> ')}`);
      if (done.has(path)) return;
      for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
      done.add(path);
    };
    for (const path of graph.keys()) visit(path, []);
  });
});

describe('purity of packages/', () => {
  const allowedNodeImports = new Set(['packages/crypto/src/backend/node.ts']);
  const impure =
    /\b(Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|setInterval|setImmediate|console\.)/;
  for (const path of products.filter((one) => one.startsWith('packages/'))) {
    test(`${path} touches no clock, file, socket or ambient randomness`, () => {
      const node = importsOf(path).filter((specifier) => specifier.startsWith('node:'));
      const door = path.includes('/src/node/');
      assert.ok(
        node.length === 0 || door || allowedNodeImports.has(path),
        `${path} imports ${node.join(', ')}`,
      );
      if (door) return;
      const code = read(path).replace(
        /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g,
        '',
      );
      assert.doesNotMatch(code, impure);
    });
  }
});

describe('size', () => {
  for (const path of products) {
    test(`${path} has at most 500 lines`, () => {
      assert.ok(read(path).split('\n').length <= 501);
    });
  }
});

describe('project', () => {
  test('every dependency has a line in docs/dependencies.md', () => {
    const text = read('docs/dependencies.md');
    const manifests = tracked.filter(
      (path) => /(^|\/)package\.json$/.test(path) && !path.startsWith('samples/'),
    );
    for (const manifest of manifests) {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(manifest)) as Record<
        string,
        Record<string, string> | undefined
      >;
      for (const name of Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })) {
        if (!name.startsWith('@coco/')) assert.ok(text.includes(`\`${name}\``), `${name} of ${manifest}`);
      }
    }
  });

  test('the lockfile names no download address', () => {
    assert.doesNotMatch(read('package-lock.json'), /"resolved": "http/);
  });

  test('no folder or file has a name that says nothing', () => {
    const vague = tracked.filter((path) =>
      /(^|\/)(utils?|common|helpers?|shared|types|misc|manager)(\.ts)?(\/|$)/.test(path),
    );
    assert.deepEqual(vague, []);
  });
});
