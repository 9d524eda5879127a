/**
 * SCRAM credentials, ACLs and delegation tokens, as their records have them: also those that this release does not enforce are kept.
 * Pure.
 */
import type { MetadataRecord, MetadataRecordOf } from '../../wire/metadata-records.ts'
import { metadataCheck } from './damaged-metadata.ts'

export type ScramCredential = Omit<MetadataRecordOf<'UserScramCredentialRecord'>, 'type'>
export type AccessControlEntry = Omit<MetadataRecordOf<'AccessControlEntryRecord'>, 'type'>
export type DelegationToken = Omit<MetadataRecordOf<'DelegationTokenRecord'>, 'type'>

const scramKey = ({ mechanism, name }: { mechanism: number; name: string }): string => `${mechanism} ${name}`

export class CredentialsImage {
  readonly #scram = new Map<string, ScramCredential>()
  readonly #acls = new Map<string, AccessControlEntry>()
  readonly #tokens = new Map<string, DelegationToken>()

  /** `mechanism` is 1 for SCRAM-SHA-256, 2 for SCRAM-SHA-512. */
  scramCredential(mechanism: number, name: string): ScramCredential | undefined {
    return this.#scram.get(scramKey({ mechanism, name }))
  }

  scramCredentials(): Iterable<ScramCredential> {
    return this.#scram.values()
  }

  /** By id. */
  get accessControlEntries(): ReadonlyMap<string, AccessControlEntry> {
    return this.#acls
  }

  /** By token id. */
  get delegationTokens(): ReadonlyMap<string, DelegationToken> {
    return this.#tokens
  }

  setScram(record: MetadataRecordOf<'UserScramCredentialRecord'>): void {
    const { name, mechanism, salt, storedKey, serverKey, iterations } = record
    // The bytes of the record are a view of the whole batch.
    const copies = { salt: Buffer.from(salt), storedKey: Buffer.from(storedKey), serverKey: Buffer.from(serverKey) }
    this.#scram.set(scramKey(record), { name, mechanism, ...copies, iterations })
  }

  removeScram(record: MetadataRecordOf<'RemoveUserScramCredentialRecord'>): void {
    const removed = this.#scram.delete(scramKey(record))
    metadataCheck(removed, `the SCRAM credential of user ${record.name} is removed, and there is none of mechanism ${record.mechanism}`)
  }

  addAcl({ type: _, ...entry }: MetadataRecordOf<'AccessControlEntryRecord'>): void {
    this.#acls.set(entry.id, entry)
  }

  removeAcl({ id }: MetadataRecordOf<'RemoveAccessControlEntryRecord'>): void {
    metadataCheck(this.#acls.delete(id), `the ACL ${id} is removed, and it does not exist`)
  }

  setToken({ type: _, ...token }: MetadataRecordOf<'DelegationTokenRecord'>): void {
    this.#tokens.set(token.tokenId, token)
  }

  /** A token that has expired may be removed twice, as in Apache Kafka. */
  removeToken({ tokenId }: MetadataRecordOf<'RemoveDelegationTokenRecord'>): void {
    this.#tokens.delete(tokenId)
  }

  *toRecords(): Iterable<MetadataRecord> {
    for (const entry of this.#acls.values()) yield { type: 'AccessControlEntryRecord', ...entry }
    for (const credential of this.#scram.values()) yield { type: 'UserScramCredentialRecord', ...credential }
    for (const token of this.#tokens.values()) yield { type: 'DelegationTokenRecord', ...token }
  }
}
