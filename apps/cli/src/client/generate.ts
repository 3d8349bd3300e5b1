import { endpointsOf } from '@coco/api';
import { CliError } from '../errors.ts';
import { isRecord, type Json, propertyName, typeName, typeOf } from './schema-type.ts';

/** A typed client, as the text of a module. */
export interface GeneratedClient {
  readonly module: string;
  /** The functions in it, with what they call. */
  readonly functions: readonly { readonly name: string; readonly route: string }[];
}

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete'];

/**
 * Writes a typed client for a contract from its OpenAPI document: a function for each endpoint, over a session of
 * the client library. The document may come from anybody: whatever is in it ends up as names, types, texts and
 * comments, never as code. Throws `Failed` for what is no such document.
 */
export function generateClient(
  document: unknown,
  { library }: { readonly library: string },
): GeneratedClient {
  if (!isRecord(document) || !isRecord(document.paths)) {
    throw new CliError('Failed', 'this is no OpenAPI document: it has no paths');
  }
  const operations = operationsIn(document, document.paths);
  if (operations.length === 0) throw new CliError('Failed', 'the document has no endpoints of a contract');
  const texts = operations.map(functionText);
  const used = (name: string): boolean => texts.some((text) => text.includes(name));
  const names = ['Session', 'TxId', 'WriteOptions', 'Written'].filter(used).map((name) => `type ${name}`);
  const imports = [...names, ...['typedRead', 'typedWrite'].filter(used)].join(', ');
  const { title = 'a contract', version = '' } = isRecord(document.info) ? document.info : {};
  const module = [
    `// ${oneLine(`A typed client of ${title} ${version}`.trimEnd())}. Written by \`coco client generate\`: do not edit.`,
    `import { ${imports} } from ${JSON.stringify(library)};`,
    ...componentsOf(document),
    ...texts,
  ].join('\n\n');
  return {
    module: `${module}\n`,
    functions: operations.map(({ method, name, path }) => ({ name, route: `${method} ${path}` })),
  };
}

interface Operation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly described: Json;
  readonly mode: 'read' | 'historical' | 'write';
}

function operationsIn(document: Json, paths: Json): Operation[] {
  const builtIn = new Set(endpointsOf('app').map(({ method, path }) => `${method} ${path}`));
  const taken = new Set<string>();
  const operations: Operation[] = [];
  for (const [path, item] of Object.entries(paths)) {
    for (const name of methods) {
      const described = isRecord(item) ? item[name] : undefined;
      if (!isRecord(described)) continue;
      const method = name.toUpperCase();
      // What every service has is in the library already, unless the contract put its own in its place.
      if (builtIn.has(`${method} ${path}`) && described['x-coco-mode'] === undefined) continue;
      operations.push({
        name: unique(functionName(described.operationId, method, path), taken),
        method,
        path,
        described: { ...described, parameters: parametersOf(document, item as Json, described) },
        mode: modeOf(method, described),
      });
    }
  }
  return operations;
}

/** A document that does not say what a call does is taken by its method, as HTTP defines them. */
function modeOf(method: string, described: Json): Operation['mode'] {
  const mode = described['x-coco-mode'];
  if (mode === 'historical') return 'historical';
  const reads = mode === undefined ? method === 'GET' || method === 'HEAD' : mode === 'readonly';
  return reads ? 'read' : 'write';
}

function parametersOf(document: Json, item: Json, described: Json): readonly Json[] {
  const own = [item.parameters, described.parameters].flatMap((list) => (Array.isArray(list) ? list : []));
  return own.flatMap((parameter: unknown) => {
    const found = resolved(document, parameter);
    return isRecord(found) && typeof found.name === 'string' ? [found] : [];
  });
}

/** What a reference into the document leads to. */
function resolved(document: Json, value: unknown): unknown {
  if (!isRecord(value) || typeof value.$ref !== 'string' || !value.$ref.startsWith('#/')) return value;
  let target: unknown = document;
  for (const name of value.$ref.slice(2).split('/')) target = isRecord(target) ? target[name] : undefined;
  return target;
}

/** `get_notes_id`, or `GetAppNotesId`, or nothing: `getNotesId`. */
function functionName(operationId: unknown, method: string, path: string): string {
  const from =
    typeof operationId === 'string' && /[A-Za-z]/.test(operationId) ? operationId : `${method} ${path}`;
  const words =
    from.replace(/^(Get|Head|Post|Put|Patch|Delete)App(?=[A-Z])/, '$1 ').match(/[A-Za-z0-9]+/g) ?? [];
  const [first = 'call', ...rest] = words.filter((word) => word !== 'app');
  const start = first === first.toUpperCase() ? first.toLowerCase() : first;
  const name = [start.charAt(0).toLowerCase() + start.slice(1), ...rest.map(capital)].join('');
  return /^[a-z]/.test(name) && !reserved.has(name) ? name : `call${capital(name)}`;
}

/** `get_notes` is no word of the language, but an operation may be called `delete`. */
const reserved = new Set(
  'break case catch class const continue debugger default delete do else enum export extends false finally for function if import in instanceof new null return super switch this throw true try typeof var void while with yield let static await async implements interface package private protected public typedRead typedWrite'.split(
    ' ',
  ),
);

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function unique(name: string, taken: Set<string>): string {
  let free = name;
  for (let count = 2; taken.has(free); count++) free = `${name}${count}`;
  taken.add(free);
  return free;
}

