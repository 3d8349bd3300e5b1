import type { Node } from 'acorn';

/** A use of a name. */
export interface Reference {
  readonly name: string;
  readonly start: number;
  readonly end: number;
  /** `{ name }` stands for `{ name: name }`. */
  readonly shorthand: boolean;
  /** It is what a call calls: must not receive a `this`. */
  readonly callee: boolean;
  /** It is given a new value. */
  readonly write: boolean;
  readonly scope: Scope;
}

/** A declared name. */
export interface Binding {
  readonly name: string;
  readonly kind: 'import' | 'var' | 'let' | 'const' | 'function' | 'class' | 'parameter';
  readonly references: Reference[];
  /** Declarations that give a value, and assignments. More than one: its value changes. */
  writes: number;
}

/** A region of text in which names mean something. */
export class Scope {
  readonly parent: Scope | undefined;
  /** Holds `var` declarations. */
  readonly isFunction: boolean;
  readonly bindings = new Map<string, Binding>();

  constructor(parent: Scope | undefined, isFunction: boolean) {
    this.parent = parent;
    this.isFunction = isFunction;
  }

  declare(name: string, kind: Binding['kind'], initialised: boolean): void {
    let scope: Scope = this;
    if (kind === 'var') while (!scope.isFunction && scope.parent) scope = scope.parent;
    const known = scope.bindings.get(name);
    if (known) known.writes += initialised ? 1 : 0;
    else scope.bindings.set(name, { name, kind, references: [], writes: initialised ? 1 : 0 });
  }

  find(name: string): Binding | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.parent) {
      const found = scope.bindings.get(name);
      if (found) return found;
    }
    return undefined;
  }
}

/** What a module's text says about names. */
export interface Names {
  readonly top: Scope;
  /** What each use of a name means, by where it stands; undefined for a global. */
  readonly meanings: ReadonlyMap<number, Binding | undefined>;
  /** References to nothing the module declares: globals. */
  readonly globals: ReadonlySet<string>;
  readonly importMetas: readonly { readonly start: number; readonly end: number }[];
  /** `import(...)` expressions, by where the word `import` stands. */
  readonly dynamicImports: readonly number[];
  /** Where the module itself awaits, if it does. */
  readonly topLevelAwait: number | undefined;
  /** Bodies of asynchronous functions. */
  readonly promisingBodies: readonly PromisingBody[];
  /** The global `Promise` where something is only compared with it: `x instanceof Promise`. */
  readonly promiseTests: readonly { readonly start: number; readonly end: number }[];
}

/** The body of an asynchronous function, with its braces if it has any. */
export interface PromisingBody {
  readonly start: number;
  readonly end: number;
  readonly isBlock: boolean;
}

type Syntax = Node & Readonly<Record<string, unknown>>;

/** Resolves every name in a parsed module. */
export function resolveNames(program: Node): Names {
  const walker = new Walker();
  walker.visit(program as Syntax, walker.top);
  return walker.finish();
}

class Walker {
  readonly top = new Scope(undefined, true);
  readonly #references: Reference[] = [];
  readonly #importMetas: { start: number; end: number }[] = [];
  readonly #dynamicImports: number[] = [];
  readonly #promisingBodies: PromisingBody[] = [];
  readonly #promiseTests: { start: number; end: number }[] = [];
  #topLevelAwait: number | undefined;

  finish(): Names {
    const globals = new Set<string>();
    const meanings = new Map<number, Binding | undefined>();
    for (const reference of this.#references) {
      const binding = reference.scope.find(reference.name);
      meanings.set(reference.start, binding);
      if (!binding) {
        globals.add(reference.name);
        continue;
      }
      binding.references.push(reference);
      // An assignment may be made at any time, which a declaration with a value is not.
      if (reference.write) binding.writes += 2;
    }
    return {
      top: this.top,
      meanings,
      globals,
      importMetas: this.#importMetas,
      dynamicImports: this.#dynamicImports,
      topLevelAwait: this.#topLevelAwait,
      promisingBodies: this.#promisingBodies,
      promiseTests: this.#promiseTests.filter(({ start }) => meanings.get(start) === undefined),
    };
  }

  visit(node: Syntax, scope: Scope): void {
    const handler = handlers[node.type];
    if (handler) handler(this, node, scope);
    else this.children(node, scope);
  }

