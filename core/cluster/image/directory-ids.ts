/** Kafka's reserved ids of log directories: a replica has one of them where no record has assigned it to a directory. */
import { ZERO_UUID } from '../../wire/types.ts'

export const MIGRATING = ZERO_UUID
export const UNASSIGNED = 'AAAAAAAAAAAAAAAAAAAAAQ'
