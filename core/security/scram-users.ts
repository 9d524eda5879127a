/**
 * Who may log in by SCRAM: the users and the delegation tokens of the metadata log, as they are at that moment. The password of a token is
 * its HMAC in base64, and it logs in as its owner.
 */
import type { Cluster } from '../cluster/types.ts'
import { scramAlgorithms } from './sasl/scram-mechanism.ts'
import type { ScramUsers } from './sasl/types.ts'

export const scramUsersOf = (cluster: Pick<Cluster, 'scramCredential' | 'delegationTokens'>): ScramUsers => ({
  credential: (mechanism, user) => cluster.scramCredential(scramAlgorithms[mechanism].type, user) ?? null,
  token(tokenId) {
    const { delegationTokens } = cluster
    const token = delegationTokens.isEnabled ? delegationTokens.byId(tokenId) : undefined
    if (!token) return null
    const { owner, expirationTimestamp } = token
    return {
      password: delegationTokens.hmacOf(tokenId).toString('base64'),
      owner: owner.slice(owner.indexOf(':') + 1),
      expiryMs: expirationTimestamp,
    }
  },
})
