import type { ConnectionRef, ProviderConnectionCache } from '@dashtam/provider-connection-cache'
import type { Connection } from '../domain/connection.ts'
import { ProviderError } from '../domain/provider.ts'

export function refOf({ id, provider, userId }: Connection): ConnectionRef {
  return { connectionId: id, provider, userId }
}

/** Asks providers with the token of a connection, and once more with another one if that is refused. */
export class ProviderAccess {
  readonly #connections: ProviderConnectionCache<Connection>

  constructor(connections: ProviderConnectionCache<Connection>) {
    this.#connections = connections
  }

  /** @throws ProviderError as `ask` does, and `refused` when the connection has to be made anew. */
  async ask<T>(connection: Connection, ask: (accessToken: string) => Promise<T>): Promise<T> {
    const ref = refOf(connection)
    const token = await this.#token(ref)
    try {
      return await ask(token)
    } catch (error) {
      if (!isRefusal(error)) throw error
      await this.#connections.dropToken(ref)
      return ask(await this.#token(ref))
    }
  }

  async #token(ref: ConnectionRef): Promise<string> {
    try {
      const token = await this.#connections.token(ref)
      if (token !== undefined) return token.accessToken
    } catch (error) {
      // By now the database says that it is expired.
      if (isRefusal(error)) await this.#connections.change(ref, () => undefined)
      throw error
    }
    throw new ProviderError('refused', 'There is no such connection any more.')
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ProviderError && error.kind === 'refused'
}
