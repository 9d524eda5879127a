/**
 * Loads node-forge, which has DER and what OpenSSL 3 has no more, at its first use: most processes read neither a binary store nor the
 * certificate of a client. Its bytes are strings of Latin-1.
 */
import { createRequire } from 'node:module'
import type { asn1, cipher, md, util } from 'node-forge'

/** What the declarations of its types do not have. */
interface Undeclared {
  asn1: { fromDer(bytes: string, options: { parseAllBytes: boolean; decodeBitStrings: boolean; maxDepth: number }): asn1.Asn1 }
  md: { algorithms: Readonly<Record<string, { create(): md.MessageDigest }>> }
  pki: {
    oids: Readonly<Record<string, string>>
    pbe: { getCipher(algorithm: string, parameters: asn1.Asn1, password: string): cipher.BlockCipher }
  }
}
type Forge = typeof import('node-forge') & Undeclared

let loaded: Forge | undefined
export function forge(): Forge {
  loaded ??= createRequire(import.meta.url)('node-forge') as Forge
  return loaded
}

export const toForge = (bytes: Buffer): util.ByteStringBuffer => forge().util.createBuffer(bytes.toString('latin1'))
export const fromForge = (bytes: util.ByteStringBuffer): Buffer => Buffer.from(bytes.getBytes(), 'latin1')
