/** A record that cannot be written; the message says why, as the end of "the record cannot be written: …". */
export class UnwritableRecord extends Error {
  override name = 'UnwritableRecord'
}
