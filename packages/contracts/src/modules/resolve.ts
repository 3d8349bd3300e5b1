import { ContractError } from '../errors.ts';

/** A module key in the form modules are stored under: `/dir/file.js`. */
export function moduleKey(name: string): string {
  return name.startsWith('/') ? name : `/${name}`;
}

/**
 * The key an import specifier means, seen from the importing module. There is no search in `node_modules`:
 * `./x.js` and `../x.js` are relative, anything else is taken from the root. Throws ContractError.
 */
export function resolveSpecifier(specifier: string, importer: string): string {
  const relative = specifier.startsWith('./') || specifier.startsWith('../');
  const path = relative ? importer.split('/').slice(0, -1) : [''];
  for (const step of specifier.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') path.push(step);
    else if (path.length > 1) path.pop();
    else throw unresolved(specifier, importer, 'it leads out of the bundle');
  }
  if (path.length === 1) throw unresolved(specifier, importer, 'it names no file');
  return path.join('/');
}

export function unresolved(specifier: string, importer: string, why: string): ContractError {
  return new ContractError('ModuleUnresolved', `'${specifier}' imported by ${importer}: ${why}`, {
    module: importer,
  });
}
