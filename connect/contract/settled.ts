/**
 * Converts as the runtime does: after what a converter waits for is loaded, again.
 */
import { SchemaPending } from '../sdk/index.ts'

export async function settled<T>(work: () => T): Promise<T> {
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof SchemaPending)) throw error
      await error.loaded
    }
  }
}
