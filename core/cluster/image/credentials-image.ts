/**
 * SCRAM credentials, ACLs and delegation tokens, as their records have them: also those that this release does not enforce are kept.
 * Pure.
 */
import { type Acl, aclKey } from '../../security/acl/acl.ts'
import type { MetadataRecord, MetadataRecordOf } from '../../wire/metadata-records.ts'
import { metadataCheck } from './damaged-metadata.ts'

export type ScramCredential = Omit<MetadataRecordOf<'UserScramCredentialRecord'>, 'type'>
export type AccessControlEntry = Omit<MetadataRecordOf<'AccessControlEntryRecord'>, 'type'>
export type DelegationToken = Omit<MetadataRecordOf<'DelegationTokenRecord'>, 'type'>

const NO_IDS: readonly string[] = []

const scramKey = ({ mechanism, name }: { mechanism: number; name: string }): string => `${mechanism} ${name}`

export class CredentialsImage {
  readonly #scram = new Map<string, ScramCredential>()
  readonly #acls = new Map<string, AccessControlEntry>()
  /** The ids of the entries that say the same: one, unless an old release of Apache Kafka wrote more. */
  readonly #aclIds = new Map<string, string[]>()
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

  /** The ids of the entries that say the same as `acl`. */
  aclIds(acl: Acl): readonly string[] {
    return this.#aclIds.get(aclKey(acl)) ?? NO_IDS
  }

  addAcl({ type: _, ...entry }: MetadataRecordOf<'AccessControlEntryRecord'>): void {
    const replaced = this.#acls.get(entry.id)
    if (replaced) this.#forgetAcl(replaced)
    this.#acls.set(entry.id, entry)
    const key = aclKey(entry)
    this.#aclIds.set(key, [...(this.#aclIds.get(key) ?? NO_IDS), entry.id])
  }

  removeAcl({ id }: MetadataRecordOf<'RemoveAccessControlEntryRecord'>): void {
    const entry = this.#acls.get(id)
    metadataCheck(entry, `the ACL ${id} is removed, and it does not exist`)
    this.#forgetAcl(entry)
    this.#acls.delete(id)
  }

  #forgetAcl(entry: AccessControlEntry): void {
    const key = aclKey(entry)
    const others = this.aclIds(entry).filter((id) => id !== entry.id)
    if (others.length > 0) this.#aclIds.set(key, others)
    else this.#aclIds.delete(key)
  }

  setToken(record: MetadataRecordOf<'DelegationTokenRecord'>): void {
    const { owner, requester, renewers, issueTimestamp, maxTimestamp, expirationTimestamp, tokenId } = record
    this.#tokens.set(tokenId, { owner, requester, renewers, issueTimestamp, maxTimestamp, expirationTimestamp, tokenId })
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
