import {
  getLineInfo,
  type ImportDeclaration,
  type ModuleDeclaration,
  type Program,
  parse,
  type Statement,
} from 'acorn';
import { ContractError } from '../errors.ts';
import { limits } from '../limits.ts';
import { Draft } from './draft.ts';
import { resolveSpecifier } from './resolve.ts';
import { type Binding, type Names, resolveNames } from './scope.ts';
import { keepsNothing } from './state.ts';

/**
 * A module made into text of one function, so that its top level can be evaluated any number of times in one
 * context; see `ModuleInstance` for what it is given. With imports it is a generator: the first step declares
 * (functions are hoisted, exports can be asked for), the second evaluates. Lines are those of the source;
 * columns move only where an imported name is used, where an asynchronous function begins, and behind
 * `instanceof Promise`.
 */
export interface LinkedModule {
  readonly key: string;
  readonly text: string;
  /** Modules it imports, in order. */
  readonly dependencies: readonly string[];
  /** Names it exports of its own. */
  readonly exports: readonly string[];
  /** Modules of which it passes everything on. */
  readonly stars: readonly string[];
  /** Names it imports. */
  readonly wanted: readonly (readonly [key: string, name: string])[];
  /** Its top level runs nothing and no binding of it ever changes. */
  readonly constant: boolean;
  /** Whether it has asynchronous functions, which say so when they begin, by `ModuleInstance.turn`. */
  readonly asynchronous: boolean;
}

/** Parses a module and makes it a factory. Throws ContractError naming module and line. */
export function linkModule(key: string, source: string): LinkedModule {
  const program = parseModule(key, source);
  const names = guarded(key, () => resolveNames(program));
  if (names.topLevelAwait !== undefined) {
    const { line } = getLineInfo(source, names.topLevelAwait);
    throw new ContractError('ModuleSyntax', `${key}: a module cannot await at its top level (line ${line})`, {
      module: key,
      line,
    });
  }
  const constant = guarded(key, () => keepsNothing(program, names));
  const weaver = new Weaver(key, source, names);
  weaver.promises();
  // An export may pass on what is imported further down, so imports are woven first, after the order of
  // evaluation (that of the sources, exporting ones included) is settled.
  for (const statement of program.body) weaver.source(statement);
  for (const statement of program.body) if (statement.type === 'ImportDeclaration') weaver.import(statement);
  for (const statement of program.body) weaver.export(statement);
  return {
    key,
    text: weaver.text(constant),
    dependencies: [...weaver.dependencies.keys()],
    exports: weaver.exported(),
    stars: weaver.stars,
    wanted: weaver.wanted(),
    constant,
    asynchronous: names.promisingBodies.length > 0 || names.dynamicImports.length > 0,
  };
}

function parseModule(key: string, source: string): Program {
  if (source.length > limits.moduleCharactersMax) {
    throw new ContractError('ModuleSyntax', `${key} has more than ${limits.moduleCharactersMax} characters`, {
      module: key,
    });
  }
  return guarded(key, () =>
    parse(source, {
      ecmaVersion: 'latest',
      sourceType: 'module',
      allowAwaitOutsideFunction: false,
      allowHashBang: true,
    }),
  );
}

function guarded<T>(key: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ContractError('ModuleSyntax', `${key} is nested too deeply`, { module: key });
    }
    if (!(error instanceof SyntaxError)) throw error;
    const line = (error as { loc?: { line: number } }).loc?.line;
    const where = line === undefined ? { module: key } : { module: key, line };
    throw new ContractError('ModuleSyntax', `${key}: ${error.message}`, where);
  }
}

type Item = Statement | ModuleDeclaration;

/** Rewrites one module. */
class Weaver {
  /** Key of each imported module, and the variable that holds its exports. */
  readonly dependencies = new Map<string, string>();
  /** Names asked of each imported module. */
  readonly #wanted = new Map<string, Set<string>>();

  readonly #key: string;
  readonly #names: Names;
  readonly #draft: Draft;
  readonly #prefix: string;
  /** Exported name to the expression that gives its value. */
  readonly #exports = new Map<string, string>();
  /** Keys of modules passed on whole. */
  readonly stars: string[] = [];
  /** Imported name to the expression that gives its value. */
  readonly #imported = new Map<string, string>();

  constructor(key: string, source: string, names: Names) {
    this.#key = key;
    this.#names = names;
    this.#draft = new Draft(source);
    // A name that does not occur in the module, however it is spelt, cannot be reached or hidden by it.
    let prefix = '$coco';
    const used = (name: string) => name.startsWith(prefix);
    while (source.includes(prefix) || [...names.globals].some(used)) prefix += '_';
    this.#prefix = prefix;
  }

  /**
   * Has asynchronous functions say so first: by an assignment, which takes no stack, and so cannot fail. What is only
   * compared with the global `Promise` does not read it, which would be taken for making one.
   */
  promises(): void {
    const told = `${this.#prefix}.turn.promised = true`;
    for (const { start, end } of this.#names.promiseTests) {
      this.#draft.replace(start, end, `${this.#prefix}.turn.Promise`);
    }
    for (const { start, end, isBlock } of this.#names.promisingBodies) {
      if (isBlock) this.#draft.replace(start + 1, start + 1, ` ${told};`);
      else {
        this.#draft.replace(start, start, `(${told}, `);
        this.#draft.replace(end, end, ')');
      }
    }
  }

  source(node: Item): void {
    if ('source' in node && node.source) this.#dependency(node.source.value as string);
  }

