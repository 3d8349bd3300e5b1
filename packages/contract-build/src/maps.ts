import { nameOf, nodesOf, parseModule, type Syntax, textOf } from './syntax.ts';

/** Functions whose first argument names a map, of this SDK and of `@microsoft/ccf-app`. */
const naming: Readonly<Record<string, (name: string) => string>> = {
  privateMap: (name) => name,
  publicMap: (name) => (name.startsWith('public:') ? name : `public:${name}`),
  audienceMap: (name) => (name.startsWith('audience:') ? name : `audience:${name}`),
  typedKv: (name) => name,
  typedKvSet: (name) => name,
};

/**
 * The maps that a module names in its text: `ccf.kv.notes`, `ccf.kv['notes']`, `privateMap('notes', ...)`. A name
 * that is computed is not seen.
 */
export function mapsNamedIn(source: string): readonly string[] {
  const root = parseModule(source);
  const names = new Set<string>();
  if (root === undefined) return [];
  for (const { node } of nodesOf(root)) {
    const name = node.type === 'MemberExpression' ? indexed(node) : called(node);
    if (name !== undefined) names.add(name);
  }
  return [...names].sort();
}

function indexed(node: Syntax): string | undefined {
  if (!isStore(node.object as Syntax)) return undefined;
  return node.computed === true ? textOf(node.property) : nameOf(node.property);
}

/** `ccf.kv`, `past.kv` or what is commonly made of them; `this.kv` is a map inside a wrapper. */
function isStore(node: Syntax): boolean {
  const name = nameOf(node);
  if (name !== undefined) return name === 'kv' || name === 'rawKv';
  if (node.type !== 'MemberExpression') return false;
  return nameOf(node.property) === 'kv' && (node.object as Syntax).type !== 'ThisExpression';
}

function called(node: Syntax): string | undefined {
  if (node.type !== 'CallExpression') return undefined;
  const callee = node.callee as Syntax;
  const name = nameOf(callee) ?? nameOf(callee.property);
  // A bundler numbers names that come twice.
  const plain = name?.replace(/\$\d+$/, '') ?? '';
  const text = textOf((node.arguments as readonly unknown[])[0]);
  if (text === undefined || !Object.hasOwn(naming, plain)) return undefined;
  return naming[plain]?.(text);
}
