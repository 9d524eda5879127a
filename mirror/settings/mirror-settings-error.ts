/** A setting that cannot be used: `setting` is its name as the user wrote it, and the message says what to change. */
export class MirrorSettingsError extends Error {
  override name = 'MirrorSettingsError'
  readonly setting: string

  constructor(setting: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.setting = setting
  }
}
