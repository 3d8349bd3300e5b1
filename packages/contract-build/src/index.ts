export {
  type Bundle,
  type EndpointProps,
  type Endpoints,
  endpointsOf,
  installProposal,
  type PlacedEndpoint,
} from './bundle.ts';
export {
  type Aspect,
  type ChangedEndpoint,
  type ChangedModule,
  type Comparison,
  compareBundles,
  type Difference,
  differencesOf,
  mapsOf,
} from './compare.ts';
export { type CountedScript, coverageOf, type FileCoverage } from './coverage.ts';
export { BuildError, type BuildErrorCode } from './errors.ts';
export { type BuildOptions, type Built, buildBundle, contractName } from './node/build.ts';
export type { Part } from './node/bundler.ts';
export type { TypeCheck } from './node/check-types.ts';
