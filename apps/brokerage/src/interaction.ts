import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { InteractionResults, default as Provider } from 'oidc-provider'
import { SCOPES } from './authorization-server.ts'
import { CUSTOMER } from './customers.ts'
import { page } from './html.ts'
import { sendProblem } from './problem.ts'

export interface InteractionOptions {
  readonly provider: () => Provider
}

const TITLE = 'Let Dashtam see your accounts?'

/** The one page of a flow: who it is, and whether he allows it. The cookies of the flow say which browser may answer. */
export const interaction: FastifyPluginAsync<InteractionOptions> = async (app, { provider }) => {
  // Forms here and nowhere else: any page can have a browser send one.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) => {
    done(null, Object.fromEntries(new URLSearchParams(String(body))))
  })

  app.get('/interaction/:uid', async (request, reply) => {
    const details = await detailsOf(request, reply)
    return details === undefined ? sendOver(reply) : sendForm(reply, 200, details.uid)
  })

  app.post<{ Body: { customer?: string; decision?: string } }>('/interaction/:uid', async (request, reply) => {
    const details = await detailsOf(request, reply)
    if (details === undefined) return sendOver(reply)
    const { customer = '', decision } = request.body ?? {}
    if (decision === 'refuse') {
      return finish(request, reply, { error: 'access_denied', error_description: 'The customer has refused.' })
    }
    if (!CUSTOMER.test(customer)) return sendForm(reply, 400, details.uid)
    const grant = new (provider().Grant)({ accountId: customer, clientId: String(details.params.client_id) })
    grant.addOIDCScope(SCOPES.join(' '))
    return finish(request, reply, {
      login: { accountId: customer, remember: false },
      consent: { grantId: await grant.save() }
    })
  })

  /** `undefined` for a flow that is over, or another browser's. */
  async function detailsOf(request: FastifyRequest, reply: FastifyReply) {
    const { uid } = request.params as { readonly uid: string }
    try {
      const details = await provider().interactionDetails(request.raw, reply.raw)
      return details.uid === uid ? details : undefined
    } catch {
      return undefined
    }
  }

  async function finish(
    request: FastifyRequest,
    reply: FastifyReply,
    result: InteractionResults
  ): Promise<FastifyReply> {
    const options = { mergeWithLastSubmission: false }
    return reply.redirect(await provider().interactionResult(request.raw, reply.raw, result, options), 303)
  }
}

function sendForm(reply: FastifyReply, status: number, uid: string): FastifyReply {
  const wrong = status === 200 ? '' : '<p role="alert">A customer is 1 to 40 of a-z, 0-9 and -.</p>'
  return sendPage(
    reply,
    status,
    TITLE,
    `<p>Dashtam will see your accounts and their transactions, and cannot move money.</p>
${wrong}<form method="post" action="/interaction/${uid}">
<p><label>Customer <input name="customer" value="demo" required maxlength="40" autocomplete="username"></label></p>
<p><button type="submit">Allow</button> <button type="submit" name="decision" value="refuse" formnovalidate>Refuse</button></p>
</form>`
  )
}

function sendPage(reply: FastifyReply, status: number, title: string, body: string): FastifyReply {
  return reply
    .code(status)
    .headers({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    })
    .type('text/html; charset=utf-8')
    .send(page(title, body))
}

function sendOver(reply: FastifyReply): FastifyReply {
  const { accept = '' } = reply.request.headers
  if (!accept.includes('text/html')) return sendProblem(reply, 404, 'There is no such flow in this browser.')
  return sendPage(reply, 404, 'This is over', '<p>There is no such flow in this browser. Begin again.</p>')
}
