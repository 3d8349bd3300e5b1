import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const samples = fileURLToPath(new URL('../../../../samples/constitutions/', import.meta.url));
const beside = fileURLToPath(new URL('../../../../../shared/data/ccf-constitutions/', import.meta.url));
/** Where CCF's own `samples/constitutions` is, if anywhere: it is no part of this project. */
const stock = process.env.CCF_CONSTITUTIONS ?? beside;

/** Joins constitution files as a node's configuration does: `default/actions.js` and so on. */
export function constitutionOf(...files: readonly string[]): string {
  return files.map((file) => readFileSync(samples + file, 'utf8')).join('\n');
}

/** Our default constitution, with another way to resolve if one is named, and added actions. */
export function variant(resolve = 'default', ...additions: readonly string[]): string {
  return constitutionOf(
    'default/actions.js',
    ...additions,
    'default/validate.js',
    `${resolve}/resolve.js`,
    'default/apply.js',
  );
}

/** Said by tests that are skipped because no constitution of CCF is beside the checkout. */
export const stockMissing = existsSync(join(stock, 'default/actions.js'))
  ? false
  : `CCF's own constitution is not in ${stock}: CCF_CONSTITUTIONS names the folder`;

/** A folder of CCF's own scripts: `default`, `sandbox`. */
export function stockFolder(variant: string): string {
  return join(stock, variant);
}

/** The constitution that CCF ships, unchanged. */
export function stockConstitution(resolve = 'default'): string {
  const files = ['default/actions.js', 'default/validate.js', `${resolve}/resolve.js`, 'default/apply.js'];
  return files.map((file) => readFileSync(join(stock, file), 'utf8')).join('\n');
}
