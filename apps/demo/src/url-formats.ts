/** Whether a text is a URL that the client of this kind of server understands. */
export const URL_FORMATS = {
  'redis-url': (text: string): boolean => {
    const url = urlOf(text, ['redis:', 'rediss:'])
    return url !== undefined && /^\/?\d*$/.test(url.pathname) && url.search === ''
  },
  'http-url': (text: string): boolean => {
    const url = urlOf(text, ['http:', 'https:'])
    return url !== undefined && url.pathname === '/' && url.search === '' && url.hash === '' && url.username === ''
  },
  'postgres-url': (text: string): boolean => {
    const url = urlOf(text, ['postgres:', 'postgresql:'])
    return url !== undefined && /^\/[^/]+$/.test(url.pathname)
  }
}

/** Clients decode what is percent-encoded, and throw at what cannot be decoded. */
function urlOf(text: string, protocols: readonly string[]): URL | undefined {
  const url = URL.parse(text)
  if (url === null || url.hostname === '' || !protocols.includes(url.protocol)) return undefined
  try {
    decodeURIComponent(url.username + url.password + url.pathname)
    return url
  } catch {
    return undefined
  }
}
