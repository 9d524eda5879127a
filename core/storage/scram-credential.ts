/**
 * A user of SCRAM as `kafka-storage format --add-scram` takes it, `SCRAM-SHA-256=[name=alice,password=secret]`, and the record that the
 * metadata log has of it: keys that are derived from the password (RFC 5802), never the password. Pure.
 */
import { credentialOf, isScramMechanism, saltedPasswordSync, scramAlgorithms } from '../security/sasl/scram-mechanism.ts'
import type { NewMetadataRecord } from '../wire/metadata-records.ts'

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
  if (!isScramMechanism(name)) {
    throw new Error(
      name === ''
        ? 'Failed to find a mechanism and its configuration in [ ] in the SCRAM argument'
        : `The add-scram mechanism ${name} is not supported.`,
    )
  }
  const { type: mechanism, minIterations, maxIterations } = scramAlgorithms[name]
  const given = components(inner)
  const take = (key: string) => {
    const value = given.get(key)
    given.delete(key)
    return value
  }
  const user = take('name')
  if (user === undefined) throw new Error("You must supply 'name' to add-scram")
  const saltText = take('salt')
  const iterations = Number(take('iterations') ?? minIterations)
  const password = take('password')
  const saltedText = take('saltedpassword')
  if (password === undefined && saltedText === undefined)
    throw new Error("You must supply one of 'password' or 'saltedpassword' to add-scram")
  if (password === undefined && saltText === undefined) throw new Error("You must supply 'salt' with 'saltedpassword' to add-scram")
  if (given.size > 0) throw new Error(`Unknown SCRAM configurations: ${[...given.keys()].join(', ')}`)
  if (!Number.isInteger(iterations) || iterations < minIterations)
    throw new Error(`The 'iterations' value must be >= ${minIterations} for add-scram using ${name}`)
  if (iterations > maxIterations) throw new Error(`The 'iterations' value must be <= ${maxIterations} for add-scram using ${name}`)
  const salt = saltText === undefined ? newSalt() : decoded(saltText, 'salt')
  const salted = password === undefined ? decoded(saltedText!, 'saltedpassword') : saltedPasswordSync(name, password, salt, iterations)
  return { type: 'UserScramCredentialRecord', name: user, mechanism, ...credentialOf(name, salted, salt, iterations) }
}
