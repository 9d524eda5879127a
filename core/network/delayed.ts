export interface FetchWaiters {
  readonly waiting: number
}
