/** An answer of the demo, and how long it took. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: whatever the route answers
  readonly body: any
  readonly ms: number
  /** How long the demo took to read what it answers, without all that is beside it; `undefined` when it does not say. */
  readonly readMs: number | undefined
}

export interface Request {
  readonly body?: object
  /** Which of the instances is asked. @defaultValue 0 */
  readonly at?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** A client of the demo's instances: a token, or the cookies of a browser. */
export class Client {
  token: string | undefined
  readonly cookies = new Map<string, string>()
  readonly #addresses: readonly string[]

  constructor(addresses: readonly string[]) {
    this.#addresses = addresses
  }

  get(path: string, request?: Request): Promise<Answer> {
    return this.send('GET', path, request)
  }

  async send(method: string, path: string, { body, at = 0, headers = {} }: Request = {}): Promise<Answer> {
    const address = this.#addresses[at % this.#addresses.length] ?? ''
    const began = performance.now()
    const response = await fetch(path.startsWith('http') ? path : `${address}/api/v1${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
        ...(this.cookies.size > 0 && { cookie: [...this.cookies].map(pair => pair.join('=')).join('; ') }),
        ...(body && { 'content-type': 'application/json' }),
        ...headers
      },
      ...(body && { body: JSON.stringify(body) })
    })
    const text = await response.text()
    const ms = performance.now() - began
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') this.cookies.delete(name)
      else this.cookies.set(name, value)
    }
    const isJson = response.headers.get('content-type')?.includes('json') === true
    const { status, headers: answered } = response
    const timing = /read;dur=([\d.]+)/.exec(answered.get('server-timing') ?? '')?.[1]
    const readMs = timing === undefined ? undefined : Number(timing)
    return { status, headers: answered, body: isJson ? JSON.parse(text) : text, ms, readMs }
  }
}
