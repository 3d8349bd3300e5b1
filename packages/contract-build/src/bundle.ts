import type { CompensationDeclaration, IndexDeclaration } from '@coco/contracts';
import { BuildError } from './errors.ts';

/** How one function is reached: an entry of `app.json`. */
export interface EndpointProps {
  readonly js_module: string;
  readonly js_function: string;
  readonly mode: string;
  readonly authn_policies: readonly unknown[];
  readonly forwarding_required?: string;
  readonly redirection_strategy?: string;
  readonly openapi?: unknown;
  readonly openapi_hidden?: boolean;
  readonly interpreter_reuse?: { readonly key: string };
  /** Ours: who sees what it writes, where that is kept, and which maps it reads past its caller. */
  readonly access?: {
    readonly audience?: readonly string[];
    readonly within?: readonly string[];
    readonly reads?: readonly string[];
    readonly home?: 'everywhere' | 'parties';
    readonly lend?: boolean;
  };
}

/** Endpoints by path, then by method. */
export type Endpoints = Readonly<Record<string, Readonly<Record<string, EndpointProps>>>>;

/** Indexes by name. An extension of CCF's format, which ignores it. */
export type Indexes = Readonly<Record<string, IndexDeclaration>>;

/** A bundle as governance installs it (`set_js_app`): CCF's format. */
export interface Bundle {
  readonly metadata: {
    readonly endpoints: Endpoints;
    readonly indexes?: Indexes;
    readonly compensations?: readonly CompensationDeclaration[];
  };
  readonly modules: readonly { readonly name: string; readonly module: string }[];
}

/** One endpoint with where it is reached. */
export interface PlacedEndpoint {
  /** `POST /notes`. */
  readonly route: string;
  readonly method: string;
  readonly path: string;
  readonly props: EndpointProps;
}

/** The endpoints of a bundle in the order of their routes. */
export function endpointsOf(bundle: Bundle): readonly PlacedEndpoint[] {
  const placed = Object.entries(bundle.metadata.endpoints).flatMap(([path, methods]) =>
    Object.entries(methods).map(([name, props]) => {
      const method = name.toUpperCase();
      return { route: `${method} ${path}`, method, path, props };
    }),
  );
  return placed.sort((a, b) => (a.route < b.route ? -1 : 1));
}

/** The proposal that installs a bundle. */
export function installProposal(bundle: Bundle): { readonly actions: readonly object[] } {
  return { actions: [{ name: 'set_js_app', args: { bundle, disable_bytecode_cache: false } }] };
}

/** A bundle out of parsed JSON: the bundle itself or a proposal that installs one. Undefined for anything else. */
export function bundleIn(value: Readonly<Record<string, unknown>>, file: string): Bundle | undefined {
  if ('modules' in value) return value as unknown as Bundle;
  if (!Array.isArray(value.actions)) return undefined;
  const actions = value.actions as readonly { name?: unknown; args?: { bundle?: Bundle } }[];
  const found = actions.find(({ name }) => name === 'set_js_app')?.args?.bundle;
  if (found === undefined)
    throw new BuildError('ContractInvalid', `${file} is a proposal that installs no contract`);
  return found;
}
