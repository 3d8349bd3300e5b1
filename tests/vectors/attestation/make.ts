// Makes the vectors of this folder anew, with keys of its own that are then forgotten:
// bin/runtime tests/vectors/attestation/make.ts
import { makeAzure } from './make/azure.ts';
import { idOf } from './make/certificates.ts';
import { Folder } from './make/folder.ts';
import { intel } from './make/intel.ts';
import { makeNitro, makeVirtual } from './make/others.ts';
import { makeSgx } from './make/sgx.ts';
import { amd, makeSnp } from './make/snp.ts';
import { makeTdx } from './make/tdx.ts';
import { makeTpm } from './make/tpm.ts';

const folder = new Folder(import.meta.dirname);
const milan = amd('Milan');
const vendor = intel();
const roots = { amd: makeSnp(folder, milan), aws: makeNitro(folder), intel: [idOf(vendor.root.key)] };
makeTdx(folder, vendor);
makeSgx(folder, vendor);
makeTpm(folder);
makeAzure(folder, milan, vendor);
makeVirtual(folder);
folder.finish({ ...roots, tpm: [] });
