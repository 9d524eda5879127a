/**
 * What would fail at the first request, found before it: the address, the connection, its certificates, the token.
 * It sends no data; what a response says of the settings is for the connector to judge.
 */
import type { SettingProblem } from '../../connect/sdk/index.ts'
import { AuthorizedClient } from './authorized-client.ts'
import type { Authorization, HttpClientOptions } from './client-options.ts'
import type { ClientRequest, ClientResponse } from './http-client.ts'
import { RequestFailed, RequestRefused } from './request-errors.ts'

/** The settings to change, by their names under a class. */
export interface CheckedNames {
  readonly url: string
  readonly tokenUrl: string
  readonly authorization: string
  readonly addresses: string
  readonly certificates: string
}

export interface SystemRequest {
  readonly client: HttpClientOptions
  readonly authorization: Authorization
  readonly names: CheckedNames
  readonly request: ClientRequest
  /** What a response says of the settings. */
  judge(response: ClientResponse): readonly SettingProblem[]
}

export async function checkRequest(
  { client, authorization, names, request, judge }: SystemRequest,
  signal: AbortSignal,
): Promise<readonly SettingProblem[]> {
  const problem = (error: unknown, failed: string): SettingProblem[] => {
    if (error instanceof RequestFailed) return [{ setting: error.setting ?? failed, why: error.message }]
    if (!(error instanceof RequestRefused)) throw error
    const settings = {
      address: names.addresses,
      certificate: names.certificates,
      authorization: names.authorization,
      'token-url': names.tokenUrl,
      url: failed,
    }
    return [{ setting: error.setting ?? settings[error.about], why: error.message }]
  }
  let connected: AuthorizedClient
  try {
    connected = new AuthorizedClient(client, authorization)
  } catch (error) {
    return problem(error, names.url)
  }
  try {
    try {
      await connected.authorize()
    } catch (error) {
      return problem(error, names.tokenUrl)
    }
    const response = await connected.send({ ...request, signal })
    if (response.status === 401)
      return [{ setting: names.authorization, why: `${request.url.host} responds with 401: check the credentials` }]
    return judge(response)
  } catch (error) {
    // A server may not answer a HEAD and yet take what is sent: nothing can be said then.
    const knows = !(error instanceof RequestFailed && error.wasConnected && request.method === 'HEAD')
    if (signal.aborted || !knows) throw error
    return problem(error, names.url)
  } finally {
    await connected.close()
  }
}
