/** The samples of a window, as quota.window.num and quota.window.size.seconds have them. */
export interface QuotaWindow {
  readonly samples: number
  readonly sampleMs: number
}
