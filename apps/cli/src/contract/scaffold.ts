import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CliError } from '../errors.ts';

const root = fileURLToPath(new URL('../../../..', import.meta.url)).replace(/\/$/, '');
/** A sample that is type-checked, tested and linted with everything else is what authors begin with. */
const template = join(root, 'samples/contracts/notes');
const left = new Set(['node_modules', 'bundle.json']);

interface Manifest {
  name: string;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
}

/** Makes a contract in a new folder; answers the files it wrote. Throws `Failed` when the folder exists. */
export function scaffold(folder: string, name: string): readonly string[] {
  if (!/^[a-z][a-z0-9-]*$/.test(name)) {
    throw new CliError('Usage', `${name} is not a name for a contract: use a-z, 0-9 and -, a letter first`);
  }
  if (existsSync(folder)) throw new CliError('Failed', `${folder} exists already; it is not overwritten`);
  cpSync(template, folder, { recursive: true, filter: (source) => !left.has(basename(source)) });
  const file = join(folder, 'package.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  manifest.name = name;
  if (!isInWorkspace(folder)) {
    linkToWorkspace(manifest.dependencies, folder);
    linkToWorkspace(manifest.devDependencies, folder);
  }
  writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`);
  return ['package.json', 'tsconfig.json', 'src/app.ts', 'test/app.test.ts'];
}

/** Inside the workspace packages are found by walking up; elsewhere they are named by where they lie. */
export function isInWorkspace(folder: string): boolean {
  return `${folder}/`.startsWith(`${root}/`);
}

function linkToWorkspace(dependencies: Record<string, string>, folder: string): void {
  for (const name of Object.keys(dependencies)) {
    if (!name.startsWith('@coco/')) continue;
    const home = join(root, 'packages', name.slice('@coco/'.length));
    dependencies[name] = `file:${relative(folder, home)}`;
  }
}
