import { parse } from 'acorn';

/** A node of a syntax tree, as far as we look. */
export interface Syntax {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The tree of a module; undefined for text that does not parse. */
export function parseModule(source: string): Syntax | undefined {
  try {
    return parse(source, { ecmaVersion: 'latest', sourceType: 'module' }) as unknown as Syntax;
  } catch {
    return undefined;
  }
}

/** Every node with its parent, parents first. A worklist: depth is the source's to choose. */
export function* nodesOf(
  root: Syntax,
): Generator<{ readonly node: Syntax; readonly parent: Syntax | undefined }> {
  const work: { node: Syntax; parent: Syntax | undefined }[] = [{ node: root, parent: undefined }];
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    yield next;
    for (const value of Object.values(next.node)) {
      for (const child of Array.isArray(value) ? value : [value]) {
        if (isSyntax(child)) work.push({ node: child, parent: next.node });
      }
    }
  }
}

/** The name of an identifier; undefined for anything else. */
export function nameOf(node: unknown): string | undefined {
  return isSyntax(node) && node.type === 'Identifier' ? (node.name as string) : undefined;
}

/** The text of a literal, or of a template without holes. */
export function textOf(node: unknown): string | undefined {
  if (!isSyntax(node)) return undefined;
  if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
  const quasis = node.quasis as readonly { value: { cooked?: string } }[] | undefined;
  return node.type === 'TemplateLiteral' && quasis?.length === 1 ? quasis[0]?.value.cooked : undefined;
}

function isSyntax(value: unknown): value is Syntax {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}
