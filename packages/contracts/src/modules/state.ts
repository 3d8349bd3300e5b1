import type { Node, Program } from 'acorn';
import type { Binding, Names } from './scope.ts';

type Syntax = Node & Readonly<Record<string, unknown>>;

/**
 * Whether a module's evaluation leaves no state that freezing what it declares would not reach: no binding
 * ever changes, and nothing it runs can hide a variable or an object in a closure. Errs on the side of no, in
 * which case the module is evaluated anew for each call: slower, never wrong.
 *
 * What may run: functions and classes of the module itself, if they make no closures and run nothing else, and
 * functions of the language and of `ccf` that keep nothing. Typed tables made at the top level are such a case.
 */
export function keepsNothing(program: Program, names: Names): boolean {
  if (names.globals.has('eval')) return false;
  for (const binding of names.top.bindings.values()) if (binding.writes > 1) return false;
  return new Judge(program as unknown as Syntax, names).judge();
}

/** What holds names that cannot be listed at the top, or suspends. */
const opaque: ReadonlySet<string> = new Set([
  'TaggedTemplateExpression',
  'ImportExpression',
  'AwaitExpression',
  'YieldExpression',
  'StaticBlock',
  'ForStatement',
  'ForInStatement',
  'ForOfStatement',
  'SwitchStatement',
]);

const functions: ReadonlySet<string> = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
]);

/** Functions of the language that run no function given to them and remember nothing. */
const harmless: ReadonlySet<string> = new Set([
  ...['freeze', 'keys', 'values', 'entries', 'fromEntries', 'assign', 'create', 'seal'].map(
    (name) => `Object.${name}`,
  ),
  ...['parse', 'stringify'].map((name) => `JSON.${name}`),
  ...['String', 'Number', 'Boolean', 'BigInt', 'Symbol', 'Symbol.for', 'Array.of', 'Array.isArray'],
  ...['parseInt', 'parseFloat', 'Number.parseInt', 'Number.parseFloat'],
]);

class Judge {
  readonly #program: Syntax;
  readonly #names: Names;
  /** Functions and classes that top-level names stand for. */
  readonly #declared = new Map<Binding, Syntax>();
  /** Verdicts on functions and classes; one in the making counts as good, so that recursion ends. */
  readonly #verdicts = new Map<Syntax, boolean>();

  constructor(program: Syntax, names: Names) {
    this.#program = program;
    this.#names = names;
  }

  judge(): boolean {
    for (const statement of this.#program.body as Syntax[]) this.#collect(statement);
    return (this.#program.body as Syntax[]).every((statement) => this.#topLevel(statement));
  }

  #collect(statement: Syntax): void {
    const inner = isSyntax(statement.declaration) ? statement.declaration : statement;
    if (inner.type === 'VariableDeclaration') {
      for (const { id, init } of inner.declarations as { id: Syntax; init: unknown }[]) {
        if (id.type === 'Identifier' && isSyntax(init)) this.#declare(id.name, init);
      }
    } else if (isSyntax(inner.id)) {
      this.#declare(inner.id.name, inner);
    }
  }

  #declare(name: unknown, value: Syntax): void {
    const binding = this.#names.top.bindings.get(String(name));
    if (binding) this.#declared.set(binding, value);
  }

