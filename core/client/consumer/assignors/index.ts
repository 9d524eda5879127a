/**
 * The assignors of partition.assignment.strategy, by name.
 */
import type { Assignor } from './assignor.ts'
import { range } from './range.ts'
import { roundRobin } from './round-robin.ts'
import { cooperativeSticky, sticky } from './sticky.ts'

const all: readonly Assignor[] = [cooperativeSticky, range, roundRobin, sticky]
export const assignors: ReadonlyMap<string, Assignor> = new Map(all.map((assignor) => [assignor.name, assignor]))
