/** Building is a room of its own; commands take it from here. */
export { type Bundle, buildBundle, contractName, installProposal } from '@coco/contract-build';
