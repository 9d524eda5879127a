/** The anomalies of a history, by their names in Jepsen's test of Kafka where it has one, and what each of them means. */
import type { History } from './history.ts'
import type { KeyLogs } from './key-logs.ts'

export const anomalyMeanings = {
  // Writes
  duplicate: 'one value at more than one offset of a key, its acknowledgement included',
  'inconsistent-offsets': 'one offset of a key with more than one value',
  'lost-write': 'a write that happened, below the highest offset that was read, and nobody read it',
  unseen: 'a write that happened and was not read by the end of the final reading',
  'unwritten-read': 'a value that nobody sent',
  'nonmonotonic-send': 'a later operation of a process wrote below an earlier one',
  'int-nonmonotonic-send': 'a later send of an operation wrote below an earlier one',
  'int-send-skip': 'a value of somebody else between two sends of an operation',
  // Reads
  'aborted-read': 'G1a: a committed read of a write that certainly failed',
  'precommitted-read': 'a committed read of a transaction before its commit was requested',
  'early-read': 'a read of a value before it was sent',
  'int-poll-skip': 'consecutive records of an operation leave out a record',
  'int-nonmonotonic-poll': 'consecutive records of an operation go back',
  'poll-skip': 'consecutive polls of a process leave out a record',
  'nonmonotonic-poll': 'consecutive polls of a process go back',
  // Transactions among each other
  G0: 'transactions wrote in different orders to different keys',
  G1c: 'transactions that read from each other in a circle',
  'G1c-ww': 'a circle of reads and of the order of writes',
  // Groups
  'lost-commit': 'a position of a group below one whose commit was acknowledged before',
  'unmade-commit': 'a position of a group that nobody committed',
  'aborted-commit': 'a position of a group from a transaction that certainly failed',
  'processed-twice': 'a record that two committed transactions of a group copied',
  unprocessed: 'a record before the position of a group that no committed transaction copied',
  // The end
  'hanging-transaction': 'a transaction that is still open after its timeout',
  'stuck-last-stable-offset': 'a last stable offset below the end of the log when no transaction may be open',
  'end-before-record': 'the end of a log at or below a record that was acknowledged or read',
  unfinished: 'a client that did not come to the end of its work',
} as const

export type AnomalyName = keyof typeof anomalyMeanings

/**
 * What Apache Kafka permits, so no failure: transactions are not isolated from each other's writes, and their order in one partition says
 * nothing about another.
 */
export const allowed: ReadonlySet<AnomalyName> = new Set<AnomalyName>(['int-send-skip', 'G0', 'G1c-ww'])

export interface Anomaly {
  readonly name: AnomalyName
  readonly detail: string
}

/** A pure function over a history. */
export type Rule = (history: History, logs: KeyLogs) => Iterable<Anomaly>
