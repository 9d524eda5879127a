/**
 * What the objects of a task hold in memory, and which of them have a part to send: kept up to date as they change, since asking all of
 * them at each batch would take longer than writing it.
 */

/** The memory of an object beside its content: its encoder, its names and its place among the others. */
export const OBJECT_BYTES = 4096

/** An object with a part to send. */
export interface DueObject {
  readonly unsentBytes: number
  advance(): Promise<void>
}

export class HeldMemory {
  /** Of all objects that are not in the store yet, with `OBJECT_BYTES` for each. */
  bytes = 0
  /** Objects that records may still be added to. */
  growing = 0
  /** Those of them that have something to send. */
  readonly due = new Set<DueObject>()
}