  children(node: Syntax, scope: Scope): void {
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) this.all(value, scope);
      else if (isSyntax(value)) this.visit(value, scope);
    }
  }

  all(nodes: readonly unknown[], scope: Scope): void {
    for (const node of nodes) if (isSyntax(node)) this.visit(node, scope);
  }

  one(node: unknown, scope: Scope): void {
    if (isSyntax(node)) this.visit(node, scope);
  }

  refer(
    node: Syntax,
    scope: Scope,
    how: { shorthand?: boolean; callee?: boolean; write?: boolean } = {},
  ): void {
    const { shorthand = false, callee = false, write = false } = how;
    const name = node.name as string;
    this.#references.push({ name, start: node.start, end: node.end, shorthand, callee, write, scope });
  }

  /** Declares the names of a pattern, or marks them written when `kind` is undefined. */
  pattern(node: unknown, scope: Scope, kind: Binding['kind'] | undefined, initialised = true): void {
    if (!isSyntax(node)) return;
    switch (node.type) {
      case 'Identifier':
        if (kind) scope.declare(node.name as string, kind, initialised);
        else this.refer(node, scope, { write: true });
        return;
      case 'ObjectPattern':
        for (const property of node.properties as Syntax[]) this.#patternProperty(property, scope, kind);
        return;
      case 'ArrayPattern':
        for (const element of node.elements as unknown[]) this.pattern(element, scope, kind);
        return;
      case 'AssignmentPattern':
        this.pattern(node.left, scope, kind);
        this.one(node.right, scope);
        return;
      case 'RestElement':
        this.pattern(node.argument, scope, kind);
        return;
      default:
        this.visit(node, scope);
    }
  }

  #patternProperty(property: Syntax, scope: Scope, kind: Binding['kind'] | undefined): void {
    if (property.type === 'RestElement') {
      this.pattern(property.argument, scope, kind);
      return;
    }
    if (property.computed) this.one(property.key, scope);
    this.pattern(property.value, scope, kind);
  }

  callable(node: Syntax, scope: Scope): void {
    if (node.async) this.#promises(node.body as Syntax);
    const inner = new Scope(scope, true);
    for (const parameter of node.params as unknown[]) this.pattern(parameter, inner, 'parameter');
    const body = node.body as Syntax;
    if (body.type === 'BlockStatement') this.all(body.body as unknown[], inner);
    else this.visit(body, inner);
  }

  #promises({ start, end, type }: Syntax): void {
    this.#promisingBodies.push({ start, end, isBlock: type === 'BlockStatement' });
  }

  classBody(node: Syntax, scope: Scope): void {
    const inner = new Scope(scope, false);
    if (isSyntax(node.id)) inner.declare(node.id.name as string, 'class', true);
    this.one(node.superClass, inner);
    this.one(node.body, inner);
  }

  importMeta(node: Syntax): void {
    this.#importMetas.push({ start: node.start, end: node.end });
  }

  /** `kind` is what a value is compared with. */
  instance(kind: Syntax): void {
    if (kind.type === 'Identifier' && kind.name === 'Promise') this.#promiseTests.push(kind);
  }

  dynamicImport(node: Syntax): void {
    this.#dynamicImports.push(node.start);
  }

  awaits(node: Syntax, scope: Scope): void {
    let inside: Scope = scope;
    while (!inside.isFunction && inside.parent) inside = inside.parent;
    if (inside === this.top) this.#topLevelAwait ??= node.start;
  }
}

type Handler = (walker: Walker, node: Syntax, scope: Scope) => void;

const block: Handler = (walker, node, scope) => walker.children(node, new Scope(scope, false));
const nothing: Handler = () => {};

const method: Handler = (walker, node, scope) => {
  if (node.computed) walker.one(node.key, scope);
  walker.one(node.value, scope);
};

const loop: Handler = (walker, node, scope) => {
  if (node.await) walker.awaits(node, scope);
  const inner = new Scope(scope, false);
  const left = node.left as Syntax;
  if (left.type === 'VariableDeclaration') declare(walker, left, inner, true);
  else walker.pattern(left, inner, undefined);
  walker.one(node.right, inner);
  walker.one(node.body, inner);
};

