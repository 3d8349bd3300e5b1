// Makes the daemon as one folder that is the same on every machine: `npm run bundle -- DIRECTORY`. The SHA-256 of its
// MANIFEST, which names every file with its own, is the code measurement of the release.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { rolldown } from 'rolldown';

const root = join(import.meta.dirname, '..');
const architectures = { x64: 'linux-x64', arm64: 'linux-arm64' } as const;

const launcher = `#!/bin/sh
# The node daemon: coco-node --config config.json
here=$(dirname "$(readlink -f "$0")")
export TZ=UTC
exec "$here/node" --no-node-snapshot --stack-size=1040 --no-turboshaft-loop-unrolling "$here/coco-node.mjs" "$@"
`;

const sandboxProgram = join(root, 'packages/contracts/src/javascript/program.ts');

/**
 * The program inside the isolates is the text of functions and classes, which a bundler renames and rewrites. It is
 * taken from the sources as they are, and stands in the bundle as a text.
 */
const keepSandboxProgram = {
  name: 'keep-sandbox-program',
  async load(id: string): Promise<string | undefined> {
    if (id !== sandboxProgram) return undefined;
    const { programText, ...constants } = await import(sandboxProgram);
    const lines = Object.entries({ ...constants, text: programText() }).map(
      ([name, value]) => `export const ${name} = ${JSON.stringify(value)};`,
    );
    return `${lines.join('\n')}\nexport const programText = () => text;\n`;
  },
};

/** One file with everything the daemon loads but what is machine code. */
async function bundleCode(out: string): Promise<void> {
  await using build = await rolldown({
    input: join(root, 'apps/host/src/main.ts'),
    cwd: root,
    platform: 'node',
    external: ['isolated-vm'],
    tsconfig: false,
    logLevel: 'silent',
    // No comments that name files: they differ from machine to machine, and the digest must not.
    experimental: { attachDebugInfo: 'none' },
    plugins: [keepSandboxProgram],
  });
  await build.write({
    file: join(out, 'coco-node.mjs'),
    format: 'esm',
    codeSplitting: false,
    minify: false,
  });
}

/** The runtime and the isolates, as the lockfile pins them. */
function copyMachineCode(out: string): void {
  const platform = architectures[process.arch as keyof typeof architectures];
  const runtime = join(root, 'node_modules', `node-${platform}`, 'bin/node');
  if (process.platform !== 'linux' || platform === undefined || !existsSync(runtime)) {
    throw new Error('the bundle is made on Linux, x64 or arm64, after npm ci');
  }
  cpSync(runtime, join(out, 'node'));
  chmodSync(join(out, 'node'), 0o755);
  for (const name of ['isolated-vm', 'node-gyp-build']) {
    const from = join(root, 'node_modules', name);
    const to = join(out, 'node_modules', name);
    mkdirSync(to, { recursive: true });
    for (const file of readdirSync(from)) {
      if (/^(package\.json|isolated-vm\.js|index\.js|node-gyp-build\.js|LICENSE)$/.test(file)) {
        cpSync(join(from, file), join(to, file));
      }
    }
  }
  const prebuilt = `isolated-vm.abi${process.versions.modules}.glibc.node`;
  const folder = join('node_modules/isolated-vm/prebuilds', platform);
  mkdirSync(join(out, folder), { recursive: true });
  cpSync(join(root, folder, prebuilt), join(out, folder, prebuilt));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Writes the list of files, gives all of them one date, and answers the digest of the list. */
function seal(out: string): string {
  const lines = filesIn(out).map((file) => `${sha256(readFileSync(join(out, file)))}  ${file}\n`);
  const manifest = Buffer.from(lines.join(''));
  writeFileSync(join(out, 'MANIFEST'), manifest);
  for (const file of filesIn(out)) utimesSync(join(out, file), 0, 0);
  return sha256(manifest);
}

const [given] = process.argv.slice(2).filter((word) => word !== '--');
const out = resolve(given ?? 'dist/coco-node');
if (existsSync(out) && readdirSync(out).length > 0) {
  process.stderr.write(`${out} is not empty\n`);
  process.exit(1);
}
mkdirSync(out, { recursive: true });
await bundleCode(out);
copyMachineCode(out);
writeFileSync(join(out, 'coco-node'), launcher, { mode: 0o755 });
process.stdout.write(`${out}\nmeasurement ${seal(out)}\n`);
