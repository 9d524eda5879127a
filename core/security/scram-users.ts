/**
 * Who may log in by SCRAM: the users of the metadata log, as they are at that moment.
 */
import type { Cluster } from '../cluster/types.ts'
import { scramAlgorithms } from './sasl/scram-mechanism.ts'
import type { ScramUsers } from './sasl/types.ts'

export const scramUsersOf = (cluster: Pick<Cluster, 'scramCredential'>): ScramUsers => ({
  credential: (mechanism, user) => cluster.scramCredential(scramAlgorithms[mechanism].type, user) ?? null,
  // There are no delegation tokens to log in with: they are kept for Apache Kafka.
  token: () => null,
})