function declare(walker: Walker, node: Syntax, scope: Scope, initialised: boolean): void {
  const kind = node.kind as string;
  if (kind === 'await using') walker.awaits(node, scope);
  const bindingKind = kind === 'var' || kind === 'let' ? kind : 'const';
  for (const declarator of node.declarations as Syntax[]) {
    const hasValue = initialised || (declarator.init !== null && declarator.init !== undefined);
    walker.pattern(declarator.id, scope, bindingKind, hasValue);
    walker.one(declarator.init, scope);
  }
}

const handlers: Readonly<Record<string, Handler>> = {
  Identifier: (walker, node, scope) => walker.refer(node, scope),
  MemberExpression: (walker, node, scope) => {
    walker.one(node.object, scope);
    if (node.computed) walker.one(node.property, scope);
  },
  CallExpression: (walker, node, scope) => {
    const callee = node.callee as Syntax;
    if (callee.type === 'Identifier') walker.refer(callee, scope, { callee: true });
    else walker.visit(callee, scope);
    walker.all(node.arguments as unknown[], scope);
  },
  TaggedTemplateExpression: (walker, node, scope) => {
    const tag = node.tag as Syntax;
    if (tag.type === 'Identifier') walker.refer(tag, scope, { callee: true });
    else walker.visit(tag, scope);
    walker.one(node.quasi, scope);
  },
  Property: (walker, node, scope) => {
    if (node.shorthand) walker.refer(node.value as Syntax, scope, { shorthand: true });
    else method(walker, node, scope);
  },
  MethodDefinition: method,
  PropertyDefinition: (walker, node, scope) => {
    if (node.computed) walker.one(node.key, scope);
    walker.one(node.value, new Scope(scope, true));
  },
  StaticBlock: (walker, node, scope) => walker.children(node, new Scope(scope, true)),
  AssignmentExpression: (walker, node, scope) => {
    walker.pattern(node.left, scope, undefined);
    walker.one(node.right, scope);
  },
  BinaryExpression: (walker, node, scope) => {
    if (node.operator === 'instanceof') walker.instance(node.right as Syntax);
    walker.children(node, scope);
  },
  UpdateExpression: (walker, node, scope) => walker.pattern(node.argument, scope, undefined),
  VariableDeclaration: (walker, node, scope) => declare(walker, node, scope, false),
  FunctionDeclaration: (walker, node, scope) => {
    if (isSyntax(node.id)) scope.declare(node.id.name as string, 'function', true);
    walker.callable(node, scope);
  },
  FunctionExpression: (walker, node, scope) => {
    const inner = new Scope(scope, false);
    if (isSyntax(node.id)) inner.declare(node.id.name as string, 'function', true);
    walker.callable(node, inner);
  },
  ArrowFunctionExpression: (walker, node, scope) => walker.callable(node, scope),
  ClassDeclaration: (walker, node, scope) => {
    if (isSyntax(node.id)) scope.declare(node.id.name as string, 'class', true);
    walker.classBody(node, scope);
  },
  ClassExpression: (walker, node, scope) => walker.classBody(node, scope),
  BlockStatement: block,
  ForStatement: block,
  SwitchStatement: block,
  ForInStatement: loop,
  ForOfStatement: loop,
  CatchClause: (walker, node, scope) => {
    const inner = new Scope(scope, false);
    walker.pattern(node.param, inner, 'parameter');
    walker.one(node.body, inner);
  },
  LabeledStatement: (walker, node, scope) => walker.one(node.body, scope),
  BreakStatement: nothing,
  ContinueStatement: nothing,
  AwaitExpression: (walker, node, scope) => {
    walker.awaits(node, scope);
    walker.children(node, scope);
  },
  MetaProperty: (walker, node) => {
    if ((node.meta as Syntax).name === 'import') walker.importMeta(node);
  },
  ImportExpression: (walker, node, scope) => {
    walker.dynamicImport(node);
    walker.one(node.source, scope);
    walker.one(node.options, scope);
  },
  ImportDeclaration: (_, node, scope) => {
    for (const specifier of node.specifiers as Syntax[]) {
      scope.declare((specifier.local as Syntax).name as string, 'import', true);
    }
  },
  ExportNamedDeclaration: (walker, node, scope) => walker.one(node.declaration, scope),
  ExportAllDeclaration: nothing,
  ExportDefaultDeclaration: (walker, node, scope) => walker.one(node.declaration, scope),
};

function isSyntax(value: unknown): value is Syntax {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}
