import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'

/** An error as RFC 9457 has it. */
export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail }
  return reply.code(status).type('application/problem+json').serializer(JSON.stringify).send(problem)
}
