/**
 * Longest DER structure (certificate, key, CSR) that is parsed, in bytes. Large TEE certificates are about 3
 * KB.
 */
export const derBytesMax = 64 * 1024;

/** Deepest nesting of a DER structure. A certificate needs about 10. */
export const derDepthMax = 24;

/** Longest PEM text that is split, in characters: a bundle of 64 certificates of 16 KB. */
export const pemCharsMax = 1024 * 1024;

/** Most blocks in one PEM bundle. */
export const pemBlocksMax = 64;

/** Longest certificate chain that is checked. */
export const chainLengthMax = 16;

/** Longest CBOR item that is decoded, in bytes. */
export const cborBytesMax = 16 * 1024 * 1024;

/** Deepest nesting of arrays, maps and tags in CBOR. COSE receipts need 6. */
export const cborDepthMax = 32;

/** Longest serial number of a certificate, in bytes (RFC 5280, 4.1.2.2). */
export const serialBytesMax = 20;

/** Most recovery shares of one secret. */
export const sharesMax = 1024;

/** Longest output of HKDF with SHA-256, in bytes (RFC 5869, 2.3). */
export const hkdfBytesMax = 255 * 32;

/** Key stream that a sealing key makes ahead, in bytes: two dozen short messages, and no burden where there are many keys. */
export const keyStreamAheadBytesMax = 8192;

/** Longest message, with its framing, for which a sealing key has a place ready, in bytes; others get one of their own. */
export const sealingScratchBytes = 8192;

/** The same for HMAC, with the block of the key. */
export const hmacScratchBytes = 8192 + 64;

/** RSA moduli that may be generated or used, in bits. */
export const rsaBits = { min: 2048, max: 8192 } as const;
