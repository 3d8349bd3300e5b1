/**
 * Names that libraries assign on objects of their own which inherit them. A frozen data property would refuse
 * the assignment on the heir too, so on frozen prototypes these are accessors that define it there instead.
 */
function overridable(name: PropertyKey, prototype: object): boolean {
  if (prototype === Object.prototype) return true;
  if (prototype === Object.getPrototypeOf(Uint8Array.prototype)) return typeof name === 'string';
  const anywhere = ['toString', 'toLocaleString', 'valueOf', 'toJSON', 'name', 'message'];
  if (anywhere.includes(name as string)) return true;
  // The species protectors of arrays and promises hang on `constructor` being plain data there.
  return name === 'constructor' && prototype !== Array.prototype && prototype !== Promise.prototype;
}

function makeOverridable(prototype: object, name: PropertyKey, value: unknown, enumerable: boolean): void {
  const access = {
    get() {
      return value;
    },
    set(this: unknown, replacement: unknown) {
      if (this === prototype) throw new TypeError(`Cannot assign to read only property '${String(name)}'`);
      if (Object(this) !== this) return;
      const descriptor = { value: replacement, writable: true, enumerable: true, configurable: true };
      if (!Reflect.defineProperty(this as object, name, descriptor)) {
        throw new TypeError(`Cannot assign to read only property '${String(name)}' of object`);
      }
    },
  };
  Object.defineProperty(prototype, name, {
    get: access.get,
    set: access.set,
    enumerable,
    configurable: false,
  });
}

/** Objects of the language that no global leads to. */
function hiddenIntrinsics(): unknown[] {
  const generator = function* () {};
  const asyncGenerator = async function* () {};
  return [
    Object.getPrototypeOf(generator),
    Object.getPrototypeOf(asyncGenerator),
    Object.getPrototypeOf(async () => {}),
    Object.getPrototypeOf([][Symbol.iterator]()),
    Object.getPrototypeOf(new Map()[Symbol.iterator]()),
    Object.getPrototypeOf(new Set()[Symbol.iterator]()),
    Object.getPrototypeOf(''[Symbol.iterator]()),
    Object.getPrototypeOf('a'.matchAll(/a/g)),
    Object.getPrototypeOf(generator()),
    Object.getPrototypeOf(asyncGenerator()),
    ...iteratorHelpers(),
  ];
}

function iteratorHelpers(): unknown[] {
  const from = (globalThis as { Iterator?: { from(iterable: unknown): { map(f: unknown): object } } })
    .Iterator?.from;
  if (!from) return [];
  const wrapped = from({ next: () => ({ done: true, value: undefined }) });
  return [Object.getPrototypeOf(wrapped), Object.getPrototypeOf(wrapped.map(() => undefined))];
}

/** Everything a set of objects leads to: properties, accessors, prototypes. */
export function reachable(roots: readonly unknown[]): Set<object> {
  const found = new Set<object>();
  const queue = [...roots];
  for (let item = queue.pop(); item !== undefined || queue.length > 0; item = queue.pop()) {
    if ((typeof item !== 'object' && typeof item !== 'function') || item === null || found.has(item))
      continue;
    found.add(item);
    queue.push(Object.getPrototypeOf(item));
    for (const name of Reflect.ownKeys(item)) {
      const descriptor = Object.getOwnPropertyDescriptor(item, name) as PropertyDescriptor;
      queue.push(descriptor.value, descriptor.get, descriptor.set);
    }
  }
  return found;
}

/** Freezes the language and what else calls share, so that nothing a call does to it can be seen by another. */
export function freezeRealm(shared: readonly unknown[]): void {
  const roots = [globalThis, ...hiddenIntrinsics(), ...shared];
  for (const item of reachable(roots)) {
    if (item === globalThis) continue;
    const isPrototype = Object.hasOwn(item, 'constructor') || item === Object.prototype;
    if (isPrototype) {
      for (const name of Reflect.ownKeys(item)) {
        const descriptor = Object.getOwnPropertyDescriptor(item, name) as PropertyDescriptor;
        if (!('value' in descriptor) || !descriptor.configurable || !overridable(name, item)) continue;
        makeOverridable(item, name, descriptor.value, descriptor.enumerable === true);
      }
    }
    Object.freeze(item);
  }
  Object.freeze(globalThis);
  for (const item of reachable([globalThis])) Object.freeze(item);
  quickenPrototypes();
}

/**
 * V8 keeps a changed prototype as a slow table until it serves an object's property lookup often enough; those
 * of primitives never do, and every method of a string would be looked up in that table.
 */
function quickenPrototypes(): void {
  for (const { prototype } of [String, Number, Boolean, Symbol, BigInt]) {
    const heir = Object.create(prototype) as { absent?: unknown };
    const look = () => heir.absent;
    for (let i = 0; i < 2000; i++) look();
  }
}

/**
 * Freezes what modules made while they were evaluated. Answers what is in the way of that: something whose
 * state is not in its properties.
 */
export function freezeModules(values: readonly unknown[]): string | undefined {
  const items = reachable(values);
  for (const item of items) {
    if (isOpaque(item)) return Object.prototype.toString.call(item);
    if (item instanceof RegExp && (item.global || item.sticky)) return `${item}`;
  }
  for (const item of items) Object.freeze(item);
  return undefined;
}

/** Whether an object keeps state that freezing does not reach. */
function isOpaque(item: object): boolean {
  if (ArrayBuffer.isView(item) || item instanceof ArrayBuffer) return true;
  const kinds: unknown[] = [Map, Set, WeakMap, WeakSet, Date, Promise];
  if (
    kinds.some((kind) => item instanceof (kind as new () => object) && !Object.hasOwn(item, 'constructor'))
  ) {
    return true;
  }
  const next = (item as { next?: unknown }).next;
  return typeof next === 'function' && !Object.hasOwn(item, 'constructor') && !Object.isFrozen(item);
}

/** What of this file runs inside, see program.ts. */
export const lockdownProgram = [
  overridable,
  makeOverridable,
  hiddenIntrinsics,
  iteratorHelpers,
  reachable,
  quickenPrototypes,
  freezeRealm,
  freezeModules,
  isOpaque,
];
