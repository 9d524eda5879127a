/** A record that cannot be written; the message says why, as the end of "the record cannot be written: …". */
export class UnfitRecord extends Error {
  override name = 'UnfitRecord'
}
