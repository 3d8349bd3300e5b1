export { type AesKey, aesGcmOpen, aesGcmSeal, BlockCipher, importAesKey } from './aes.ts';
export type { Curve, HashName, KeyKind, KeySpec, KeyType, Scheme } from './backend/backend.ts';
export {
  type CborForm,
  type CborMap,
  CborTag,
  type CborValue,
  decodeCbor,
  encodeCbor,
  isCborArray,
  isCborMap,
} from './cbor.ts';
export {
  type CoseAlgorithm,
  type CoseHeaders,
  type CoseLabel,
  coseAlgorithmOf,
  coseAlgorithms,
  coseLabel,
  draftSign1,
  encodeSign1,
  parseSign1,
  type Sign1,
  type Sign1Content,
  type Sign1Draft,
  signSign1,
  sigStructure,
  type VerifySign1Options,
  verifySign1,
} from './cose.ts';
export {
  type ByteString,
  concatBytes,
  equalBytes,
  fromBase64,
  fromBase64Url,
  fromHex,
  readU32,
  toBase64,
  toBase64Url,
  toHex,
  u32,
} from './encoding.ts';
export { CryptoError, type CryptoErrorCode } from './errors.ts';
export {
  constantTimeEqual,
  digest,
  HmacKey,
  hkdfSha256,
  hmac,
  hmacSha256,
  sha256,
  sha256ByteString,
  sha256Hex,
} from './hash.ts';
export {
  eddsaJwkToPem,
  eddsaPemToJwk,
  type Jwk,
  jwkToPem,
  pemToJwk,
  privateKeyFromJwk,
  privateKeyToJwk,
  pubEddsaJwkToPem,
  pubEddsaPemToJwk,
  pubJwkToPem,
  publicKeyFromJwk,
  publicKeyToJwk,
  pubPemToJwk,
  pubRsaJwkToPem,
  pubRsaPemToJwk,
  rsaJwkToPem,
  rsaPemToJwk,
} from './jwk.ts';
export {
  aesKwpUnwrap,
  aesKwpWrap,
  rsaAesKwpUnwrap,
  rsaAesKwpWrap,
  rsaOaepUnwrap,
  rsaOaepWrap,
} from './key-wrap.ts';
export {
  generateKeyPair,
  importPrivateKey,
  importPublicKey,
  type PrivateKey,
  type PublicKey,
} from './keys.ts';
export { decodePem, encodePem, type PemBlock } from './pem.ts';
export type { Random } from './random.ts';
export { SealingKey } from './sealing-key.ts';
export { combineShares, sampleSecret, shareIndex, shareWrappingKey, splitSecret } from './share.ts';
export {
  type EcdsaFormat,
  type EcdsaOptions,
  ecdsaFromDer,
  ecdsaToDer,
  type RsaOptions,
  type RsaPssOptions,
  signEcdsa,
  signEddsa,
  signRsaPkcs1,
  signRsaPss,
  verifyEcdsa,
  verifyEcdsaDigest,
  verifyEddsa,
  verifyRsaPkcs1,
  verifyRsaPss,
} from './sign.ts';
export {
  type Certificate,
  type CertificateExtension,
  parseCertificate,
  publicKeyOf,
  type SubjectAltName,
  splitPemBundle,
  verifyIssuedBy,
} from './x509/certificate.ts';
export { verifyChain } from './x509/chain.ts';
export { type Crl, parseCrl, verifyCrl } from './x509/crl.ts';
export { type Csr, createCsr, parseCsr, verifyCsr } from './x509/csr.ts';
export { type CertificateRequest, issueCertificate } from './x509/issue.ts';
