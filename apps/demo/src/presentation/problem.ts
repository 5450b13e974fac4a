import { STATUS_CODES } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { ProviderError } from '../domain/provider.ts'

/** An error as every route answers it: RFC 9457. */
export const Problem = Type.Object(
  {
    type: Type.String({ description: '`about:blank`: the status says it all.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'Where: a JSON pointer, preceded by the part of the request.' }),
          detail: Type.String()
        })
      )
    )
  },
  { $id: 'Problem', description: 'What went wrong (RFC 9457).' }
)

interface ProblemError {
  readonly pointer: string
  readonly detail: string
}

/** A route's answer of this kind, for its schema. */
export function problemResponse(description: string) {
  return { description, content: { 'application/problem+json': { schema: Type.Ref('Problem') } } }
}

export function sendProblem(
  reply: FastifyReply,
  status: number,
  detail?: string,
  errors?: readonly ProblemError[]
): FastifyReply {
  const title = STATUS_CODES[status] ?? 'Error'
  const problem = { type: 'about:blank', title, status, detail, errors }
  // Serialized here: a problem has one shape, whether or not the route's schema knows the status.
  return reply.code(status).type('application/problem+json').serializer(JSON.stringify).send(problem)
}

/** What a failure of a provider is to whoever asks us: that it was not us, and when to try again. */
export function providerProblem({ kind, message, retryAfterSeconds }: ProviderError) {
  if (kind === 'slow') return { status: 504, detail: message }
  if (kind === 'busy') return { status: 503, detail: message, retryAfterSeconds }
  if (kind === 'refused') return { status: 502, detail: `${message} Connect it again.` }
  return { status: 502, detail: message }
}

function sendProviderProblem(error: ProviderError, reply: FastifyReply): FastifyReply {
  const { status, detail, retryAfterSeconds } = providerProblem(error)
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds))
  return sendProblem(reply, status, detail)
}

export interface ProblemOptions {
  /** Tells the errors that pass when the database comes back. */
  readonly isUnavailable: (error: unknown) => boolean
  /** Hears of each of them. */
  readonly onUnavailable: (error: unknown) => void
}

/** Makes every error and every unknown address a problem document. What we did not foresee is logged, and not shown. */
export function registerProblems(app: FastifyInstance, { isUnavailable, onUnavailable }: ProblemOptions): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    if (error.validation !== undefined) return sendInvalid(error, reply)
    if (error instanceof ProviderError) {
      request.log.warn({ err: error }, 'a provider has failed')
      return sendProviderProblem(error, reply)
    }
    const status = error.statusCode ?? 500
    if (status >= 400 && status < 500) return sendProblem(reply, status, error.message)
    if (isUnavailable(error)) {
      onUnavailable(error)
      return sendProblem(reply.header('retry-after', '1'), 503, 'The database is unavailable.')
    }
    // Of a plugin that refuses while the cache is away, in words for whoever asks.
    if (status === 503) return sendProblem(reply.header('retry-after', '1'), 503, error.message)
    request.log.error({ err: error }, 'the request failed')
    return sendProblem(reply, 500)
  })
  app.setNotFoundHandler((_request, reply) => sendProblem(reply, 404))
}

function sendInvalid({ message, validation = [], validationContext = 'body' }: FastifyError, reply: FastifyReply) {
  const errors = validation.map(({ instancePath, params, message: detail = 'is not valid' }) => {
    const property = params.additionalProperty ?? params.missingProperty
    const path = property === undefined ? instancePath : `${instancePath}/${escapePointer(String(property))}`
    return { pointer: `${validationContext}#${path}`, detail }
  })
  return sendProblem(reply, 400, message, errors)
}

/** RFC 6901, section 3. */
function escapePointer(token: string): string {
  return token.replaceAll('~', '~0').replaceAll('/', '~1')
}
