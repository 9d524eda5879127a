/** A stream behind another. */
import { pipeline, type Readable } from 'node:stream'

/** An error of either stream ends the other, and is the reader's. */
export function through<S extends Readable & NodeJS.WritableStream>(source: Readable, transform: S): S {
  pipeline(source, transform, () => {})
  return transform
}
