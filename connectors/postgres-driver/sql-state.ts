/** Whether the code of an error is one of the server's. Those of the system, such as EPIPE, may have five letters too. */
export const isSqlState = (code: string | undefined): code is string => code !== undefined && /^(?!E)[0-9A-Z]{5}$/.test(code)
