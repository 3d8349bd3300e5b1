import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const samples = fileURLToPath(new URL('../../../../samples/constitutions/', import.meta.url));
const stock = fileURLToPath(new URL('../../../../../shared/data/ccf-constitutions/', import.meta.url));

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
export const stockMissing = existsSync(`${stock}default/actions.js`)
  ? false
  : 'the stock constitution ../shared/data/ccf-constitutions is not present';

/** The constitution that CCF ships, unchanged. */
export function stockConstitution(resolve = 'default'): string {
  const files = ['default/actions.js', 'default/validate.js', `${resolve}/resolve.js`, 'default/apply.js'];
  return files.map((file) => readFileSync(stock + file, 'utf8')).join('\n');
}
