/** Settings that the REST APIs of the worker and of the registry have alike: which web pages may call them, and headers of responses. */
import { setting } from '../connect/sdk/index.ts'

/** `ownNames` tells which hosts are allowed anyway; `also` is added to the documentation. */
export const webSettings = (ownNames: string, also = '') => ({
  'access.control.allow.origin': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Origins whose web pages may call the API, separated by commas; * for all.',
  }),
  'access.control.allow.methods': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Methods that these pages may use; GET, POST and HEAD by default.',
  }),
  'access.control.allow.hosts': setting.list({
    default: [],
    importance: 'LOW',
    doc: `A setting of Tributary's own: names under which browsers may call the API, besides localhost, IP addresses, this machine's host name and the hosts of ${ownNames}; * for any.${also}`,
    check: (hosts) => {
      const [wrong] = hosts.filter((host) => host !== '' && !/^[^\s/?#@\\]+$/.test(host))
      return wrong === undefined ? undefined : `${wrong} is not a host name; write it as in http://NAME:8083, without http:// and the port`
    },
  }),
  'response.http.headers.config': setting.string({
    default: '',
    importance: 'LOW',
    doc: 'Headers of every response, as `set X-Frame-Options: DENY`, separated by commas.',
  }),
})
