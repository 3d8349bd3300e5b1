import { nameOf, nodesOf, parseModule, type Syntax } from './syntax.ts';

/** What of a module would not work, or not be reviewable, in the sandbox. */
export interface Suspects {
  /** Code made from text, which nobody can review: `eval`, `Function`, `import()` of a computed name. */
  readonly dynamic: readonly string[];
  /** Globals of Node.js or browsers that the sandbox does not have, used without asking for their type first. */
  readonly absent: readonly string[];
}

/** Globals that authors know from elsewhere. The sandbox has the language, `ccf` and `console`. */
const absentGlobals: ReadonlySet<string> = new Set(
  (
    'process Buffer require module exports __dirname __filename global setTimeout setInterval setImmediate ' +
    'clearTimeout clearInterval fetch XMLHttpRequest WebSocket URL URLSearchParams TextEncoder TextDecoder ' +
    'crypto performance structuredClone atob btoa window document navigator localStorage Worker ' +
    'AbortController Blob FormData Headers WebAssembly SharedArrayBuffer Atomics'
  ).split(' '),
);

/** Looks through the source of a module. What does not parse has no suspects: the bundler tells of it. */
export function suspectsIn(source: string): Suspects {
  const root = parseModule(source);
  if (root === undefined) return { dynamic: [], absent: [] };
  const dynamic = new Set<string>();
  const used = new Set<string>();
  const known = new Set<string>();
  const tried: Syntax[] = [];
  for (const { node, parent } of nodesOf(root)) {
    if (node.type === 'TryStatement') tried.push(node.block as Syntax);
    const made = dynamicCode(node);
    // Libraries try whether they may, and do without.
    if (made !== undefined && !tried.some((block) => isWithin(node, block))) dynamic.add(made);
    if (node.type === 'ObjectPattern') for (const name of boundBy(node)) known.add(name);
    const name = nameOf(node);
    if (name === undefined || !absentGlobals.has(name)) continue;
    if (isDeclared(node, parent) || parent?.operator === 'typeof') known.add(name);
    else if (!isProperty(node, parent)) used.add(name);
  }
  return { dynamic: [...dynamic].sort(), absent: [...used].filter((name) => !known.has(name)).sort() };
}

function dynamicCode(node: Syntax): string | undefined {
  if (node.type === 'ImportExpression') return 'import() of a computed name';
  if (node.type !== 'CallExpression' && node.type !== 'NewExpression') return undefined;
  const callee = nameOf(node.callee);
  if (callee === 'eval' && node.type === 'CallExpression') return 'eval';
  return callee === 'Function' ? 'Function' : undefined;
}

function isWithin(node: Syntax, block: Syntax): boolean {
  return (node.start as number) >= (block.start as number) && (node.end as number) <= (block.end as number);
}

const declarations: ReadonlySet<string> = new Set([
  'VariableDeclarator',
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassDeclaration',
  'CatchClause',
  'ImportSpecifier',
  'ImportDefaultSpecifier',
  'ImportNamespaceSpecifier',
  'ArrayPattern',
  'RestElement',
]);

function isDeclared(node: Syntax, parent: Syntax | undefined): boolean {
  if (parent === undefined || !declarations.has(parent.type)) return false;
  return parent.init !== node && parent.body !== node;
}

/** Names that a destructuring binds: `const { crypto } = sandbox()`. */
function boundBy(pattern: Syntax): readonly string[] {
  const values = (pattern.properties as readonly Syntax[]).map(({ value }) => value as Syntax | undefined);
  return values.flatMap((value) => nameOf(value) ?? nameOf(value?.left) ?? []);
}

function isProperty(node: Syntax, parent: Syntax | undefined): boolean {
  if (parent === undefined || parent.computed === true) return false;
  return (parent.property ?? parent.key) === node && parent.value !== node;
}
