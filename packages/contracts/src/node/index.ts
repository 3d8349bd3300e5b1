export { readSourceMap } from './source-map.ts';