function componentsOf(document: Json): string[] {
  const { schemas } = isRecord(document.components) ? document.components : {};
  const taken = new Set<string>();
  return Object.entries(isRecord(schemas) ? schemas : {}).flatMap(([name, schema]) => {
    const type = typeName(name);
    // Two components whose names differ only in punctuation would be one type.
    if (taken.has(type)) return [];
    taken.add(type);
    return [`export type ${type} = ${typeOf(schema)};`];
  });
}

/** Where the parameters of a function come from. */
const places = { path: 'params', query: 'query', header: 'headers' } as const;

function functionText({ name, method, path, described, mode }: Operation): string {
  const fields = fieldsOf(described, mode);
  const needed = fields.some(({ required }) => required);
  const asked = `{ ${fields.map(({ field, required, type }) => `readonly ${field}${required ? '' : '?'}: ${type}`).join('; ')} }`;
  const writes = mode === 'write';
  const answer = answerType(described);
  const parameters = [
    'session: Session',
    ...(fields.length === 0 ? [] : [`asked: ${asked}${needed ? '' : ' = {}'}`]),
    ...(writes ? ['options: WriteOptions = {}'] : []),
  ];
  const call = [
    `method: ${JSON.stringify(method)}`,
    `path: ${JSON.stringify(path)}`,
    ...(fields.length === 0 ? [] : [callFields(fields)]),
  ].join(', ');
  const verb = writes ? 'typedWrite' : 'typedRead';
  const returned = writes ? `Written<${answer}>` : answer;
  return [
    `/** \`${oneLine(method)} ${oneLine(path)}\`${summaryOf(described)} */`,
    `export function ${name}(${parameters.join(', ')}): Promise<${returned}> {`,
    `  return ${verb}<${answer}>(session, { ${call} }${writes ? ', options' : ''});`,
    '}',
  ].join('\n');
}

interface Field {
  readonly field: 'params' | 'query' | 'headers' | 'json' | 'body' | 'at';
  readonly required: boolean;
  readonly type: string;
  /** Of a body that is not JSON. */
  readonly contentType?: string;
}

function fieldsOf(described: Json, mode: Operation['mode']): readonly Field[] {
  const parameters = described.parameters as readonly Json[];
  const fields: Field[] = [];
  for (const [place, field] of Object.entries(places) as [keyof typeof places, Field['field']][]) {
    const own = parameters.filter((each) => each.in === place && !isTransaction(each));
    if (own.length === 0) continue;
    const types = own.map((each) => {
      const optional = each.required === true ? '' : '?';
      return `readonly ${propertyName(String(each.name))}${optional}: ${parameterType(each.schema)}`;
    });
    const required = own.some((each) => each.required === true);
    fields.push({ field, required, type: `{ ${types.join('; ')} }` });
  }
  if (mode === 'historical') fields.push({ field: 'at', required: true, type: 'TxId' });
  const body = bodyOf(described.requestBody);
  return body === undefined ? fields : [...fields, body];
}

/** The header by which a historical endpoint is told what to look at has a field of its own. */
function isTransaction(parameter: Json): boolean {
  return parameter.in === 'header' && String(parameter.name).toLowerCase() === 'x-ms-ccf-transaction-id';
}

/** What goes into a path or a query is text in the end; a schema that says nothing allows all of it. */
function parameterType(schema: unknown): string {
  const type = typeOf(schema);
  return /^[\w" |]+$/.test(type) && !/\b(unknown|null|never)\b/.test(type)
    ? type
    : 'string | number | boolean';
}

function bodyOf(requestBody: unknown): Field | undefined {
  if (!isRecord(requestBody) || !isRecord(requestBody.content)) return undefined;
  const required = requestBody.required === true;
  const [first] = Object.entries(requestBody.content);
  const json = requestBody.content['application/json'];
  if (isRecord(json)) return { field: 'json', required, type: typeOf(json.schema) };
  return first && { field: 'body', required, type: 'string | Uint8Array', contentType: first[0] };
}

function callFields(fields: readonly Field[]): string {
  const plain = fields.filter(({ field }) => field !== 'body').map(({ field }) => field);
  const body = fields.find(({ field }) => field === 'body');
  const spread = plain.length === 0 ? [] : plain.map((field) => optionalField(fields, field));
  if (body === undefined) return spread.join(', ');
  const content = `{ contentType: ${JSON.stringify(body.contentType)}, content: asked.body }`;
  const given = body.required
    ? `body: ${content}`
    : `...(asked.body === undefined ? {} : { body: ${content} })`;
  return [...spread, given].join(', ');
}

function optionalField(fields: readonly Field[], name: Field['field']): string {
  const required = fields.find(({ field }) => field === name)?.required === true;
  return required
    ? `${name}: asked.${name}`
    : `...(asked.${name} === undefined ? {} : { ${name}: asked.${name} })`;
}

/** The type of the answer when all is well. */
function answerType({ responses }: Json): string {
  const good = Object.entries(isRecord(responses) ? responses : {}).filter(([status]) => /^2/.test(status));
  const types = good.map(([, response]) => {
    if (!isRecord(response) || !isRecord(response.content)) return 'unknown';
    const json = response.content['application/json'];
    if (isRecord(json)) return typeOf(json.schema);
    return Object.keys(response.content).every((type) => type.startsWith('text/')) ? 'string' : 'Uint8Array';
  });
  return types.length === 0 || types.includes('unknown') ? 'unknown' : [...new Set(types)].join(' | ');
}

function summaryOf({ summary }: Json): string {
  return typeof summary === 'string' && summary !== '' ? `: ${oneLine(summary)}` : '';
}

/** Text that stays within its comment. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[\s\u2028\u2029]+/g, ' ')
    .replaceAll('*/', '* /')
    .replaceAll('`', "'");
}
