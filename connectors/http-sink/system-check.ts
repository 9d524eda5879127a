/**
 * Whether the server can be reached as the settings say: a HEAD, which changes nothing, to the URL, or to the root of its host where the
 * URL depends on records.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { checkRequest } from '../http-driver/system-check.ts'
import type { HttpSinkOptions } from './options.ts'
import { placeholdersIn } from './template.ts'

export function checkServer(options: HttpSinkOptions, signal: AbortSignal): Promise<readonly SettingProblem[]> {
  const { client, authorization, names, headers } = options
  const isConstant = placeholdersIn(options.url).length === 0
  const url = isConstant ? new URL(options.url) : new URL('/', new URL(options.url.replaceAll(/\$\{[^{}]*\}/g, 'x')))
  return checkRequest(
    {
      client,
      authorization,
      names,
      request: { method: 'HEAD', url, headers, largeBody: 'cut', redirects: isConstant ? 'follow' : 'return' },
      // A server need not know HEAD, so other statuses say nothing.
      judge: () => [],
    },
    signal,
  )
}
