/** A record that cannot be written as the data structure that the settings say. */
export class InvalidRecord extends Error {
  override name = 'InvalidRecord'
}
