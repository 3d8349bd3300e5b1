import type { AccessRule } from '@coco/access';
import type { CompensationDeclaration, IndexDeclaration } from '@coco/contracts';
import { json, raw, text } from './codec.ts';
import { serviceMap, serviceValue } from './table.ts';

/** Which writes an endpoint may make and which state it sees. */
export type EndpointMode = 'readwrite' | 'readonly' | 'historical';

/** One policy by name, or a group that must hold together. */
export type PolicyName = string | { readonly all_of: readonly string[] };

/** Value of `endpoints`: how a contract's function is reached. */
export interface EndpointProperties {
  /** Key in `modules`, with its leading slash. */
  readonly js_module: string;
  readonly js_function: string;
  readonly forwarding_required: 'sometimes' | 'always' | 'never';
  readonly redirection_strategy?: 'none' | 'to_primary' | 'to_backup';
  readonly authn_policies: readonly PolicyName[];
  readonly mode: EndpointMode;
  readonly openapi?: unknown;
  readonly openapi_hidden?: boolean;
  readonly interpreter_reuse?: { readonly key: string };
  /** Ours: who its transactions are for, and what it may read; a rule of `access.rules` overrides it. */
  readonly access?: AccessRule;
}

/** Value of `js_runtime_options`. */
export interface RuntimeOptions {
  readonly max_heap_bytes: number;
  readonly max_stack_bytes: number;
  readonly max_execution_time_ms: number;
  readonly log_exception_details?: boolean;
  readonly return_exception_details?: boolean;
  readonly max_cached_interpreters?: number;
  /** Whether what transactions read is recorded, for undo (default true). */
  readonly record_reads?: boolean;
}

/** Value of `contract_log`. */
export interface ContractLogRules {
  /** Policies of which one has to hold, as of an endpoint. None: nobody may. */
  readonly readers: readonly PolicyName[];
  /** Every call of the contract is noted, not only those that print or fail. */
  readonly every_call?: boolean;
}

/** Sources by path, with leading slash. */
export const modules = serviceMap('public:ccf.gov.modules', text);
/** Compiled forms of another engine; cleared with the application, never read. */
export const modulesBytecode = serviceMap('public:ccf.gov.modules_quickjs_bytecode', raw);
/** Version of the engine that compiled them. */
export const modulesBytecodeVersion = serviceValue('public:ccf.gov.modules_quickjs_version', text);
/** Written whenever the application changes: its version tells warm engines to start afresh. */
export const interpreterFlush = serviceValue('public:ccf.gov.interpreter.flush', json<boolean>());
/** Endpoints by `VERB /path`. */
export const endpoints = serviceMap('public:ccf.gov.endpoints', json<EndpointProperties>());
/** Indexes that nodes keep for the contract, by name; a table that CCF does not have. */
export const indexes = serviceMap('public:ccf.gov.indexes', json<IndexDeclaration>());
/** Functions that make up for what is undone, by `/module:function`; a table that CCF does not have. */
export const compensations = serviceMap('public:ccf.gov.compensations', json<CompensationDeclaration>());
/** Who may read what the contract prints; a table that CCF does not have. */
export const contractLogRules = serviceValue('public:ccf.gov.contract_log', json<ContractLogRules>());
/** Limits of contract execution, as voted. */
export const runtimeOptions = serviceValue('public:ccf.gov.js_runtime_options', json<RuntimeOptions>());
