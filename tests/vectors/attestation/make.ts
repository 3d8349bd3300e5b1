// Makes the vectors of this folder anew, with keys of its own that are then forgotten:
// bin/runtime tests/vectors/attestation/make.ts
import { Folder } from './make/folder.ts';
import { makeIntel } from './make/intel.ts';
import { makeNitro, makeVirtual } from './make/others.ts';
import { makeSnp } from './make/snp.ts';
import { makeTpm } from './make/tpm.ts';

const folder = new Folder(import.meta.dirname);
const amd = makeSnp(folder);
const intel = makeIntel(folder);
const aws = makeNitro(folder);
makeTpm(folder);
makeVirtual(folder);
folder.finish({ amd, intel, aws, tpm: [] });