  /** At the top a block may hide names; inside a function they are gone when it returns. */
  #topLevel(statement: Syntax): boolean {
    if (statement.type === 'BlockStatement' || statement.type === 'TryStatement') return false;
    if (statement.type === 'IfStatement') {
      const branches = [statement.consequent, statement.alternate].filter(isSyntax);
      if (branches.some(({ type }) => type === 'BlockStatement')) return false;
    }
    return this.#runs(statement);
  }

  /** Whether running this keeps nothing hidden. */
  #runs(node: Syntax): boolean {
    if (opaque.has(node.type)) return false;
    if (functions.has(node.type)) return true;
    switch (node.type) {
      case 'ClassDeclaration':
      case 'ClassExpression':
        return this.#classRuns(node);
      case 'CallExpression':
        return this.#callRuns(node);
      case 'NewExpression':
        return this.#constructs(node.callee as Syntax) && this.#all(node.arguments);
      case 'Property':
        if (node.kind !== 'init' && !this.#isPlain(node.value as Syntax)) return false;
        return this.#children(node);
      default:
        return this.#children(node);
    }
  }

  #children(node: Syntax): boolean {
    return Object.values(node).every((value) => {
      if (Array.isArray(value)) return this.#all(value);
      return !isSyntax(value) || this.#runs(value);
    });
  }

  #all(nodes: unknown): boolean {
    return (nodes as unknown[]).every((node) => !isSyntax(node) || this.#runs(node));
  }

  /** Evaluating a class: its static side. Accessors run when a property is read, so they count as run. */
  #classRuns(node: Syntax): boolean {
    if (isSyntax(node.superClass) && !this.#runs(node.superClass)) return false;
    return ((node.body as Syntax).body as Syntax[]).every((member) => {
      if (member.type === 'StaticBlock') return false;
      if (member.computed && !this.#runs(member.key as Syntax)) return false;
      if (member.type === 'MethodDefinition') {
        return (
          member.kind === 'method' || member.kind === 'constructor' || this.#isPlain(member.value as Syntax)
        );
      }
      if (!member.static) return true;
      return !isPrivate(member) && (!isSyntax(member.value) || this.#runs(member.value));
    });
  }

  #callRuns(node: Syntax): boolean {
    if (!this.#all(node.arguments)) return false;
    const callee = node.callee as Syntax;
    const path = this.#globalPath(callee);
    if (path !== undefined && (harmless.has(path) || path.startsWith('ccf.'))) return true;
    return callee.type === 'Identifier' && this.#isPlainName(callee);
  }

  #constructs(callee: Syntax): boolean {
    if (callee.type !== 'Identifier') return false;
    const binding = this.#names.meanings.get(callee.start);
    // What the language constructs and freezing does not reach is found when it is frozen.
    if (!binding)
      return ['Map', 'Set', 'Date', 'Uint8Array', 'Error', 'RegExp', 'Array', 'Object'].includes(
        String(callee.name),
      );
    return this.#isPlainName(callee);
  }

  /** `a.b.c` from a global, or from a top-level name for `ccf`; undefined for anything else. */
  #globalPath(node: Syntax): string | undefined {
    if (node.type === 'MemberExpression') {
      const object = this.#globalPath(node.object as Syntax);
      if (object === undefined || node.computed) return undefined;
      const name = String((node.property as Syntax).name);
      return object === 'globalThis' ? name : `${object}.${name}`;
    }
    if (node.type !== 'Identifier') return undefined;
    if (!this.#names.meanings.has(node.start)) return undefined;
    const binding = this.#names.meanings.get(node.start);
    if (!binding) return String(node.name);
    const value = this.#declared.get(binding);
    const path = value?.type === 'MemberExpression' ? this.#globalPath(value) : undefined;
    return path === 'ccf' ? path : undefined;
  }

  #isPlainName(identifier: Syntax): boolean {
    const binding = this.#names.meanings.get(identifier.start);
    const declared = binding && this.#declared.get(binding);
    return declared !== undefined && this.#isPlain(declared);
  }

  /** A function or class of the module that can be called or constructed while the module is evaluated. */
  #isPlain(node: Syntax): boolean {
    const known = this.#verdicts.get(node);
    if (known !== undefined) return known;
    this.#verdicts.set(node, true);
    const verdict = functions.has(node.type) ? this.#isPlainFunction(node) : this.#isPlainClass(node);
    this.#verdicts.set(node, verdict);
    return verdict;
  }

  /** It makes no closures, and runs only what may run. */
  #isPlainFunction(node: Syntax): boolean {
    if (node.async || node.generator) return false;
    const parts = [...(node.params as unknown[]), node.body].filter(isSyntax);
    return parts.every((part) => !makesClosures(part) && this.#runs(part));
  }

  #isPlainClass(node: Syntax): boolean {
    if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return false;
    const { superClass } = node;
    if (isSyntax(superClass) && !(superClass.type === 'Identifier' && this.#isPlainName(superClass)))
      return false;
    return ((node.body as Syntax).body as Syntax[]).every((member) => {
      if (isPrivate(member)) return false;
      if (member.kind === 'constructor') return this.#isPlain(member.value as Syntax);
      if (member.type !== 'PropertyDefinition' || !isSyntax(member.value)) return true;
      return !makesClosures(member.value) && this.#runs(member.value);
    });
  }
}

function makesClosures(node: Syntax): boolean {
  if (functions.has(node.type) || node.type === 'ClassExpression' || node.type === 'ClassDeclaration')
    return true;
  return Object.values(node).some((value) => {
    if (Array.isArray(value)) return value.some((each) => isSyntax(each) && makesClosures(each));
    return isSyntax(value) && makesClosures(value);
  });
}

function isPrivate(member: Syntax): boolean {
  return (member.key as Syntax | undefined)?.type === 'PrivateIdentifier';
}

function isSyntax(value: unknown): value is Syntax {
  return (
    typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
  );
}
