/**
 * The two SCRAM mechanisms and their keys (RFC 5802, RFC 7677). As in Kafka a password is its UTF-8 bytes: there is no SASLprep, so that a
 * password works with every client that works with Kafka. Keys are derived in a thread of Node, except where a tool waits for nothing else.
 */
import { createHash, createHmac, pbkdf2, pbkdf2Sync, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

export type ScramMechanism = 'SCRAM-SHA-256' | 'SCRAM-SHA-512'

/** What a server stores of a password. */
export interface ScramCredential {
  readonly salt: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
  readonly iterations: number
}

export interface ScramAlgorithm {
  /** In UserScramCredentialRecord and in AlterUserScramCredentials. */
  readonly type: number
  readonly hash: 'sha256' | 'sha512'
  readonly bytes: number
  /** Kafka's limits for what a server stores. */
  readonly minIterations: number
  readonly maxIterations: number
}

const iterations = { minIterations: 4096, maxIterations: 16_384 }

export const scramAlgorithms: Readonly<Record<ScramMechanism, ScramAlgorithm>> = {
  'SCRAM-SHA-256': { type: 1, hash: 'sha256', bytes: 32, ...iterations },
  'SCRAM-SHA-512': { type: 2, hash: 'sha512', bytes: 64, ...iterations },
}

export const isScramMechanism = (name: string): name is ScramMechanism => Object.hasOwn(scramAlgorithms, name)

/** As Kafka prints it in messages: SCRAM_SHA_256. */
export const constantName = (mechanism: ScramMechanism): string => mechanism.replaceAll('-', '_')

const derive = promisify(pbkdf2)

export function saltedPassword(mechanism: ScramMechanism, password: string, salt: Buffer, rounds: number): Promise<Buffer> {
  const { bytes, hash } = scramAlgorithms[mechanism]
  return derive(Buffer.from(password), salt, rounds, bytes, hash)
}

/** The same, on the calling thread: for tools. */
export function saltedPasswordSync(mechanism: ScramMechanism, password: string, salt: Buffer, rounds: number): Buffer {
  const { bytes, hash } = scramAlgorithms[mechanism]
  return pbkdf2Sync(Buffer.from(password), salt, rounds, bytes, hash)
}

export const hmac = (mechanism: ScramMechanism, key: Buffer, text: string): Buffer =>
  createHmac(scramAlgorithms[mechanism].hash, key).update(text).digest()

const hashOf = (mechanism: ScramMechanism, bytes: Buffer): Buffer => createHash(scramAlgorithms[mechanism].hash).update(bytes).digest()

const xor = (left: Buffer, right: Buffer): Buffer => Buffer.from(left.map((byte, index) => byte ^ right[index]!))

export function credentialOf(mechanism: ScramMechanism, salted: Buffer, salt: Buffer, rounds: number): ScramCredential {
  const storedKey = hashOf(mechanism, hmac(mechanism, salted, 'Client Key'))
  return { salt, storedKey, serverKey: serverKeyOf(mechanism, salted), iterations: rounds }
}

export const serverKeyOf = (mechanism: ScramMechanism, salted: Buffer): Buffer => hmac(mechanism, salted, 'Server Key')

export function clientProof(mechanism: ScramMechanism, salted: Buffer, authMessage: string): Buffer {
  const clientKey = hmac(mechanism, salted, 'Client Key')
  return xor(clientKey, hmac(mechanism, hashOf(mechanism, clientKey), authMessage))
}

/** True where the proof was made with the password of the credential. It takes the same time either way. */
export function isProof(mechanism: ScramMechanism, { storedKey }: ScramCredential, authMessage: string, proof: Buffer): boolean {
  const { bytes } = scramAlgorithms[mechanism]
  if (proof.length !== bytes || storedKey.length !== bytes) return false
  const clientKey = xor(proof, hmac(mechanism, storedKey, authMessage))
  return timingSafeEqual(hashOf(mechanism, clientKey), storedKey)
}
