/**
 * Whether a poll would succeed: its first request, where that is a GET, and whether the response has what the settings name. A POST is
 * not sent: it may change something.
 */
import type { SettingProblem, WorkerLimits } from '../../connect/sdk/index.ts'
import { authorizationOf, clientOptions } from '../http-driver/client-settings.ts'
import type { ClientResponse } from '../http-driver/http-client.ts'
import { shownUrl } from '../http-driver/request-errors.ts'
import { checkRequest } from '../http-driver/system-check.ts'
import { PollRequests } from './requests.ts'
import { ResponseReader, UnreadableResponse } from './responses.ts'
import type { PollConfig } from './settings.ts'

export function checkServer(config: PollConfig, signal: AbortSignal, limits: WorkerLimits | undefined): Promise<readonly SettingProblem[]> {
  const requests = new PollRequests(config)
  const reader = new ResponseReader(config, requests.origin)
  const first = requests.at(config['http.initial.offset'])
  const isRead = config['http.request.method'] === 'GET'
  const judge = (response: ClientResponse): SettingProblem[] => {
    const { status, url } = response
    if (!isRead || status >= 500 || status === 429) return []
    if (status >= 400)
      return [{ setting: 'url', why: `${shownUrl(url)} responds with ${status}: check the URL, its parameters and the credentials` }]
    try {
      reader.read(response)
    } catch (error) {
      if (!(error instanceof UnreadableResponse)) throw error
      return [{ setting: 'http.response.data.json.pointer', why: error.message }]
    }
    return []
  }
  return checkRequest(
    {
      client: clientOptions(config, limits, { maxResponseBytes: config['response.max.bytes'], connections: 1 }),
      authorization: authorizationOf(config),
      names: {
        url: 'url',
        tokenUrl: 'oauth2.token.url',
        authorization: config['auth.type'] === 'OAUTH2' ? 'oauth2.client.secret' : 'auth.type',
        addresses: 'http.allow.private.addresses',
        certificates: 'https.ssl.truststore.location',
      },
      request: isRead ? first : { ...first, method: 'HEAD', body: null, largeBody: 'cut' },
      judge,
    },
    signal,
  )
}
