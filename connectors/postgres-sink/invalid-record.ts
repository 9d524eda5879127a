/** A record that cannot be mapped to a row; the message says why. */
export class InvalidRecord extends Error {
  override name = 'InvalidRecord'
}
