import { ContractError } from './errors.ts';

/** What a service may set with `set_js_runtime_options`, by the names it is stored under. */
export interface RuntimeOptions {
  readonly max_heap_bytes?: number;
  readonly max_stack_bytes?: number;
  readonly max_execution_time_ms?: number;
  readonly max_cached_interpreters?: number;
  readonly log_exception_details?: boolean;
  readonly return_exception_details?: boolean;
}

/** Bounds of running code. */
export interface Limits {
  readonly maxHeapBytes: number;
  readonly maxStackBytes: number;
  readonly maxExecutionTimeMs: number;
  readonly maxCachedInterpreters: number;
}

/** What holds when a service says nothing; the same as in CCF. Governance never runs with less. */
export const defaultLimits: Limits = {
  maxHeapBytes: 100 * 1024 * 1024,
  maxStackBytes: 1024 * 1024,
  maxExecutionTimeMs: 5000,
  maxCachedInterpreters: 10,
};

/** Bounds of the room itself. */
export const limits = {
  /** What V8 itself accepts as the smallest heap; a lower limit is made by filling the rest. */
  heapBytesFloor: 8 * 1024 * 1024,
  /** What the sandbox itself occupies; an app's own limit comes on top. */
  sandboxHeapBytes: 4 * 1024 * 1024,
  /** Heaps below this are measured after a full collection, which takes time. */
  smallHeapBytes: 64 * 1024 * 1024,
  /** Arguments that one call can push on the stack, well below V8's own bound. */
  paddingSlots: 60_000,
  /** What the sandbox, the host's answers and the compiler need of the stack; an app's own limit comes on top. */
  sandboxStackBytes: 40 * 1024,
  executionTimeMsMax: 24 * 60 * 60 * 1000,
  /** How often the watchdog looks up in the time of one entry; by the length of one pause, entries may take longer. */
  watchdogLooks: 20,
  watchdogPauseMsMax: 50,
  /** Printed lines kept of one call, and characters of one line; what is beyond is dropped and said so. */
  logLinesMax: 100,
  logLineCharactersMax: 4096,
  /** An answer's body. */
  responseBytesMax: 64 * 1024 * 1024,
  responseHeadersMax: 100,
  /** Source text of one module. */
  moduleCharactersMax: 16 * 1024 * 1024,
  modulesMax: 10_000,
  /** Source text of the modules of governance that stay compiled. */
  linkedCharactersMax: 2 * 1024 * 1024,
  /** Rows that one crossing of the boundary brings. */
  rowsPerCrossing: 256,
  /** Bytes after which a page of rows is sent as it is. */
  pageBytes: 256 * 1024,
  /** Tables whose access is remembered. */
  rememberedTablesMax: 1000,
  /** Endpoints and callers that are told to a context once. */
  numberedMax: 1000,
  /** Calls of one entry that have ended and wait to be settled. */
  reportedMax: 256,
  /** Writes that an outcome carries; more of them cross before it. */
  writesPerOutcome: 500,
  /** Random bytes fetched at once. */
  randomBytesPerCrossing: 512,
  /** Keys under which one row of a map is found in one index. */
  indexRowsPerKeyMax: 100,
  /** Indexes of one contract. */
  indexesMax: 100,
  /** Functions that a bundle may declare as compensations. */
  compensationsMax: 100,
  /** A source map that traces are told by. */
  sourceMapCharactersMax: 16 * 1024 * 1024,
  /** What is told of an exception. */
  traceCharactersMax: 8192,
  reasonCharactersMax: 4096,
} as const;

/** The limits that stored options mean. Throws ContractError 'LimitInvalid' for a nonsensical one. */
export function limitsOf(options: RuntimeOptions = {}): Limits {
  return {
    maxHeapBytes: positive('max_heap_bytes', options.max_heap_bytes, defaultLimits.maxHeapBytes),
    maxStackBytes: positive('max_stack_bytes', options.max_stack_bytes, defaultLimits.maxStackBytes),
    maxExecutionTimeMs: positive(
      'max_execution_time_ms',
      options.max_execution_time_ms,
      defaultLimits.maxExecutionTimeMs,
    ),
    maxCachedInterpreters: positive(
      'max_cached_interpreters',
      options.max_cached_interpreters,
      defaultLimits.maxCachedInterpreters,
    ),
  };
}

/** Limits for governance code: never below the defaults, so that no app limit can lock members out. */
export function governanceLimits(options: RuntimeOptions = {}): Limits {
  const wanted = limitsOf(options);
  return {
    maxHeapBytes: Math.max(wanted.maxHeapBytes, defaultLimits.maxHeapBytes),
    maxStackBytes: Math.max(wanted.maxStackBytes, defaultLimits.maxStackBytes),
    maxExecutionTimeMs: Math.max(wanted.maxExecutionTimeMs, defaultLimits.maxExecutionTimeMs),
    maxCachedInterpreters: wanted.maxCachedInterpreters,
  };
}

function positive(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new ContractError('LimitInvalid', `${name} is ${value}: it must be a non-negative integer`);
}
