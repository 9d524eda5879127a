/**
 * A user of SCRAM as `kafka-storage format --add-scram` takes it, `SCRAM-SHA-256=[name=alice,password=secret]`, and the record that the
 * metadata log has of it: keys that are derived from the password (RFC 5802), never the password. Pure.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'

const DEFAULT_ITERATIONS = 4096
const MAX_ITERATIONS = 16_384
const mechanisms: Readonly<Record<string, { id: number; hash: string; bytes: number }>> = {
  'SCRAM-SHA-256': { id: 1, hash: 'sha256', bytes: 32 },
  'SCRAM-SHA-512': { id: 2, hash: 'sha512', bytes: 64 },
}

/** Splits `name=alice,password="x"` at its commas. */
function components(text: string): Map<string, string> {
  const found = new Map<string, string>()
  for (const component of text.split(',')) {
    const equals = component.indexOf('=')
    if (equals < 0) throw new Error('No equals sign found in a SCRAM component')
    found.set(component.slice(0, equals), component.slice(equals + 1).replace(/^"(.*)"$/, '$1'))
  }
  return found
}

function decoded(base64: string, what: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) throw new Error(`Failed to decode given ${what}`)
  return Buffer.from(base64, 'base64')
}

/** `newSalt` gives random bytes, for a user without a salt. Throws a sentence that does not repeat secrets. */
export function scramRecord(argument: string, newSalt: () => Buffer): NewMetadataRecord {
  const [, name = '', inner = ''] = /^\s*([^=]*)=\[(.*)\]\s*$/s.exec(argument) ?? []
  const mechanism = Object.hasOwn(mechanisms, name) ? mechanisms[name] : undefined
  if (!mechanism) {
    throw new Error(
      name === ''
        ? 'Failed to find a mechanism and its configuration in [ ] in the SCRAM argument'
        : `The add-scram mechanism ${name} is not supported.`,
    )
  }
  const given = components(inner)
  const take = (key: string) => {
    const value = given.get(key)
    given.delete(key)
    return value
  }
  const user = take('name')
  if (user === undefined) throw new Error("You must supply 'name' to add-scram")
  const saltText = take('salt')
  const iterations = Number(take('iterations') ?? DEFAULT_ITERATIONS)
  const password = take('password')
  const saltedText = take('saltedpassword')
  if (password === undefined && saltedText === undefined)
    throw new Error("You must supply one of 'password' or 'saltedpassword' to add-scram")
  if (password === undefined && saltText === undefined) throw new Error("You must supply 'salt' with 'saltedpassword' to add-scram")
  if (given.size > 0) throw new Error(`Unknown SCRAM configurations: ${[...given.keys()].join(', ')}`)
  if (!Number.isInteger(iterations) || iterations < DEFAULT_ITERATIONS)
    throw new Error(`The 'iterations' value must be >= ${DEFAULT_ITERATIONS} for add-scram using ${name}`)
  if (iterations > MAX_ITERATIONS) throw new Error(`The 'iterations' value must be <= ${MAX_ITERATIONS} for add-scram using ${name}`)
  const salt = saltText === undefined ? newSalt() : decoded(saltText, 'salt')
  const { id, hash, bytes } = mechanism
  const salted =
    password === undefined ? decoded(saltedText!, 'saltedpassword') : pbkdf2Sync(password.normalize('NFKC'), salt, iterations, bytes, hash)
  const hmac = (text: string) => createHmac(hash, salted).update(text).digest()
  const storedKey = createHash(hash).update(hmac('Client Key')).digest()
  return { type: 'UserScramCredentialRecord', name: user, mechanism: id, salt, storedKey, serverKey: hmac('Server Key'), iterations }
}
