/**
 * Goal: a PKCS#12 store costs no more than its bounds, and is refused in words where its algorithms are unknown. Method: stores that the
 * test writes, the smallest that have the part in question.
 */
import { expect, it } from 'vitest'
import { readPkcs12 } from '../../../../core/security/tls/pkcs12.ts'
import { oidBytes, tlv } from '../../../certificates.ts'

const [INTEGER, OCTETS, NULL, SEQUENCE, EXPLICIT, IMPLICIT] = [0x02, 0x04, 0x05, 0x30, 0xa0, 0x80]
const [DATA, ENCRYPTED_DATA] = ['1.2.840.113549.1.7.1', '1.2.840.113549.1.7.6']
const [PBES2, PBKDF2, SCRYPT] = ['1.2.840.113549.1.5.13', '1.2.840.113549.1.5.12', '1.3.6.1.4.1.11591.4.11']
const [HMAC_SHA256, AES_256, SHA256] = ['1.2.840.113549.2.9', '2.16.840.1.101.3.4.1.42', '2.16.840.1.101.3.4.2.1']
const [TRIPLE_DES, RC4] = ['1.2.840.113549.1.12.1.3', '1.2.840.113549.1.12.1.1']

const sequence = (...parts: Buffer[]) => tlv(SEQUENCE, ...parts)
const octets = (bytes: number) => tlv(OCTETS, Buffer.alloc(bytes))
const integer = (value: number) => {
  const bytes = Buffer.alloc(6)
  bytes.writeIntBE(value, 0, 6)
  return tlv(INTEGER, bytes.subarray(value > 0x7fffffff ? 0 : 2))
}
const algorithm = (name: string, parameters: Buffer) => sequence(oidBytes(name), parameters)

const storeOf = (contents: Buffer[], ...mac: Buffer[]) =>
  sequence(integer(3), sequence(oidBytes(DATA), tlv(EXPLICIT, tlv(OCTETS, sequence(...contents)))), ...mac)
const encrypted = (by: Buffer) =>
  storeOf([
    sequence(oidBytes(ENCRYPTED_DATA), tlv(EXPLICIT, sequence(integer(0), sequence(oidBytes(DATA), by, tlv(IMPLICIT, Buffer.alloc(16)))))),
  ])
const pbes2 = (derivation: string, iterations: number, cipher = AES_256) =>
  algorithm(
    PBES2,
    sequence(
      algorithm(derivation, sequence(octets(8), integer(iterations), algorithm(HMAC_SHA256, tlv(NULL)))),
      algorithm(cipher, octets(16)),
    ),
  )
const old = (name: string, iterations: number) => encrypted(algorithm(name, sequence(octets(8), integer(iterations))))
const withMac = (digest: string, iterations: number) =>
  storeOf([], sequence(sequence(algorithm(digest, tlv(NULL)), octets(32)), octets(8), integer(iterations)))

it.each([
  ['its MAC', (iterations: number) => withMac(SHA256, iterations)],
  ['PBES2', (iterations: number) => encrypted(pbes2(PBKDF2, iterations))],
  ['Triple DES', (iterations: number) => old(TRIPLE_DES, iterations)],
])('a store with too many iterations is refused before they are done (%s)', (_, store) => {
  for (const iterations of [0, -1, 5_000_001, 0x7fffffff])
    expect(() => readPkcs12(store(iterations), 'secret')).toThrow(`${iterations} iterations, at most 5000000 are read`)
  expect(() => readPkcs12(store(0x80000000), 'secret')).toThrow('an integer of at most 32 bits is expected')
  expect(() => readPkcs12(store(1), 'secret')).toThrow('the password is wrong')
})

it.each([
  ['encryption by RC4', old(RC4, 1), `encryption by ${RC4} is not supported: convert the store with keytool -importkeystore`],
  ['an unknown cipher', encrypted(pbes2(PBKDF2, 1, '1.2.3')), 'encryption by 1.2.3 is not supported: convert the store'],
  ['another key derivation', encrypted(pbes2(SCRYPT, 1)), `key derivation by ${SCRYPT} is not supported`],
  ['an unknown MAC', withMac('1.2.3', 1), 'a MAC by 1.2.3 is not supported: convert the store with keytool -importkeystore'],
  ['contents of another type', storeOf([sequence(oidBytes('1.2.3'), tlv(EXPLICIT, tlv(NULL)))]), 'content of type 1.2.3 is not supported'],
])('%s is a sentence', (_, store, sentence) => {
  expect(() => readPkcs12(store, 'secret')).toThrow(sentence)
})

it('more elements in each other than a store has are refused', () => {
  const nested = (depth: number): Buffer => (depth === 0 ? octets(1) : sequence(nested(depth - 1)))
  expect(() => readPkcs12(nested(31), 'secret')).toThrow('is not what the format has there')
  expect(() => readPkcs12(nested(32), 'secret')).toThrow('it is truncated, or no DER')
})
