/**
 * When a login gets its next token, by the settings `sasl.login.refresh.*`, as Kafka's ExpiringCredentialRefreshingLogin. Pure.
 */
import type { AccessToken } from './access-token.ts'
import { doubleSetting, longSetting, type SaslSettings } from './sasl-settings.ts'

/** After a login that failed, and for a token that has expired already. */
export const RELOGIN_AFTER_FAILURE_MS = 10_000
/** A token that ends soon would be asked for again and again. */
const MIN_DELAY_MS = 1_000

export interface RefreshSettings {
  readonly windowFactor: number
  readonly windowJitter: number
  readonly minPeriodMs: number
  readonly bufferMs: number
}

export function refreshSettings(settings: SaslSettings): RefreshSettings {
  const { minPeriod, buffer } = {
    minPeriod: longSetting(settings, 'sasl.login.refresh.min.period.seconds', { fallback: 60, min: 0, max: 900 }),
    buffer: longSetting(settings, 'sasl.login.refresh.buffer.seconds', { fallback: 300, min: 0, max: 3600 }),
  }
  return {
    windowFactor: doubleSetting(settings, 'sasl.login.refresh.window.factor', { fallback: 0.8, min: 0.5, max: 1 }),
    windowJitter: doubleSetting(settings, 'sasl.login.refresh.window.jitter', { fallback: 0.05, min: 0, max: 0.25 }),
    minPeriodMs: minPeriod * 1000,
    bufferMs: buffer * 1000,
  }
}

/** Milliseconds since the epoch. `fraction` is random, from 0 to 1. */
export function refreshAtMs(token: AccessToken, settings: RefreshSettings, nowMs: number, fraction: number): number {
  const { startMs, endMs } = token
  if (endMs <= nowMs) return nowMs + RELOGIN_AFTER_FAILURE_MS
  const share = settings.windowFactor + settings.windowJitter * fraction
  const least = nowMs + settings.minPeriodMs
  const latest = endMs - settings.bufferMs
  // The token is too short for the period and the buffer.
  if (least > latest) return nowMs + Math.max(MIN_DELAY_MS, Math.floor((endMs - nowMs) * share))
  const start = startMs ?? nowMs
  const proposed = start + Math.floor((endMs - start) * share)
  return Math.max(least, Math.min(latest, proposed))
}
