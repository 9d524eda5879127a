/** A record that cannot be written as the data structure that the settings say. */
export class UnwritableRecord extends Error {
  override name = 'UnwritableRecord'
}
