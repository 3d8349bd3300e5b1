/** Bytes of one entry, header included. Larger sizes in a header are corruption, not data. */
export const entryBytesMax = 2 ** 30;

/** Bytes of a chunk file: the positions table holds unsigned 32-bit offsets. */
export const chunkBytesMax = 2 ** 32 - 1;

/** Bytes of a snapshot's entry: what one typed array can hold, with room for the receipt. */
export const snapshotBytesMax = 2 ** 32;

/** Steps of a Merkle proof: a tree of 2^53 leaves is as high as seqnos go. */
export const proofStepsMax = 53;

/** Characters of commit evidence (CDDL: tstr .size (1..1024)). */
export const commitEvidenceMax = 1024;

/** Service certificates between a node certificate and the trusted one, one per disaster recovery. */
export const serviceEndorsementsMax = 64;

/** Proofs that one COSE receipt may carry. */
export const coseProofsMax = 64;

/** Bytes of a COSE receipt or endorsement. */
export const coseBytesMax = 2 ** 20;

/** Characters of one PEM certificate in a receipt. */
export const pemCharsMax = 64 * 1024;

/** Views of a view history read from a snapshot. */
export const viewsMax = 2 ** 20;

/** Problems an audit reports before it stops looking. */
export const auditProblemsMax = 100;

/** Distinct map names whose UTF-8 form is kept at hand by the encoder. */
export const mapNamesCached = 1024;

/** Bytes the encoder takes from the engine at a time. Entries are laid out in it one behind the other. */
export const slabBytes = 64 * 1024;

/** Node certificates that verified and need not be parsed again. */
export const nodeCertificatesRemembered = 64;
