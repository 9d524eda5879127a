/** The broker's settings under chaos: much of what happens seldom happens often. */
export const chaosSettings = {
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 500,
  'transaction.state.log.num.partitions': 3,
  // A new segment, with a snapshot of the producers, every second.
  'log.roll.ms': 1_000,
} as const
