/** What a store holds, whatever its format. */
import type { KeyObject, X509Certificate } from 'node:crypto'

export interface KeyEntry {
  alias: string
  /** The certificate of the key first; those that issued it follow. */
  chain: X509Certificate[]
  /** Throws where the password is wrong. */
  key(password: string): KeyObject
}

export interface StoreEntries {
  keys: KeyEntry[]
  trusted: X509Certificate[]
}

/** The password of the store or of a key is wrong. Its message never has it. */
export class WrongPasswordError extends Error {
  override name = 'WrongPasswordError'
}