  export(node: Item): void {
    switch (node.type) {
      case 'ExportNamedDeclaration':
        this.#exportNamed(node);
        return;
      case 'ExportDefaultDeclaration':
        this.#exportDefault(node);
        return;
      case 'ExportAllDeclaration': {
        const from = this.#dependency(node.source.value as string);
        if (node.exported) this.#exports.set(nameOf(node.exported), from);
        else this.stars.push(resolveSpecifier(node.source.value as string, this.#key));
        this.#draft.blank(node.start, node.end);
        return;
      }
    }
  }

  exported(): string[] {
    return [...this.#exports.keys()];
  }

  wanted(): [key: string, name: string][] {
    const pairs: [string, string][] = [];
    for (const [key, variable] of this.dependencies) {
      for (const name of this.#wanted.get(variable) ?? []) pairs.push([key, name]);
    }
    return pairs;
  }

  text(constant: boolean): string {
    const self = this.#prefix;
    for (const { start, end } of this.#names.importMetas) this.#draft.replace(start, end, `${self}.meta`);
    for (const start of this.#names.dynamicImports) {
      this.#draft.replace(start, start + 'import'.length, `${self}.dynamic`);
    }
    const hasImports = this.dependencies.size > 0;
    let head = `(function${hasImports ? '*' : ''} (${self}) { "use strict";`;
    for (const [key, variable] of this.dependencies) {
      head += ` const ${variable} = ${self}.imports(${JSON.stringify(key)});`;
    }
    const cases = [...this.#exports].map(([name, value]) => `case ${JSON.stringify(name)}: return ${value};`);
    head += ` ${self}.get = (${self}name) => { switch (${self}name) { ${cases.join(' ')} } };`;
    if (hasImports) head += ' yield;';
    const top = constant ? `\n;${self}.top = () => [${this.#topValues().join(', ')}];` : '';
    return `${head} ${this.#draft.text()}${top}\n})`;
  }

  #topValues(): string[] {
    const own = [...this.#names.top.bindings.values()].filter(({ kind }) => kind !== 'import');
    const values = own.map(({ name }) => name);
    if (this.#exports.get('default') === `${this.#prefix}default`) values.push(`${this.#prefix}default`);
    return values;
  }

  #dependency(specifier: string): string {
    const key = resolveSpecifier(specifier, this.#key);
    const known = this.dependencies.get(key);
    if (known !== undefined) return known;
    const variable = `${this.#prefix}module${this.dependencies.size}`;
    this.dependencies.set(key, variable);
    return variable;
  }

  import(node: ImportDeclaration): void {
    const from = this.#dependency(node.source.value as string);
    for (const specifier of node.specifiers) {
      const binding = this.#names.top.bindings.get(specifier.local.name) as Binding;
      const value = this.#value(from, importedName(specifier));
      for (const { start, end, name, shorthand, callee } of binding.references) {
        // `(0, x.f)(...)` calls without a receiver, as a call of an imported function must.
        const use = shorthand ? `${name}: ${value}` : callee && value !== from ? `(0, ${value})` : value;
        this.#draft.replace(start, end, use);
      }
      this.#imported.set(specifier.local.name, value);
    }
    this.#draft.blank(node.start, node.end);
  }

  /** How an import is written where it is used; without a name, the whole namespace. */
  #value(from: string, name: string | undefined): string {
    if (name === undefined) return from;
    const wanted = this.#wanted.get(from) ?? new Set();
    this.#wanted.set(from, wanted.add(name));
    return `${from}[${JSON.stringify(name)}]`;
  }

  #exportNamed(node: Extract<Item, { type: 'ExportNamedDeclaration' }>): void {
    if (node.declaration) {
      this.#draft.blank(node.start, node.declaration.start);
      for (const name of declaredNames(node.declaration)) this.#exports.set(name, name);
      return;
    }
    const from = node.source ? this.#dependency(node.source.value as string) : undefined;
    for (const { local, exported } of node.specifiers) {
      const name = nameOf(local);
      const value = from === undefined ? this.#local(name) : this.#value(from, name);
      this.#exports.set(nameOf(exported), value);
    }
    this.#draft.blank(node.start, node.end);
  }

  #local(name: string): string {
    const binding = this.#names.top.bindings.get(name);
    if (!binding) {
      throw new ContractError('ModuleSyntax', `${this.#key} exports ${name}, which it does not declare`, {
        module: this.#key,
      });
    }
    return this.#imported.get(name) ?? name;
  }

  #exportDefault(node: Extract<Item, { type: 'ExportDefaultDeclaration' }>): void {
    const { declaration } = node;
    const named = declaration.type === 'FunctionDeclaration' || declaration.type === 'ClassDeclaration';
    if (named && declaration.id) {
      this.#draft.blank(node.start, declaration.start);
      this.#exports.set('default', declaration.id.name);
      return;
    }
    const variable = `${this.#prefix}default`;
    this.#draft.replace(node.start, declaration.start, `const ${variable} = `);
    this.#draft.replace(declaration.end, declaration.end, ';');
    this.#exports.set('default', variable);
  }
}

type ImportSpecifiers = ImportDeclaration['specifiers'][number];

function importedName(specifier: ImportSpecifiers): string | undefined {
  if (specifier.type === 'ImportNamespaceSpecifier') return undefined;
  return specifier.type === 'ImportDefaultSpecifier' ? 'default' : nameOf(specifier.imported);
}

function nameOf(node: { type: string; name?: string; value?: unknown }): string {
  return node.type === 'Identifier' ? (node.name as string) : String(node.value);
}

function declaredNames(declaration: unknown): string[] {
  // A wrapper without the body: only what it declares counts.
  const program = { type: 'Program', start: 0, end: 0, body: [declaration] };
  return [...resolveNames(program as never).top.bindings.keys()];
}
