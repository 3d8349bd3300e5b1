import type { Node } from 'acorn';

type Syntax = Node & Readonly<Record<string, unknown>>;

/** What runs somebody's code, or holds names that cannot be listed: hidden state may come of it. */
const running: ReadonlySet<string> = new Set([
  'CallExpression',
  'NewExpression',
  'TaggedTemplateExpression',
  'ImportExpression',
  'AwaitExpression',
  'YieldExpression',
  'StaticBlock',
  'PrivateIdentifier',
  'BlockStatement',
  'SwitchStatement',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
]);

/** Bodies that do not run when the module is evaluated. */
const dormant: ReadonlySet<string> = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
]);

/**
 * Whether evaluating the top level runs anything that could keep state where it cannot be seen. Errs on the
 * side of yes: a call, a construction, a private class member outside a dormant function body is enough.
 */
export function evaluatesCode(node: Node): boolean {
  const syntax = node as Syntax;
  if (running.has(syntax.type)) return true;
  if (dormant.has(syntax.type)) return false;
  for (const value of Object.values(syntax)) {
    if (Array.isArray(value)) {
      for (const each of value) if (isSyntax(each) && evaluatesCode(each)) return true;
    } else if (isSyntax(value) && evaluatesCode(value)) {
      return true;
    }
  }
  return false;
}

function isSyntax(value: unknown): value is Syntax {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}
